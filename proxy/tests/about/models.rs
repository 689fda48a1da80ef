//! `/models`, `/models/{id}` and `/model/info`.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Has these models, and counts how often it is asked for them.
fn repository(names: &'static [&'static str]) -> (Upstream, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let counter = count.clone();
    let upstream = Upstream::new(move |mut peer| {
        while let Some((path, _)) = peer.request() {
            assert_eq!(path, "/v2/repository/index");
            counter.fetch_add(1, Ordering::SeqCst);
            index(&mut peer, names);
        }
    });
    (upstream, count)
}

/// A server that is down.
fn nobody() -> String {
    format!("http://127.0.0.1:{}", running::free_port())
}

/// One model, all of a server's, those of a server that is down, and any name for one model.
fn each_kind(upstream: &Upstream) -> Value {
    let named = upstream.at("/v2/models/one/generate");
    json!([
        entry("m", "triton/x", &nobody()),
        entry("triton/*", "triton/*", &upstream.at("")),
        entry("down/*", "triton/*", &nobody()),
        entry("one/*", "triton/*", &named),
    ])
}

#[test]
fn a_star_is_what_the_server_has() {
    let (upstream, count) = repository(&["a", "b/c"]);
    let more = json!({"router_settings": {"model_group_alias": {"gpt": "m", "dark": {"model": "m", "hidden": true}}}});
    let proxy = proxy(each_kind(&upstream), more);
    for path in ["/models", "/v1/models"] {
        let (status, body) = get(&proxy, path);
        assert_eq!((status, &body["object"]), (200, &json!("list")));
        let ids: Vec<&str> = body["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, ["m", "gpt", "triton/a", "triton/b/c"], "{path}");
    }
    // What it said holds for a while.
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let text = send(&proxy, "GET", "/models").text();
    assert!(!text.contains("127.0.0.1"), "{text}");
}

#[test]
fn one_model_by_its_name() {
    let (upstream, _) = repository(&["a", "b/c"]);
    let more = json!({"router_settings": {"model_group_alias": {"gpt": "m"}}});
    let proxy = proxy(each_kind(&upstream), more);
    for (path, id) in [
        ("/v1/models/m", "m"),
        ("/models/gpt", "gpt"),
        ("/models/triton/a", "triton/a"),
        ("/v1/models/triton%2Fa", "triton/a"),
        ("/models/triton/b/c", "triton/b/c"),
        // Every name leads to that one model.
        ("/models/one/any", "one/any"),
    ] {
        let (status, body) = get(&proxy, path);
        assert_eq!((status, &body["id"]), (200, &json!(id)), "{path}");
        assert_eq!(body["object"], "model");
    }
    for path in ["/v1/models/nope", "/models/triton/nope", "/models/a%2Fb"] {
        let (status, body) = get(&proxy, path);
        assert_eq!(
            (status, &body["error"]["code"]),
            (404, &json!("model_not_found")),
            "{path}"
        );
        assert_eq!(body["error"]["type"], "invalid_request_error");
    }
    // Whether a server that is down has it, nobody can say.
    let (status, body) = get(&proxy, "/models/down/x");
    assert_eq!(
        (status, &body["error"]["type"]),
        (503, &json!("service_unavailable_error"))
    );
}

#[test]
fn a_server_that_says_nothing_does_not_hold_up_the_others() {
    let silent = Upstream::new(|mut peer| {
        peer.request();
        peer.wait_for_close();
    });
    let nonsense = Upstream::new(|mut peer| {
        while peer.request().is_some() {
            peer.reply(200, &json!({"no": "list"}));
        }
    });
    let list = json!([
        entry("m", "triton/x", &nobody()),
        entry("silent/*", "triton/*", &silent.at("")),
        entry("nonsense/*", "triton/*", &nonsense.at("")),
    ]);
    let proxy = proxy(list, json!({}));
    let (status, body) = get(&proxy, "/v1/models");
    assert_eq!(
        (status, keys(&body["data"], "id")),
        (200, vec!["m".to_owned()])
    );
}

#[test]
fn deployments_are_told_without_their_secrets() {
    let mut own = entry("m", "triton/x", "http://inside.example:8000");
    own["mishikallm_params"]["api_key"] = json!("sk-upstream-key");
    own["model_info"] = json!({"id": "one", "mode": "chat"});
    let proxy = proxy(json!([own]), json!({}));
    for path in ["/model/info", "/v1/model/info"] {
        let answer = send(&proxy, "GET", path);
        let text = answer.text();
        assert!(
            !text.contains("inside.example") && !text.contains("sk-up"),
            "{text}"
        );
        let body: Value = serde_json::from_str(&text).unwrap();
        let d = &body["data"][0];
        assert_eq!(
            (&d["model_name"], &d["model_info"]["id"]),
            (&json!("m"), &json!("one"))
        );
        assert_eq!(d["mishikallm_params"]["model"], "triton/x");
    }
}

#[test]
fn what_only_tells_takes_get_and_head() {
    let proxy = proxy(
        json!([entry("m", "triton/x", &nobody())]),
        json!({"general_settings": {"master_key": "sk-the-master-key"}}),
    );
    let key = [(
        "authorization".to_owned(),
        "Bearer sk-the-master-key".to_owned(),
    )];
    let paths = [
        "/models",
        "/v1/models/m",
        "/model/info",
        "/health",
        "/v1/health/liveliness",
        "/health/readiness",
    ];
    for path in paths {
        let send = |method: &str| ask(&proxy.host, method, path, &key, b"").expect("an answer");
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let answer = send(method);
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.headers["allow"], "GET, HEAD");
            assert!(
                answer.text().contains("\"code\":\"405\""),
                "{}",
                answer.text()
            );
        }
        let (whole, head) = (send("GET"), send("HEAD"));
        assert_eq!(whole.status, head.status, "{path}");
        assert_eq!(
            whole.headers["content-length"],
            whole.body.len().to_string()
        );
        assert_eq!(head.headers["content-type"], "application/json");
        // A page of another origin may read it.
        let mut headers = key.to_vec();
        headers.push(("origin".to_owned(), "https://page.example".to_owned()));
        let answer = ask(&proxy.host, "GET", path, &headers, b"").expect("an answer");
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
    }
    for (path, status) in [
        ("/models", 401),
        ("/v1/model/info", 401),
        ("/health", 401),
        ("/health/liveliness", 200),
        ("/health/liveness", 200),
        ("/v1/health/readiness", 200),
        ("/v1/", 401),
    ] {
        assert_eq!(send(&proxy, "GET", path).status, status, "{path}");
    }
}

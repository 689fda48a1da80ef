//! `/health`: what each deployment is asked, and what is told of it.

use super::*;
use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex};

/// Paths and bodies, in the order in which they came.
type Notes = Arc<Mutex<Vec<(String, Value)>>>;

/// Answers each request with what a test says, and notes its path and body.
fn noting(
    reply: impl Fn(&str) -> (u16, Value) + Send + Sync + Clone + 'static,
) -> (Upstream, Notes) {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let noted = notes.clone();
    let upstream = Upstream::new(move |mut peer| {
        while let Some((path, body)) = peer.request() {
            let (status, answer) = reply(&path);
            // A look-up has no body.
            let body = serde_json::from_str(&body).unwrap_or_default();
            noted.lock().unwrap().push((path, body));
            peer.reply(status, &answer);
        }
    });
    (upstream, notes)
}

fn text() -> Value {
    json!({"text_output": "hello"})
}

fn vector() -> Value {
    json!({"outputs": [{"name": "e", "datatype": "FP32", "shape": [1, 2], "data": [0.5, 1.0]}]})
}

fn models(body: &Value, list: &str) -> Vec<String> {
    keys(&body[list], "model")
}

#[test]
fn each_is_asked_once_for_the_least_that_it_can_do() {
    let (upstream, notes) = noting(|path| match path {
        "/chat/generate" | "/text/generate" => (200, text()),
        "/embed/infer" | "/docs/embeddings" => (200, vector()),
        _ => (503, json!({"error": "server not ready"})),
    });
    let base = |path: &str| upstream.at(path);
    let mut chat = entry("chat", "triton/chat", &base("/chat/generate"));
    // As many as a deployment may want for itself, a check wants one.
    chat["mishikallm_params"]["max_completion_tokens"] = json!(500);
    let mut written = entry("text", "triton/text", &base("/text/generate"));
    written["model_info"] = json!({"mode": "completion"});
    let mut embed = entry("embed", "triton/embed", &base("/embed/infer"));
    embed["model_info"] = json!({"mode": "embedding"});
    let docs = entry("docs", "triton/docs", &base("/docs/embeddings"));
    let bad = entry("bad", "triton/bad", &base("/bad/generate"));
    let settings = json!({"router_settings": {"num_retries": 3, "default_fallbacks": ["chat"]}});
    let proxy = proxy(json!([chat, written, embed, docs, bad]), settings);
    let (status, body) = get(&proxy, "/health");
    assert_eq!(status, 200, "{body}");
    let healthy = ["triton/chat", "triton/docs", "triton/embed", "triton/text"];
    assert_eq!(models(&body, "healthy_endpoints"), healthy);
    assert_eq!(models(&body, "unhealthy_endpoints"), ["triton/bad"]);
    assert_eq!(
        (&body["healthy_count"], &body["unhealthy_count"]),
        (&json!(4), &json!(1))
    );
    let card = &body["unhealthy_endpoints"][0];
    assert_eq!(
        (&card["error"], &card["status"]),
        (&json!("server not ready"), &json!(503))
    );
    assert!(!body.to_string().contains("127.0.0.1"), "{body}");
    let mut notes = notes.lock().unwrap().clone();
    notes.sort_by(|a, b| a.0.cmp(&b.0));
    let paths: Vec<&str> = notes.iter().map(|(path, _)| path.as_str()).collect();
    let once = [
        "/bad/generate",
        "/chat/generate",
        "/docs/embeddings",
        "/embed/infer",
        "/text/generate",
    ];
    assert_eq!(paths, once);
    for at in [0, 1, 4] {
        assert_eq!(notes[at].1["parameters"]["max_tokens"], 1, "{notes:?}");
    }
}

#[test]
fn one_name_may_be_asked_for_and_503_is_nobody() {
    let (upstream, notes) = noting(|path| match path {
        "/good/generate" => (200, text()),
        _ => (500, json!({"error": "broken"})),
    });
    let list = json!([
        entry("good", "triton/good", &upstream.at("/good/generate")),
        entry("bad", "triton/bad", &upstream.at("/bad/generate")),
        entry("both", "triton/good", &upstream.at("/good/generate")),
        entry("both", "triton/bad", &upstream.at("/bad/generate")),
    ]);
    let proxy = proxy(
        list,
        json!({"router_settings": {"model_group_alias": {"a/b": "bad"}}}),
    );
    for (path, status, counts) in [
        ("/health?model=good", 200, (1, 0)),
        ("/v1/health?model=bad", 503, (0, 1)),
        ("/health?model=a%2Fb", 503, (0, 1)),
        ("/health?model=both", 200, (1, 1)),
        ("/health?model=triton%2Fgood", 200, (2, 0)),
    ] {
        let (got, body) = get(&proxy, path);
        let told = (&body["healthy_count"], &body["unhealthy_count"]);
        assert_eq!(
            (got, told),
            (status, (&json!(counts.0), &json!(counts.1))),
            "{path}"
        );
    }
    let before = notes.lock().unwrap().len();
    let (status, body) = get(&proxy, "/health?model=nope");
    assert_eq!(
        (status, &body["error"]["code"]),
        (404, &json!("model_not_found"))
    );
    assert_eq!(notes.lock().unwrap().len(), before);
}

/// Neither is answered before both have come: one after the other, the first would never be.
#[test]
fn all_are_asked_at_once() {
    let both = Arc::new(Barrier::new(2));
    let upstream = Upstream::new(move |mut peer| {
        while peer.request().is_some() {
            both.wait();
            peer.reply(200, &text());
        }
    });
    let base = upstream.at("/x/generate");
    let proxy = proxy(
        json!([entry("a", "triton/a", &base), entry("b", "triton/b", &base)]),
        json!({}),
    );
    assert_eq!(get(&proxy, "/health").1["healthy_count"], 2);
}

#[test]
fn a_silent_deployment_is_given_up_and_its_connection_closed() {
    let (gone, is_gone) = mpsc::channel();
    let upstream = Upstream::new(move |mut peer| {
        peer.request();
        peer.wait_for_close();
        let _ = gone.send(());
    });
    let (good, _) = noting(|_| (200, text()));
    let list = json!([
        entry("silent", "triton/silent", &upstream.at("/x/generate")),
        entry("good", "triton/good", &good.at("/x/generate")),
    ]);
    let proxy = proxy(
        list,
        json!({"general_settings": {"health_check_timeout": 0.3}}),
    );
    let (status, body) = get(&proxy, "/health");
    assert_eq!(
        (status, models(&body, "healthy_endpoints")),
        (200, vec!["triton/good".to_owned()])
    );
    let error = body["unhealthy_endpoints"][0]["error"].as_str().unwrap();
    assert!(error.contains("health_check_timeout"), "{error}");
    is_gone.recv().unwrap();
}

#[test]
fn a_check_takes_nothing_from_those_who_call() {
    let (upstream, notes) = noting(|_| (200, text()));
    let mut limited = entry("m", "triton/m", &upstream.at("/x/generate"));
    limited["mishikallm_params"]["rpm"] = json!(1);
    let proxy = proxy(
        json!([limited]),
        json!({"router_settings": {"num_retries": 0}}),
    );
    let health = || get(&proxy, "/health").0;
    let chat = || {
        let body = br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
        ask(&proxy.host, "POST", "/chat/completions", &[], body)
            .expect("an answer")
            .status
    };
    assert_eq!(
        [health(), health(), chat(), chat(), health()],
        [200, 200, 200, 429, 200]
    );
    assert_eq!(notes.lock().unwrap().len(), 4);
}

#[test]
fn of_a_star_it_is_asked_whether_the_server_is_ready() {
    let (upstream, notes) = noting(|path| match path {
        "/ready/v2/health/ready" => (200, Value::Null),
        "/ready/v2/models/m/generate" => (200, text()),
        _ => (503, Value::Null),
    });
    let list = json!([
        entry("a/*", "triton/*", &upstream.at("/ready")),
        entry("b/*", "triton/*", &upstream.at("/not")),
        // It leads to one model, which can be asked.
        entry(
            "c/*",
            "triton/*",
            &upstream.at("/ready/v2/models/m/generate")
        ),
    ]);
    let proxy = proxy(list, json!({}));
    let (status, body) = get(&proxy, "/health");
    assert_eq!(status, 200);
    assert_eq!(
        keys(&body["healthy_endpoints"], "model_name"),
        ["a/*", "c/*"]
    );
    assert_eq!(keys(&body["unhealthy_endpoints"], "model_name"), ["b/*"]);
    // One model behind it is asked itself.
    let (_, body) = get(&proxy, "/health?model=a/m");
    assert_eq!(models(&body, "healthy_endpoints"), ["triton/m"], "{body}");
    let notes = notes.lock().unwrap();
    let (last, _) = notes.last().unwrap();
    assert_eq!(last, "/ready/v2/models/m/generate");
}

#[test]
fn a_deployment_may_say_how_it_is_asked() {
    let silent = Upstream::new(|mut peer| {
        peer.request();
        peer.wait_for_close();
    });
    let (upstream, notes) = noting(|path| match path {
        "/v2/models/small/generate_stream" | "/v2/models/small/generate" | "/x/generate" => {
            (200, text())
        }
        _ => (404, json!({"error": "not found"})),
    });
    let mut star = entry("own/*", "triton/*", &upstream.at(""));
    star["model_info"] =
        json!({"id": "star", "mode": "chat", "health_check_model": "triton/small"});
    let mut wordy = entry("wordy", "triton/wordy", &upstream.at("/x/generate"));
    wordy["model_info"] = json!({"id": "wordy", "mode": "chat", "health_check_max_tokens": 7});
    let mut slow = entry("slow", "triton/slow", &silent.at("/x/generate"));
    slow["model_info"] = json!({"id": "slow", "mode": "chat", "health_check_timeout": 0.2});
    let more = json!({"general_settings": {"health_check_timeout": 60}});
    let proxy = proxy(json!([star, wordy, slow]), more);
    let (status, body) = get(&proxy, "/health");
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        models(&body, "healthy_endpoints"),
        ["triton/small", "triton/wordy"],
        "{body}"
    );
    let card = &body["unhealthy_endpoints"][0];
    assert_eq!(card["model"], "triton/slow");
    assert_eq!(
        card["error"],
        "no answer within 0.2 s (health_check_timeout)"
    );
    let asked = notes.lock().unwrap().clone();
    let (_, request) = asked
        .iter()
        .find(|(path, _)| path == "/x/generate")
        .unwrap();
    assert_eq!(request["parameters"]["max_tokens"], 7, "{asked:?}");
}

#[test]
fn one_may_be_asked_for_by_its_id() {
    let (upstream, notes) = noting(|_| (200, text()));
    let one = |id: &str| {
        let mut one = entry("m", "triton/m", &upstream.at(&format!("/{id}/generate")));
        one["model_info"] = json!({"id": id, "mode": "chat"});
        one
    };
    let proxy = proxy(json!([one("first"), one("second")]), json!({}));
    for path in [
        "/health?model_id=second",
        "/health?model=m&mishikallm_model_id=second",
    ] {
        let (status, body) = get(&proxy, path);
        assert_eq!((status, &body["healthy_count"]), (200, &json!(1)), "{path}");
        assert_eq!(body["healthy_endpoints"][0]["model_id"], "second");
        let asked: Vec<(String, Value)> = notes.lock().unwrap().drain(..).collect();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert_eq!(asked[0].0, "/second/generate");
    }
    for path in ["/health?model_id=third", "/model/info?model_id=third"] {
        let (status, body) = get(&proxy, path);
        assert_eq!(status, 404, "{body}");
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains("got \"third\""), "{message}");
    }
    for path in [
        "/model/info?model_id=second",
        "/v1/model/info?mishikallm_model_id=second",
    ] {
        let (status, body) = get(&proxy, path);
        assert_eq!(status, 200, "{path}");
        let ids: Vec<&Value> = body["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| &d["model_info"]["id"])
            .collect();
        assert_eq!(ids, ["second"], "{path}");
    }
}

#[test]
fn what_is_wrong_may_be_kept_back() {
    let (upstream, _) = noting(|_| (500, json!({"error": "the GPU is on fire"})));
    let list = json!([entry("m", "triton/m", &upstream.at("/x/generate"))]);
    let more = json!({"general_settings": {"health_check_details": false}});
    let (status, body) = get(&proxy(list, more), "/health");
    assert_eq!((status, &body["unhealthy_count"]), (503, &json!(1)));
    assert!(!body.to_string().contains("fire"), "{body}");
}

#[test]
fn whether_the_proxy_lives_asks_nobody() {
    let (upstream, notes) = noting(|_| (200, text()));
    let proxy = proxy(
        json!([entry("m", "triton/m", &upstream.at("/x/generate"))]),
        json!({}),
    );
    assert_eq!(
        get(&proxy, "/health/liveliness"),
        (200, json!("I'm alive!"))
    );
    assert_eq!(get(&proxy, "/health/liveness").0, 200);
    assert_eq!(
        get(&proxy, "/health/readiness"),
        (200, json!({"status": "healthy"}))
    );
    assert!(notes.lock().unwrap().is_empty());
}

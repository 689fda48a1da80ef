//! `/metrics`, series by series: for which model and which deployment a request counts.

use super::scrape::{Sample, Scrape, scrape, scrape_of, scrape_until};
use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const REQUESTS: &str = "mishikallm_requests_total";
const ERRORS: &str = "mishikallm_errors_total";
const TURNED_AWAY: &str = "mishikallm_turned_away_total";
const SENT: &str = "mishikallm_deployment_requests_total";
const FAILURES: &str = "mishikallm_deployment_failures_total";
const COOLDOWNS: &str = "mishikallm_deployment_cooldowns_total";
const RESTS: &str = "mishikallm_deployment_cooling_down";

/// What begins only with the first thing that it is about.
const HISTOGRAMS: [&str; 5] = [
    "mishikallm_request_duration_seconds_count",
    "mishikallm_upstream_duration_seconds_count",
    "mishikallm_overhead_seconds_count",
    "mishikallm_time_to_first_token_seconds_count",
    "mishikallm_time_per_output_token_seconds_count",
];

/// `/well/…` answers, `/throttled/…` has too much to do, `/silent/…` says nothing, any other fails.
fn upstream() -> Upstream {
    Upstream::new(|mut peer| {
        while let Some((path, _)) = peer.request() {
            match path.as_str() {
                "/well/generate" => peer.reply(200, &json!({"text_output": "two words"})),
                "/well/generate_stream" => {
                    peer.open_stream();
                    peer.token("two");
                    peer.token(" words");
                    peer.end_stream();
                }
                path if path.starts_with("/throttled/") => {
                    peer.reply(429, &json!({"error": "too much"}));
                }
                path if path.starts_with("/silent/") => peer.wait_for_close(),
                _ => peer.reply(500, &json!({"error": "no"})),
            }
        }
    })
}

/// A deployment of this id.
fn of_id(id: &str, name: &str, base: &str) -> Value {
    let mut entry = entry(name, "triton/m", base);
    entry["model_info"] = json!({"id": id});
    entry
}

fn post(proxy: &Proxy, path: &str, body: &Value) -> u16 {
    let body = body.to_string();
    let answer = ask(&proxy.host, "POST", path, &[], body.as_bytes());
    answer.expect("an answer").status
}

fn chat(proxy: &Proxy, model: &str, more: Value) -> u16 {
    let body = running::settings::chat(&with(json!({"model": model}), &more));
    post(proxy, "/v1/chat/completions", &body)
}

/// Of the histograms, which have how many observations of a model.
fn observations(scrape: &Scrape, model: &str) -> [f64; 5] {
    HISTOGRAMS.map(|name| scrape.sum(name, &[("model", model)]))
}

#[test]
fn nothing_is_told_of_what_never_was() {
    let upstream = upstream();
    let list = json!([of_id("a", "m", &upstream.at("/well/generate"))]);
    let proxy = proxy(list, json!({}));
    let names = |scrape: &Scrape| -> Vec<String> { scrape.families.keys().cloned().collect() };
    let at_first = [
        "mishikallm_build_info",
        "mishikallm_deployment_cooldowns_total",
        "mishikallm_deployment_cooling_down",
        "mishikallm_deployment_failures_total",
        "mishikallm_deployment_in_flight",
        "mishikallm_deployment_requests_total",
        "mishikallm_in_flight",
        "mishikallm_start_time_seconds",
    ];
    assert_eq!(names(&scrape(&proxy)), at_first);

    assert_eq!(chat(&proxy, "m", json!({})), 200);
    let told = scrape_of(&proxy, 1.0);
    assert_eq!(observations(&told, "m"), [1.0, 1.0, 1.0, 0.0, 0.0]);
    for name in [ERRORS, TURNED_AWAY, HISTOGRAMS[3], HISTOGRAMS[4]] {
        assert!(!told.has(name, &[]), "{name} in\n{}", told.text);
    }
    // Counters of what may come begin at nothing, so that the first is seen as a growth.
    for name in ["mishikallm_retries_total", "mishikallm_fallbacks_total"] {
        assert!(told.has(name, &[("model", "m")]), "{name}");
        assert_eq!(told.sum(name, &[]), 0.0, "{name}");
    }
}

#[test]
fn a_stream_has_times_of_its_tokens() {
    let upstream = upstream();
    let list = json!([of_id("a", "m", &upstream.at("/well/generate"))]);
    let proxy = proxy(list, json!({}));
    assert_eq!(chat(&proxy, "m", json!({"stream": true})), 200);
    let told = scrape_of(&proxy, 1.0);
    assert_eq!(observations(&told, "m"), [1.0; 5]);
    let labels = [
        ("operation", "chat.completions"),
        ("model", "m"),
        ("deployment", "a"),
        ("status", "200"),
    ];
    assert_eq!(told.sum(REQUESTS, &labels), 1.0, "{}", told.text);
    for name in [
        "mishikallm_prompt_tokens_total",
        "mishikallm_completion_tokens_total",
    ] {
        assert!(told.sum(name, &labels[..3]) > 0.0, "{name}");
    }
}

#[test]
fn a_retried_call_is_one_request_and_two_tries() {
    let upstream = upstream();
    // The one with the lower order is asked first.
    let mut well = of_id("well", "m", &upstream.at("/well/generate"));
    well["mishikallm_params"]["order"] = json!(2);
    let mut ill = of_id("ill", "m", &upstream.at("/ill/generate"));
    ill["mishikallm_params"]["order"] = json!(1);
    let list = json!([ill, well]);
    let proxy = proxy(list, json!({"router_settings": {"num_retries": 1}}));
    assert_eq!(chat(&proxy, "m", json!({})), 200);
    let told = scrape_of(&proxy, 1.0);
    // It counts for who answered.
    let labels = [("model", "m"), ("deployment", "well")];
    assert_eq!(told.sum(REQUESTS, &labels), 1.0, "{}", told.text);
    assert_eq!(told.sum(REQUESTS, &[]), 1.0);
    assert_eq!(told.sum("mishikallm_retries_total", &labels), 1.0);
    assert!(!told.has(ERRORS, &[]));
    // And each try for who was asked.
    for (id, failures) in [("ill", 1.0), ("well", 0.0)] {
        let labels = [("model", "m"), ("deployment", id)];
        assert_eq!(told.sum(SENT, &labels), 1.0);
        assert_eq!(told.sum(FAILURES, &labels), failures);
    }
}

#[test]
fn a_call_that_fell_back_counts_for_the_model_that_was_asked_and_for_who_helped() {
    let upstream = upstream();
    let list = json!([
        of_id("ill", "asked", &upstream.at("/ill/generate")),
        of_id("well", "helper", &upstream.at("/well/generate")),
    ]);
    let settings = json!({"num_retries": 0, "fallbacks": [{"asked": ["helper"]}]});
    let proxy = proxy(list, json!({"router_settings": settings}));
    assert_eq!(chat(&proxy, "asked", json!({})), 200);
    let told = scrape_of(&proxy, 1.0);
    let labels = [("model", "asked"), ("deployment", "well")];
    assert_eq!(told.sum(REQUESTS, &labels), 1.0, "{}", told.text);
    assert_eq!(told.sum("mishikallm_fallbacks_total", &labels), 1.0);
    assert!(told.sum("mishikallm_completion_tokens_total", &labels) > 0.0);
    assert!(!told.has(REQUESTS, &[("model", "helper")]));
    assert_eq!(observations(&told, "helper"), [0.0; 5]);
    // The deployments have it under their own names.
    for (model, id, failures) in [("asked", "ill", 1.0), ("helper", "well", 0.0)] {
        let labels = [("model", model), ("deployment", id)];
        assert_eq!(told.sum(SENT, &labels), 1.0);
        assert_eq!(told.sum(FAILURES, &labels), failures);
    }
}

#[test]
fn failures_are_told_by_their_kind() {
    let upstream = upstream();
    let mut silent = of_id("silent", "silent", &upstream.at("/silent/generate"));
    silent["mishikallm_params"]["timeout"] = json!(0.05);
    let list = json!([
        of_id("ill", "ill", &upstream.at("/ill/generate")),
        of_id("full", "full", &upstream.at("/throttled/generate")),
        of_id("gone", "gone", "http://127.0.0.1:1/x/generate"),
        silent,
    ]);
    let proxy = proxy(list, json!({"router_settings": {"num_retries": 0}}));
    let cases = [
        ("ill", 500, "internal_server_error"),
        ("full", 429, "throttling_error"),
        ("gone", 503, "service_unavailable_error"),
        ("silent", 408, "timeout_error"),
    ];
    for (model, status, _) in cases {
        assert_eq!(chat(&proxy, model, json!({})), status);
    }
    // Nobody was asked for this one.
    assert_eq!(chat(&proxy, "ill", json!({"messages": "none"})), 400);
    let told = scrape_of(&proxy, 5.0);
    for (model, status, kind) in cases {
        let status = status.to_string();
        let labels = [("model", model), ("deployment", model)];
        let of_status = [labels[0], labels[1], ("status", status.as_str())];
        assert_eq!(told.sum(REQUESTS, &of_status), 1.0, "{}", told.text);
        let of_kind = [labels[0], labels[1], ("kind", kind)];
        assert_eq!(told.sum(ERRORS, &of_kind), 1.0, "{}", told.text);
        assert_eq!(told.sum(FAILURES, &labels), 1.0, "{}", told.text);
    }
    let wrong = [
        ("model", "ill"),
        ("deployment", ""),
        ("kind", "invalid_request_error"),
    ];
    assert_eq!(told.sum(ERRORS, &wrong), 1.0, "{}", told.text);
    assert_eq!(told.sum(SENT, &[("deployment", "ill")]), 1.0);
}

#[test]
fn a_client_that_hangs_up_is_a_499() {
    let upstream = Upstream::new(|mut peer| {
        while peer.request().is_some() {
            peer.open_stream();
            peer.token("word");
            peer.wait_for_close();
        }
    });
    let list = json!([entry("llm", "triton/m", &upstream.at("/x/generate"))]);
    let proxy = proxy(list, json!({}));
    let body =
        json!({"model": "llm", "stream": true, "messages": [{"role": "user", "content": "x"}]});
    let request = running::client::request(
        "POST",
        "/v1/chat/completions",
        &[],
        body.to_string().as_bytes(),
    );
    let mut connection = running::client::Connection::open(&proxy.host).unwrap();
    connection.send(&request).unwrap();
    assert_eq!(connection.head().unwrap().status, 200);
    drop(connection);
    let told = scrape_of(&proxy, 1.0);
    let hung_up = [("status", "499"), ("model", "llm")];
    assert_eq!(told.sum(REQUESTS, &hung_up), 1.0, "{}", told.text);
    // It is no failure of anybody's.
    assert!(!told.has(ERRORS, &[]), "{}", told.text);
    assert_eq!(told.sum(FAILURES, &[]), 0.0);
}

#[test]
fn a_client_that_hangs_up_before_there_is_an_answer_is_one_too() {
    let (asked, is_asked) = std::sync::mpsc::channel();
    let upstream = Upstream::new(move |mut peer| {
        while peer.request().is_some() {
            asked.send(()).unwrap();
            peer.wait_for_close();
        }
    });
    let list = json!([entry("llm", "triton/m", &upstream.at("/x/generate"))]);
    let proxy = proxy(list, json!({}));
    for stream in [false, true] {
        let body = json!({"model": "llm", "stream": stream, "messages": [{"role": "user", "content": "x"}]});
        let body = body.to_string();
        let path = "/v1/chat/completions";
        let request = running::client::request("POST", path, &[], body.as_bytes());
        let mut connection = running::client::Connection::open(&proxy.host).unwrap();
        connection.send(&request).unwrap();
        is_asked.recv().unwrap();
    }
    let told = scrape_of(&proxy, 2.0);
    let hung_up = [("status", "499"), ("model", "llm")];
    assert_eq!(told.sum(REQUESTS, &hung_up), 2.0, "{}", told.text);
    // The server was waited for all the time.
    let waited = told.sum("mishikallm_upstream_duration_seconds_sum", &hung_up[1..]);
    assert!(waited > 0.0, "{}", told.text);
}

#[test]
fn a_client_that_hangs_up_before_its_request_is_whole_is_one_too() {
    let list = json!([entry("llm", "triton/m", "http://127.0.0.1:1")]);
    let proxy = proxy(list, json!({}));
    let path = "/engines/llm/chat/completions";
    let whole = running::client::request("POST", path, &[], &[b' '; 100]);
    let mut connection = running::client::Connection::open(&proxy.host).unwrap();
    connection.send(&whole[..whole.len() - 50]).unwrap();
    drop(connection);
    let told = scrape_of(&proxy, 1.0);
    let hung_up = [("status", "499"), ("model", "llm")];
    assert_eq!(told.sum(REQUESTS, &hung_up), 1.0, "{}", told.text);
    assert!(!told.has(ERRORS, &[]), "{}", told.text);
}

#[test]
fn what_is_turned_away_is_counted_and_has_no_model() {
    let key = "sk-a-key-of-some-length";
    let list = json!([of_id("a", "m", "http://127.0.0.1:1")]);
    let settings = json!({"master_key": key, "max_request_size_mb": 0.001});
    let proxy = proxy(list, json!({"general_settings": settings}));
    let with_key = [("authorization".to_owned(), format!("Bearer {key}"))];
    let asked = |method: &str, path: &str, headers: &[(String, String)], body: &[u8]| {
        let answer = ask(&proxy.host, method, path, headers, body).expect("an answer");
        assert!(answer.headers.contains_key("x-mishikallm-call-id"));
        answer.status
    };
    let chats = "/v1/chat/completions";
    assert_eq!(asked("POST", chats, &[], b"{}"), 401);
    assert_eq!(asked("GET", "/nowhere", &with_key, b""), 404);
    assert_eq!(asked("GET", chats, &with_key, b""), 405);
    assert_eq!(asked("POST", "/health", &with_key, b""), 405);
    let long = format!("{{\"model\": \"{}\"}}", "m".repeat(2000));
    assert_eq!(asked("POST", chats, &with_key, long.as_bytes()), 413);
    let engine = "/engines/m/chat/completions";
    assert_eq!(asked("POST", engine, &with_key, long.as_bytes()), 413);
    assert_eq!(asked("POST", chats, &with_key, br#"{"model":"x"}"#), 404);

    let answer = ask(&proxy.host, "GET", "/metrics", &with_key, b"").expect("an answer");
    let told = Scrape::read(answer.text());
    for (status, count) in [("401", 1.0), ("404", 1.0), ("405", 2.0)] {
        let labels = [("status", status)];
        assert_eq!(told.sum(TURNED_AWAY, &labels), count, "{}", told.text);
    }
    // A request to a model that is refused counts for the model that it named, where the list knows it.
    for (model, status) in [("unknown", "413"), ("m", "413"), ("unknown", "404")] {
        let labels = [("model", model), ("deployment", ""), ("status", status)];
        assert_eq!(told.sum(REQUESTS, &labels), 1.0, "{}", told.text);
    }
    assert_eq!(told.sum(SENT, &[]), 0.0);
    assert_eq!(told.sum("mishikallm_in_flight", &[]), 0.0);
}

/// Two of one name, both of which have too much to do.
fn throttled(upstream: &Upstream) -> Value {
    json!([
        of_id("a", "m", &upstream.at("/throttled/generate")),
        of_id("b", "m", &upstream.at("/throttled/generate")),
    ])
}

#[test]
fn one_that_rests_is_told_and_not_counted_as_asked() {
    let upstream = upstream();
    let settings = json!({"router_settings": {"num_retries": 1, "cooldown_time": 3600}});
    let proxy = proxy(throttled(&upstream), settings);
    assert!(
        !scrape(&proxy)
            .samples
            .iter()
            .any(|s| s.name == RESTS && s.value != 0.0)
    );
    // Both are asked, and rest from then on.
    assert_eq!(chat(&proxy, "m", json!({})), 429);
    assert_eq!(chat(&proxy, "m", json!({})), 429);
    let told = scrape_of(&proxy, 2.0);
    for id in ["a", "b"] {
        let labels = [("model", "m"), ("deployment", id)];
        assert_eq!(told.sum(COOLDOWNS, &labels), 1.0, "{}", told.text);
        assert_eq!(told.sum(RESTS, &labels), 1.0, "{}", told.text);
        assert_eq!(told.sum(SENT, &labels), 1.0, "{}", told.text);
    }
    // The second call found nobody.
    let nobody = [("model", "m"), ("deployment", ""), ("status", "429")];
    assert_eq!(told.sum(REQUESTS, &nobody), 1.0, "{}", told.text);
}

#[test]
fn counters_outlive_a_reload_and_its_rests_do_not() {
    let upstream = upstream();
    let settings = json!({"router_settings": {"num_retries": 1, "cooldown_time": 3600}});
    let proxy = proxy(throttled(&upstream), settings.clone());
    let never_less = |before: &Scrape, after: &Scrape| {
        for was in &before.samples {
            let same = |s: &&Sample| (&s.name, &s.labels) == (&was.name, &was.labels);
            if was.name.ends_with("_total") {
                let is = after.samples.iter().find(same);
                let is = is.unwrap_or_else(|| panic!("{was:?} is gone"));
                assert!(is.value >= was.value, "{was:?}, then {is:?}");
            }
        }
    };
    assert_eq!(chat(&proxy, "m", json!({})), 429);
    let before = scrape_of(&proxy, 1.0);
    assert_eq!(before.sum(RESTS, &[]), 2.0, "{}", before.text);
    // Each thread has the new configuration in its own time.
    proxy.reload(&config(throttled(&upstream), settings.clone()));
    let rested = |scrape: &Scrape| {
        never_less(&before, scrape);
        scrape.sum(RESTS, &[]) == 0.0
    };
    for _ in 0..8 {
        scrape_until(&proxy, "deployment that does not rest", rested);
    }
    while scrape(&proxy).sum(COOLDOWNS, &[]) < 4.0 {
        assert_eq!(chat(&proxy, "m", json!({})), 429);
    }
    let after = scrape(&proxy);
    never_less(&before, &after);
    for id in ["a", "b"] {
        let labels = [("model", "m"), ("deployment", id)];
        assert_eq!(after.sum(COOLDOWNS, &labels), 2.0, "{}", after.text);
    }
    // One that the configuration has no more keeps what it has come to.
    let one = json!([of_id("c", "m", &upstream.at("/well/generate"))]);
    proxy.reload(&config(one, settings));
    let last = scrape_until(&proxy, "deployment c", |scrape| {
        scrape.has(SENT, &[("deployment", "c")])
    });
    never_less(&after, &last);
}

#[test]
fn a_thousand_made_up_names_make_no_series() {
    let upstream = upstream();
    let list = json!([of_id("a", "own/*", &upstream.at("/well/generate"))]);
    let proxy = Arc::new(proxy(list, json!({})));
    assert_eq!(chat(&proxy, "made-up", json!({})), 404);
    assert_eq!(chat(&proxy, "own/made-up", json!({})), 200);
    let series = scrape_of(&proxy, 2.0).samples.len();
    let is_over = Arc::new(AtomicBool::new(false));
    let reader = std::thread::spawn({
        let (proxy, is_over) = (proxy.clone(), is_over.clone());
        move || {
            while !is_over.load(Ordering::SeqCst) {
                scrape(&proxy);
            }
        }
    });
    let path = "/v1/chat/completions";
    let mut connection = running::client::Connection::open(&proxy.host).expect("a connection");
    for i in 0..1000 {
        let body = json!({"model": format!("made-up-{i}"), "messages": []}).to_string();
        let request = running::client::request("POST", path, &[], body.as_bytes());
        connection.send(&request).expect("it takes requests");
        assert_eq!(connection.read("POST").expect("an answer").status, 404);
    }
    is_over.store(true, Ordering::SeqCst);
    reader.join().expect("all that was read is in order");
    let told = scrape_of(&proxy, 1002.0);
    assert_eq!(told.samples.len(), series, "{}", told.text);
    for word in ["made-up", "127.0.0.1"] {
        assert!(!told.text.contains(word), "{word} in {}", told.text);
    }
    assert_eq!(told.sum(REQUESTS, &[("model", "unknown")]), 1001.0);
}

#[test]
fn the_numbers_are_for_those_who_have_a_key() {
    let more = json!({"general_settings": {"master_key": "sk-the-master-key"}});
    let proxy = proxy(json!([entry("m", "triton/m", "http://127.0.0.1:1")]), more);
    assert_eq!(send(&proxy, "GET", "/metrics").status, 401);
}

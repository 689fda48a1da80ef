//! `/metrics`: what requests came to, and labels that no caller can make more of.

use super::*;
use std::time::{Duration, Instant};

/// Longer than any request needs to be counted.
const GIVE_UP: Duration = Duration::from_secs(30);

/// Answers `/x/generate` and its stream, and nothing else.
fn upstream() -> Upstream {
    Upstream::new(|mut peer| {
        while let Some((path, _)) = peer.request() {
            match path.as_str() {
                "/x/generate_stream" => {
                    peer.open_stream();
                    peer.token("a");
                    peer.token("b");
                    peer.end_stream();
                }
                "/x/generate" => peer.reply(200, &json!({"text_output": "yo"})),
                _ => peer.reply(500, &json!({"error": "no"})),
            }
        }
    })
}

fn chat(proxy: &Proxy, model: &str, stream: bool) -> u16 {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "x"}], "stream": stream, "num_retries": 0});
    let body = body.to_string();
    let path = "/v1/chat/completions";
    let answer = ask(&proxy.host, "POST", path, &[], body.as_bytes());
    answer.expect("an answer").status
}

fn metrics(proxy: &Proxy) -> String {
    let answer = send(proxy, "GET", "/metrics");
    assert_eq!(answer.status, 200);
    let kind = &answer.headers["content-type"];
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    answer.text()
}

/// The sum of a family's values, of those lines that have all these words.
fn sum(text: &str, family: &str, words: &[&str]) -> f64 {
    let lines = text.lines().filter(|line| {
        let name = line.split(['{', ' ']).next();
        name == Some(family) && words.iter().all(|word| line.contains(word))
    });
    let values = lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap());
    values.sum()
}

/// The text, as soon as so many requests are counted: one is counted when its last byte is out.
fn metrics_of(proxy: &Proxy, requests: f64) -> String {
    let until = Instant::now() + GIVE_UP;
    loop {
        let text = metrics(proxy);
        assert!(Instant::now() < until, "not counted: {text}");
        if sum(&text, "mishikallm_requests_total", &[]) >= requests {
            return text;
        }
        std::thread::yield_now();
    }
}

#[test]
fn requests_are_counted_by_what_they_came_to() {
    let upstream = upstream();
    let proxy = proxy(
        json!([
            entry("llm", "triton/m", &at(&upstream, "/x/generate")),
            entry("broken", "triton/m", &at(&upstream, "/broken/generate")),
        ]),
        json!({}),
    );
    assert_eq!(chat(&proxy, "llm", false), 200);
    assert_eq!(chat(&proxy, "llm", true), 200);
    assert_eq!(chat(&proxy, "broken", false), 500);
    assert_eq!(send(&proxy, "GET", "/nowhere").status, 404);
    let text = metrics_of(&proxy, 3.0);
    let sum = |family, words: &[&str]| sum(&text, family, words);
    let (llm, broken) = (r#"model="llm""#, r#"model="broken""#);
    let requests = "mishikallm_requests_total";
    assert_eq!(sum(requests, &[llm, r#"status="200""#]), 2.0, "{text}");
    assert_eq!(sum(requests, &[broken, r#"status="500""#]), 1.0);
    assert_eq!(sum("mishikallm_errors_total", &[broken]), 1.0);
    assert_eq!(
        sum("mishikallm_turned_away_total", &[r#"status="404""#]),
        1.0
    );
    let (count, first) = (
        "mishikallm_request_duration_seconds_count",
        "mishikallm_time_to_first_token_seconds_count",
    );
    assert_eq!((sum(count, &[llm]), sum(first, &[llm])), (2.0, 1.0));
    assert!(sum("mishikallm_completion_tokens_total", &[llm]) > 0.0);
    assert_eq!(sum("mishikallm_in_flight", &[]), 0.0);
    assert_eq!(sum("mishikallm_deployment_in_flight", &[llm]), 0.0);
    // Histograms, not summaries.
    assert!(text.contains("mishikallm_upstream_duration_seconds_bucket{"));
    for family in [
        requests,
        "mishikallm_overhead_seconds",
        "mishikallm_build_info",
    ] {
        assert!(text.contains(&format!("# HELP {family} ")), "{family}");
        assert!(text.contains(&format!("# TYPE {family} ")), "{family}");
    }
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
    let list = json!([entry("llm", "triton/m", &at(&upstream, "/x/generate"))]);
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
    let text = metrics_of(&proxy, 1.0);
    let hung_up = [r#"status="499""#, r#"model="llm""#];
    assert_eq!(
        sum(&text, "mishikallm_requests_total", &hung_up),
        1.0,
        "{text}"
    );
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
    let list = json!([entry("llm", "triton/m", &at(&upstream, "/x/generate"))]);
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
    let text = metrics_of(&proxy, 2.0);
    let hung_up = [r#"status="499""#, r#"model="llm""#];
    let requests = "mishikallm_requests_total";
    assert_eq!(sum(&text, requests, &hung_up), 2.0, "{text}");
    // The server was waited for all the time.
    let upstream = "mishikallm_upstream_duration_seconds_sum";
    assert!(sum(&text, upstream, &[r#"model="llm""#]) > 0.0, "{text}");
}

#[test]
fn what_is_refused_counts_for_the_model_that_was_named() {
    let list = json!([entry("llm", "triton/m", "http://127.0.0.1:1")]);
    let proxy = proxy(list, json!({}));
    let body = br#"{"model":"llm","messages":"none"}"#;
    let answer = ask(&proxy.host, "POST", "/chat/completions", &[], body).unwrap();
    assert_eq!(answer.status, 400);
    let text = metrics_of(&proxy, 1.0);
    let refused = [r#"status="400""#, r#"model="llm""#];
    let requests = "mishikallm_requests_total";
    assert_eq!(sum(&text, requests, &refused), 1.0, "{text}");
}

#[test]
fn names_that_callers_make_up_are_no_labels() {
    let upstream = upstream();
    let list = json!([entry("own/*", "triton/*", &at(&upstream, "/x/generate"))]);
    let proxy = proxy(list, json!({}));
    for i in 0..200 {
        assert_eq!(chat(&proxy, &format!("made-up-{i}"), false), 404);
        assert_eq!(chat(&proxy, &format!("own/made-up-{i}"), false), 200);
    }
    let text = metrics_of(&proxy, 400.0);
    assert!(!text.contains("made-up"), "{text}");
    assert!(!text.contains("127.0.0.1"), "{text}");
    let requests = |model| sum(&text, "mishikallm_requests_total", &[model]);
    assert_eq!(requests(r#"model="unknown""#), 200.0);
    assert_eq!(requests(r#"model="own/*""#), 200.0);
}

#[test]
fn the_numbers_are_for_those_who_have_a_key() {
    let more = json!({"general_settings": {"master_key": "sk-the-master-key"}});
    let proxy = proxy(json!([entry("m", "triton/m", "http://127.0.0.1:1")]), more);
    assert_eq!(send(&proxy, "GET", "/metrics").status, 401);
}

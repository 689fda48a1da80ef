//! The log of the command: what it tells by which flags and settings, and what it never tells.

mod access;
mod reload;
mod repeated;
mod trace;

use running::Proxy;
use running::client::ask;
use running::common::http::Response;
use running::upstream::Upstream;
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

const MASTER: &str = "sk-the-master-key";
const KEY: &str = "the-deployments-key";
const TENANT: &str = "the-tenants-header";
const PROMPT: &str = "which animal has \"stripes\"?";
const ANSWER: &str = "a zebra, \u{1f993}";

/// Longer than any line needs to be written.
const GIVE_UP: Duration = Duration::from_secs(30);

/// Answers in chunks, or at once; `/broken` repeats the key that it was sent, with an error.
fn upstream() -> Upstream {
    Upstream::new(|mut peer| {
        while let Some((path, body)) = peer.request() {
            match path.split('?').next().unwrap() {
                "/x/generate_stream" => {
                    peer.open_stream();
                    peer.token(ANSWER);
                    peer.token(ANSWER);
                    peer.end_stream();
                }
                "/x/generate" => peer.reply(200, &json!({"text_output": ANSWER})),
                _ => peer.reply(
                    500,
                    &json!({"error": format!("Bearer {KEY} said {body}, {TENANT}")}),
                ),
            }
        }
    })
}

fn config(upstream: &Upstream, more: Value) -> String {
    let entry = |name: &str, path: &str| {
        json!({"model_name": name, "mishikallm_params": {
            "model": format!("triton/{name}"), "api_base": upstream.at(path), "api_key": KEY,
            "extra_headers": {"X-Tenant": TENANT}, "num_retries": 0}})
    };
    let mut config = json!({
        "model_list": [entry("llm", "/x/generate?token=in-the-query"), entry("broken", "/broken/generate")],
        "general_settings": {"master_key": MASTER},
    });
    for (section, values) in more.as_object().unwrap() {
        let all = config.as_object_mut().unwrap();
        let all = all.entry(section).or_insert_with(|| json!({}));
        all.as_object_mut()
            .unwrap()
            .extend(values.as_object().unwrap().clone());
    }
    // JSON is YAML.
    config.to_string()
}

fn start(upstream: &Upstream, flags: &[&str], more: Value) -> Proxy {
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Proxy::start(Some(&config(upstream, more)), &flags, &[]).unwrap_or_else(|why| panic!("{why}"))
}

fn chat(proxy: &Proxy, model: &str, more: Value) -> Response {
    let mut body = json!({"model": model, "messages": [{"role": "system", "content": "be short"}, {"role": "user", "content": PROMPT}]});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let headers = [
        ("Authorization".to_owned(), format!("Bearer {MASTER}")),
        ("X-Mine".to_owned(), "the-clients-header".to_owned()),
    ];
    let body = body.to_string();
    ask(
        &proxy.host,
        "POST",
        "/v1/chat/completions?q=in-the-query",
        &headers,
        body.as_bytes(),
    )
    .expect("an answer")
}

/// The three calls of most tests; their ids.
fn calls(proxy: &Proxy) -> Vec<String> {
    [("llm", false), ("llm", true), ("broken", false)]
        .map(|(model, stream)| id(&chat(proxy, model, json!({"stream": stream}))))
        .to_vec()
}

fn id(answer: &Response) -> String {
    answer.headers["x-mishikallm-call-id"].clone()
}

/// The log, as soon as it is as it should be: its last lines may come a little after the answer.
fn log(proxy: &Proxy, what: &str, is_there: impl Fn(&str) -> bool) -> String {
    let until = Instant::now() + GIVE_UP;
    loop {
        let log = proxy.log();
        if is_there(&log) {
            return log;
        }
        assert!(Instant::now() < until, "no {what} in\n{log}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The lines of requests that are over.
fn requests(log: &str) -> Vec<&str> {
    log.lines().filter(|l| l.contains("outcome")).collect()
}

/// All lines of a log that is JSON. The banner goes to the standard output, which is the same file here.
fn json_lines(log: &str) -> Vec<Value> {
    log.lines()
        .filter(|line| !line.starts_with("mishikallm ") && !line.starts_with("  "))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
        .collect()
}

fn holds_no_key(log: &str) {
    for secret in [MASTER, KEY, TENANT, "in-the-query", "the-clients-header"] {
        assert!(!log.contains(secret), "{secret} is in\n{log}");
    }
}

fn holds_no_text(log: &str) {
    for text in ["stripes", "zebra", "be short", "\u{1f993}", "\\ud83e"] {
        assert!(!log.contains(text), "{text} is in\n{log}");
    }
}

#[test]
fn by_default_it_tells_of_no_request_and_gives_the_librarys_warnings() {
    let upstream = upstream();
    let proxy = start(
        &upstream,
        &[],
        json!({"general_settings": {"mastr_key": 1}}),
    );
    let ids = calls(&proxy);
    let log = log(&proxy, "warning", |log| {
        log.contains("no chat_template is set")
    });
    assert!(log.contains(" WARN messages are joined"), "{log}");
    assert!(log.contains("mastr_key"), "{log}");
    for id in ids {
        assert!(!log.contains(&id), "{log}");
    }
    assert!(!log.contains("/x/generate"), "{log}");
    holds_no_key(&log);
    holds_no_text(&log);
}

#[test]
fn debug_tells_a_line_for_each_request() {
    let upstream = upstream();
    for (flags, more) in [
        (&["--debug"][..], json!({})),
        (&[], json!({"mishikallm_settings": {"set_verbose": true}})),
    ] {
        let proxy = start(&upstream, flags, more);
        let ids = calls(&proxy);
        let log = log(&proxy, "three lines", |log| requests(log).len() == 3);
        for (line, id) in requests(&log).iter().zip(&ids) {
            for part in [
                format!("call=\"{id}\""),
                "operation=\"chat.completions\"".to_owned(),
                "model=\"".to_owned(),
                "deployment=\"".to_owned(),
                " ms=".to_owned(),
                "upstream_ms=".to_owned(),
                "retries=0 fallbacks=0".to_owned(),
            ] {
                assert!(line.contains(&part), "{part} is not in {line}");
            }
        }
        let streamed = requests(&log)[1];
        assert!(streamed.contains("first_chunk_ms="), "{streamed}");
        assert!(streamed.contains("completion_tokens="), "{streamed}");
        assert!(requests(&log)[2].contains("outcome=\"500 "), "{log}");
        assert!(!log.contains("/x/generate"), "{log}");
        holds_no_key(&log);
        holds_no_text(&log);
    }
}

#[test]
fn detailed_debug_tells_the_whole_exchange_without_keys_and_texts() {
    let upstream = upstream();
    let proxy = start(&upstream, &["--detailed_debug"], json!({}));
    let ids = calls(&proxy);
    let log = log(&proxy, "three lines", |log| requests(log).len() == 3);
    let base = upstream.at("/x/generate");
    for id in &ids {
        let of_it = |what: &str| {
            let line = log.lines().find(|l| l.contains(id) && l.contains(what));
            line.unwrap_or_else(|| panic!("no line of {id} with {what} in\n{log}"))
        };
        let asked = of_it("the client asks");
        for part in [
            "method=POST",
            "path=/v1/chat/completions",
            "authorization: <masked>",
            "x-mine: <masked>",
            "\"role\":\"user\",\"content\":\"<text, 27 bytes>\"",
        ] {
            assert!(asked.contains(part), "{part} is not in {asked}");
        }
        let sent = of_it("Triton is asked");
        for part in [
            "authorization: <masked>",
            "x-tenant: <masked>",
            "\"text_input\":\"<text, ",
        ] {
            assert!(sent.contains(part), "{part} is not in {sent}");
        }
        of_it("the client gets");
    }
    let has = |id: &str, what: &[&str]| {
        let found = log
            .lines()
            .any(|l| l.contains(id) && what.iter().all(|what| l.contains(what)));
        assert!(found, "no line of {id} with {what:?} in\n{log}");
    };
    let replies = [
        "Triton replies",
        "status=200",
        "\"text_output\":\"<text, 13 bytes>\"",
    ];
    has(&ids[0], &replies);
    has(
        &ids[0],
        &[
            "the client gets",
            "status=200",
            "\"content\":\"<text, 13 bytes>\"",
        ],
    );
    has(
        &ids[1],
        &["Triton is asked", &format!("{base}_stream?<masked>")],
    );
    has(&ids[1], &["Triton begins to reply", "status=200"]);
    has(
        &ids[1],
        &[
            "Triton goes on",
            "data: {\"text_output\":\"<text, 13 bytes>\"}",
        ],
    );
    has(&ids[1], &["the client gets a chunk", "\"delta\":{"]);
    has(&ids[2], &["Triton replies", "status=500"]);
    has(&ids[2], &["the client gets", "status=500"]);
    holds_no_key(&log);
    holds_no_text(&log);
    // Whatever is told of a call says of which; only what is told at the start is of none.
    let others = log.lines().filter(|line| {
        ["TRACE", "messages are joined"]
            .iter()
            .any(|what| line.contains(what))
    });
    for line in others {
        assert!(ids.iter().any(|id| line.contains(id)), "{line}");
    }
}

#[test]
fn with_log_prompts_it_tells_the_texts_and_never_the_keys() {
    let upstream = upstream();
    let proxy = start(
        &upstream,
        &["--detailed_debug"],
        json!({"general_settings": {"log_prompts": true}}),
    );
    let ids = calls(&proxy);
    let more = json!({"user": "Bearer someone-elses", "x": {"api_key": "a-key-of-the-clients"}});
    let last = id(&chat(&proxy, "llm", more));
    let log = log(&proxy, "four lines", |log| requests(log).len() == 4);
    for id in ids.iter().chain([&last]) {
        let with = |text: &str| log.lines().any(|l| l.contains(id) && l.contains(text));
        assert!(with("stripes") && with("be short"), "{log}");
        // One of them is refused, and one fails.
        assert!(*id == ids[2] || *id == last || with(ANSWER), "{log}");
    }
    holds_no_key(&log);
    for key in ["someone-elses", "a-key-of-the-clients"] {
        assert!(!log.contains(key), "{key} is in\n{log}");
    }
}

#[test]
fn json_logs_are_json_on_every_line() {
    let upstream = upstream();
    let proxy = start(
        &upstream,
        &["--detailed_debug"],
        json!({"mishikallm_settings": {"json_logs": true}, "general_settings": {"mastr_key": 1}}),
    );
    let ids = calls(&proxy);
    let log = log(&proxy, "three lines", |log| requests(log).len() == 3);
    let lines = json_lines(&log);
    for line in &lines {
        assert!(
            line["level"].is_string() && line["timestamp"].is_string(),
            "{line}"
        );
        assert!(line["message"].is_string(), "{line}");
        if line["level"] == "TRACE" {
            assert!(ids.iter().any(|id| line["call"] == **id), "{line}");
        }
    }
    for id in &ids {
        let of_it: Vec<&Value> = lines.iter().filter(|line| line["call"] == **id).collect();
        assert!(of_it.len() >= 5, "{of_it:?}");
        let over = of_it.iter().find(|line| line["message"] == "request");
        let over = over.expect("its line");
        assert!(over["ms"].is_number() && over["retries"] == 0, "{over}");
    }
    let warning = lines.iter().find(|line| line["level"] == "WARN");
    assert!(warning.is_some(), "{log}");
    holds_no_key(&log);
    holds_no_text(&log);
}

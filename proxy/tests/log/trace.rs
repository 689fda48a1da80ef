//! W3C trace context: the client's trace goes on to the server, and is named in the log.

use super::*;
use std::sync::mpsc::{Receiver, channel};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Answers its second request, and tells the headers of all of them.
fn upstream() -> (Upstream, Receiver<String>) {
    let (tell, told) = channel();
    let upstream = Upstream::new(move |mut peer| {
        while let Some((_, header, _)) = peer.whole_request() {
            let is_first = tell.send(header).is_ok() && peer.number == 0;
            match is_first {
                true => return,
                false => peer.reply(200, &json!({"text_output": "yes"})),
            }
        }
    });
    (upstream, told)
}

/// Asks once, with these headers; the log's line of it, and what the server was told in each try.
fn asked(headers: &[(&str, &str)], settings: Value) -> (Value, Vec<Vec<String>>) {
    let (upstream, told) = upstream();
    let base = upstream.at("/x/generate");
    let mut all = json!({"json_logs": true, "set_verbose": true});
    let more = settings.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(more);
    let config = json!({
        "model_list": [{"model_name": "llm", "mishikallm_params": {"model": "triton/llm", "api_base": base}}],
        "mishikallm_settings": all, "router_settings": {"num_retries": 1},
    });
    let proxy = Proxy::with_config(&config.to_string());
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let body = json!({"model": "llm", "messages": [{"role": "user", "content": "x"}]}).to_string();
    let path = "/v1/chat/completions";
    let answer = ask(&proxy.host, "POST", path, &headers, body.as_bytes()).expect("an answer");
    assert_eq!(answer.status, 200);
    let log = log(&proxy, "line", |log| requests(log).len() == 1);
    let of_trace = |header: String| -> Vec<String> {
        let lines = header.lines().filter(|line| line.starts_with("trace"));
        lines.map(str::to_owned).collect()
    };
    let told = told.try_iter().map(of_trace).collect();
    (serde_json::from_str(requests(&log)[0]).expect("JSON"), told)
}

#[test]
fn a_trace_goes_on_to_the_server_with_each_try() {
    let headers = [
        ("traceparent", PARENT),
        ("tracestate", "congo=t61"),
        ("TraceState", "rojo=00f"),
    ];
    let (line, told) = asked(&headers, json!({}));
    let parent = format!("traceparent: {PARENT}");
    let each = vec![parent, "tracestate: congo=t61,rojo=00f".to_owned()];
    assert_eq!(told, [each.clone(), each]);
    assert_eq!(line["trace_id"], TRACE);
    assert_eq!(line["retries"], 1);
}

#[test]
fn one_that_is_none_does_not() {
    let none: [Vec<String>; 2] = [vec![], vec![]];
    let upper = PARENT.to_uppercase();
    for headers in [
        &[("traceparent", "00-1-2-01")][..],
        &[("traceparent", &upper)],
        &[("traceparent", PARENT), ("traceparent", PARENT)],
        &[("tracestate", "congo=t61")],
        &[],
    ] {
        let (line, told) = asked(headers, json!({}));
        assert_eq!(told, none, "{headers:?}");
        assert_eq!(line.get("trace_id"), None, "{line}");
    }
}

#[test]
fn it_can_be_kept_from_servers() {
    let off = json!({"forward_traceparent_to_llm_provider": false});
    let (line, told) = asked(&[("traceparent", PARENT)], off);
    let none: [Vec<String>; 2] = [vec![], vec![]];
    assert_eq!(told, none);
    assert_eq!(line["trace_id"], TRACE);
}

#[test]
fn the_line_of_any_route_names_it() {
    let config = json!({
        "model_list": [{"model_name": "llm", "mishikallm_params": {"model": "triton/llm", "api_base": "http://127.0.0.1:1"}}],
    });
    let flags = ["--debug".to_owned()];
    let proxy = Proxy::start(Some(&config.to_string()), &flags, &[]).expect("it starts");
    let headers = [("traceparent".to_owned(), PARENT.to_owned())];
    ask(&proxy.host, "GET", "/nowhere", &headers, b"").expect("an answer");
    let log = log(&proxy, "line", |log| requests(log).len() == 1);
    let words = format!("trace_id=\"{TRACE}\"");
    assert!(requests(&log)[0].contains(&words), "{log}");
}

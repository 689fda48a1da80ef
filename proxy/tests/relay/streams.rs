//! A stream comes through as it is told, and a failure in its middle is told too.

use super::*;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

#[test]
fn each_token_comes_before_the_next_is_made() {
    let (go_on, goes_on) = channel::<()>();
    let goes_on = Arc::new(Mutex::new(goes_on));
    let upstream = Upstream::new(move |mut peer| {
        if peer.request().is_some() {
            peer.open_stream();
            for token in ["one", "two", "three"] {
                peer.token(token);
                goes_on.lock().unwrap().recv().unwrap();
            }
            peer.end_stream();
        }
    });
    let proxy = proxy(&upstream);
    let mut client = chat(&proxy, json!({"stream": true}));
    let headers = client.head().unwrap().headers;
    assert_eq!(headers["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-cache");
    for token in ["one", "two", "three"] {
        let mut seen = String::new();
        while !seen.contains(token) {
            seen += &client.chunk().unwrap();
        }
        assert!(
            seen.starts_with("data: {") && seen.ends_with("\n\n"),
            "{seen}"
        );
        go_on.send(()).unwrap();
    }
    let rest: String = std::iter::from_fn(|| client.chunk()).collect();
    assert!(rest.contains("\"finish_reason\":\"stop\""), "{rest}");
    assert!(rest.ends_with("data: [DONE]\n\n"), "{rest}");
}

#[test]
fn a_connection_that_breaks_is_an_error_event() {
    let upstream = Upstream::new(|mut peer| {
        if peer.request().is_some() {
            peer.open_stream();
            peer.token("a");
        }
    });
    let proxy = proxy(&upstream);
    let answer = chat(&proxy, json!({"stream": true})).read("POST").unwrap();
    let body = answer.text();
    assert_eq!(answer.status, 200);
    let events: Vec<&str> = body.split_terminator("\n\n").collect();
    let [.., error, done] = &events[..] else {
        panic!("{body}");
    };
    assert!(
        error.starts_with("data: {\"error\":{\"message\":\"the model's server closed"),
        "{error}"
    );
    assert!(error.contains("\"code\":\"502\""), "{error}");
    assert_eq!(*done, "data: [DONE]");
    assert!(!body.contains("127.0.0.1"), "{body}");
}

#[test]
fn a_failure_before_the_first_chunk_is_an_ordinary_error() {
    let upstream = Upstream::new(|mut peer| {
        if peer.request().is_some() {
            peer.reply(400, &json!({"error": "unexpected shape"}));
        }
    });
    let proxy = proxy(&upstream);
    let (status, body) = chat(&proxy, json!({"stream": true})).json();
    assert_eq!(status, 400);
    assert_eq!(body["error"]["message"], "unexpected shape");
    assert_eq!(body["error"]["code"], "400");
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let upstream = Upstream::new(|mut peer| {
        if peer.request().is_some() {
            peer.open_stream();
            peer.token("a");
            peer.wait_for_close();
        }
    });
    let proxy = proxy_with(&upstream, json!({"idle_timeout": 0.2}), json!({}));
    let answer = chat(&proxy, json!({"stream": true})).read("POST").unwrap();
    let body = answer.text();
    assert!(
        body.contains("was silent for 0.2 s (idle_timeout)"),
        "{body}"
    );
    let (status, body) = chat(&proxy, json!({"timeout": 0.1})).json();
    assert_eq!(status, 408, "{body}");
    assert_eq!(body["error"]["type"], "invalid_request_error");
}

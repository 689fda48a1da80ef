//! Connections to servers: kept, looked at before they are used again, and one look-up for many.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn one_connection_serves_one_request_after_the_other() {
    let upstream = Upstream::new(|mut peer| {
        while peer.request().is_some() {
            let number = peer.number;
            peer.reply(200, &json!({"text_output": format!("by {number}")}));
        }
    });
    let proxy = proxy(&upstream);
    let said = |_| {
        let (_, body) = chat(&proxy, json!({})).json();
        body["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let all: Vec<String> = (0..3).map(said).collect();
    assert_eq!(all, ["by 0", "by 0", "by 0"]);
}

#[test]
fn one_that_was_closed_meanwhile_is_not_used() {
    let upstream = Upstream::new(|mut peer| {
        if peer.request().is_some() {
            peer.reply(200, &json!({"text_output": "yes"}));
        }
    });
    let proxy = proxy(&upstream);
    for _ in 0..5 {
        assert_eq!(chat(&proxy, json!({})).json().0, 200);
        // Its end has time to arrive; it is no error where it has not, for then the connection breaks in use.
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_server_that_is_not_there_is_named_to_nobody() {
    let upstream = Upstream { port: 1 };
    let proxy = proxy(&upstream);
    let (status, body) = chat(&proxy, json!({})).json();
    assert_eq!(status, 503, "{body}");
    assert_eq!(body["error"]["type"], "service_unavailable_error");
    assert!(!body.to_string().contains("127.0.0.1"), "{body}");
}

#[test]
fn many_requests_look_a_model_up_once() {
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = looks.clone();
    let upstream = Upstream::new(move |mut peer| {
        while let Some((path, _)) = peer.request() {
            match path.as_str() {
                "/v2/models/m" => {
                    counted.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(100));
                    peer.reply(404, &json!({"error": "Not Found"}));
                }
                _ => peer.reply(200, &json!({"text_output": "yes"})),
            }
        }
    });
    let base = upstream.at("/v2/models/m/generate");
    let proxy = proxy_with(&upstream, json!({"api_base": base}), json!({}));
    let clients: Vec<_> = (0..8).map(|_| chat(&proxy, json!({}))).collect();
    for mut client in clients {
        assert_eq!(client.json().0, 200);
    }
    assert_eq!(looks.load(Ordering::SeqCst), 1);
}

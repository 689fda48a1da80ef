//! HTTP/1.1 as servers speak it on bad days: in pieces, too early, half, too much, and over connections that break.

use super::*;
use running::certificates::Authority;
use running::upstream::Peer;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const BODY: &str = r#"{"text_output":"yes"}"#;

/// A whole reply whose length is told.
fn told() -> String {
    format!("{HEAD}content-length: {}\r\n\r\n{BODY}", BODY.len())
}

/// The same in chunks of these sizes, in turn.
fn chunked(body: &str, sizes: &[usize]) -> String {
    let mut reply = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    let (mut rest, mut sizes) = (body, sizes.iter().cycle());
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
        reply += &format!("{:x}\r\n{chunk}\r\n", chunk.len());
        rest = behind;
    }
    reply + "0\r\n\r\n"
}

/// Some megabytes of which no part is like another.
fn long(bytes: usize) -> String {
    (0..bytes / 64)
        .map(|number| format!("{number:063} "))
        .collect()
}

/// Whether all of it is in there, in one piece. A search for a long text takes long.
fn holds(all: &str, text: &str) -> bool {
    let at = all.find(&text[..64]);
    at.is_some_and(|at| all[at..].starts_with(text))
}

/// Sends a chat about a text that needs no escapes.
fn chat_about(proxy: &Proxy, text: &str) -> Connection {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}}]}}"#);
    send(proxy, "POST", "/v1/chat/completions", &[], &body)
}

/// The text of an answer.
#[track_caller]
fn said(mut client: Connection) -> String {
    let (status, body) = client.json();
    assert_eq!(status, 200, "{body}");
    let content = &body["choices"][0]["message"]["content"];
    content.as_str().expect("a text").to_owned()
}

/// A server with TLS, and a proxy that trusts it.
fn secure(serve: impl Fn(Peer) + Send + Sync + Clone + 'static) -> Proxy {
    let authority = Authority::new();
    let upstream = Upstream::secure(authority.local().serves(), serve);
    start(&json!({
        "model_list": [entry("m", "triton/m", &upstream.securely_at("/plain/generate"))],
        "router_settings": {"num_retries": 0},
        "mishikallm_settings": {"tls": {"ca_file": authority.file()}},
    }))
}

#[test]
fn a_reply_in_single_bytes_is_a_reply() {
    let upstream = Upstream::new(|mut peer| {
        while let Some((_, body)) = peer.request() {
            match body {
                body if body.contains("told") => peer.trickle(&told()),
                body if body.contains("chunked") => peer.trickle(&chunked(BODY, &[1, 2, 5])),
                body if body.contains("interim") => {
                    peer.trickle("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
                    peer.trickle(&told());
                }
                body if body.contains("header") => {
                    let reply = told();
                    let (head, body) = reply.split_at(reply.len() - BODY.len());
                    peer.trickle(head);
                    peer.send(body);
                }
                _ => {
                    peer.trickle(&format!("{HEAD}\r\n{BODY}"));
                    return;
                }
            }
        }
    });
    let proxy = proxy(&upstream);
    for how in ["told", "chunked", "interim", "header", "until it closes"] {
        assert_eq!(said(chat_about(&proxy, how)), "yes", "{how}");
    }
}

#[test]
fn a_long_reply_in_chunks_of_odd_sizes_is_whole() {
    let text = long(20 << 20);
    let body = format!(r#"{{"text_output":"{text}"}}"#);
    let reply = chunked(&body, &[1, 70_001, 3, 16_384, 65_535, 2, 300_007]);
    let upstream = Upstream::new(move |mut peer| {
        while peer.request().is_some() {
            peer.send(&reply);
        }
    });
    let answer = chat(&proxy(&upstream), json!({})).read("POST").unwrap();
    assert_eq!(answer.status, 200);
    assert!(holds(&answer.text(), &text), "{} bytes", answer.body.len());
}

#[test]
fn a_reply_that_ends_anywhere_is_none() {
    let replies = [told(), chunked(BODY, &[7])];
    let cut = replies.clone();
    let upstream = Upstream::new(move |mut peer| {
        if let Some((_, body)) = peer.request() {
            // Which, and where, is in the request.
            let text = &body[body.find("cut ").unwrap() + 4..];
            let (which, at) = text.split_once(" at ").unwrap();
            let at = at.split(|c: char| !c.is_ascii_digit()).next().unwrap();
            let at: usize = at.parse().unwrap();
            peer.send(&cut[which.parse::<usize>().unwrap()][..at]);
            if at % 2 == 1 {
                peer.reset();
            }
        }
    });
    let proxy = proxy(&upstream);
    for (which, reply) in replies.iter().enumerate() {
        for at in 0..reply.len() {
            let (status, body) = chat_about(&proxy, &format!("cut {which} at {at}")).json();
            assert_eq!(status, 502, "{} {body}", &reply[..at]);
        }
    }
}

#[test]
fn a_refusal_in_the_middle_of_a_request_comes_through() {
    let upstream = Upstream::new(|mut peer| match peer.number {
        0 => {
            peer.some(&mut [0; 1000]);
            peer.reply(413, &json!({"error": "too much for me"}));
            // What it has not read makes the end a reset.
        }
        _ => {
            while peer.request().is_some() {
                peer.send(&told());
            }
        }
    });
    let proxy = proxy(&upstream);
    let (status, body) = chat_about(&proxy, &long(8 << 20)).json();
    assert_eq!(status, 413, "{body}");
    assert_eq!(body["error"]["message"], "too much for me");
    assert_eq!(said(chat(&proxy, json!({}))), "yes");
}

#[test]
fn a_connection_with_half_a_request_serves_no_other() {
    let upstream = Upstream::new(|mut peer| match peer.number {
        0 => {
            peer.some(&mut [0; 1000]);
            peer.send(&told());
            // It stays open, with more of the request to come than fits in between.
            loop {
                thread::park();
            }
        }
        _ => {
            while peer.request().is_some() {
                peer.send(&told());
            }
        }
    });
    let proxy = proxy(&upstream);
    assert_eq!(said(chat_about(&proxy, &long(8 << 20))), "yes");
    assert_eq!(said(chat(&proxy, json!({}))), "yes");
}

#[test]
fn what_follows_a_reply_answers_nothing() {
    for is_late in [false, true] {
        let (answered, is_answered) = for_peers();
        let (sent, is_sent) = channel();
        let upstream = Upstream::new(move |mut peer| {
            while peer.request().is_some() {
                let number = peer.number;
                let body = format!(r#"{{"text_output":"by {number}"}}"#);
                let reply = format!("{HEAD}content-length: {}\r\n\r\n{body}", body.len());
                if is_late {
                    peer.send(&reply);
                    is_answered.lock().unwrap().recv().unwrap();
                    peer.send(&reply);
                } else {
                    peer.send(&format!("{reply}{reply}"));
                    is_answered.lock().unwrap().recv().unwrap();
                }
                sent.send(()).unwrap();
            }
        });
        let proxy = proxy(&upstream);
        for number in 0..3 {
            assert_eq!(said(chat(&proxy, json!({}))), format!("by {number}"));
            answered.send(()).unwrap();
            // From here on it is in the proxy's socket.
            is_sent.recv().unwrap();
        }
    }
}

/// What a test tells its server, on whichever of its connections.
fn for_peers() -> (Sender<()>, Arc<Mutex<Receiver<()>>>) {
    let (tells, told) = channel();
    (tells, Arc::new(Mutex::new(told)))
}

/// Resets each connection after its first reply, when it is told that it was answered, and tells when it has.
fn resets() -> (
    impl Fn(Peer) + Send + Sync + Clone,
    Sender<()>,
    Receiver<()>,
) {
    let (answered, is_answered) = for_peers();
    let (told_of, resets) = channel();
    let serve = move |mut peer: Peer| {
        if peer.request().is_some() {
            peer.send(&told());
            is_answered.lock().unwrap().recv().unwrap();
            peer.reset();
            told_of.send(()).unwrap();
        }
    };
    (serve, answered, resets)
}

#[test]
fn a_connection_that_was_reset_meanwhile_is_not_used() {
    let (serve, answered, is_reset) = resets();
    let upstream = Upstream::new(serve);
    let plain = (proxy(&upstream), answered, is_reset);
    let (serve, answered, is_reset) = resets();
    let secure = (secure(serve), answered, is_reset);
    for (proxy, answered, is_reset) in [plain, secure] {
        for _ in 0..5 {
            assert_eq!(said(chat(&proxy, json!({}))), "yes");
            answered.send(()).unwrap();
            is_reset.recv().unwrap();
        }
    }
}

#[test]
fn a_long_request_over_tls_waits_for_a_server_that_reads_slowly() {
    let text = long(8 << 20);
    let expected = text.clone();
    let proxy = secure(move |mut peer| {
        // Until all that lies in between is full.
        thread::sleep(Duration::from_millis(100));
        while let Some((_, body)) = peer.request() {
            assert!(holds(&body, &expected), "{} bytes", body.len());
            peer.send(&told());
        }
    });
    assert_eq!(said(chat_about(&proxy, &text)), "yes");
}

#[test]
fn a_server_that_never_pauses_is_held_to_the_time_limit() {
    let nothing = ": nothing\n\n".repeat(8 << 10);
    let upstream = Upstream::new(move |mut peer| {
        if peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
            peer.flood(&nothing);
        }
    });
    let proxy = proxy_with(&upstream, json!({"timeout": 0.2}), json!({}));
    let (status, body) = chat(&proxy, json!({"stream": true})).json();
    assert_eq!(status, 408, "{body}");
}

#[test]
fn headers_without_a_last_one_are_no_reply() {
    let hints = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1 << 10);
    let upstream = Upstream::new(move |mut peer| {
        if peer.request().is_some() {
            peer.flood(&hints);
        }
    });
    let (status, body) = chat(&proxy(&upstream), json!({})).json();
    assert_eq!(status, 502, "{body}");
}

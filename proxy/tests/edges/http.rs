//! HTTP as few clients speak it, and bodies that are not read to their end.

use super::*;
use running::client::Connection;
use std::net::Shutdown;

/// A proxy that takes bodies of up to one megabyte.
fn small(upstream: &Upstream) -> Proxy {
    let settings = json!({"general_settings": {"master_key": "sk-a-key-of-some-length", "max_request_size_mb": 1}});
    proxy(one(upstream), settings, &["--host", "127.0.0.1"])
}

fn key() -> Vec<(String, String)> {
    vec![(
        "authorization".to_owned(),
        "Bearer sk-a-key-of-some-length".to_owned(),
    )]
}

/// Reads the one answer of a connection that is closed behind it, without a reset.
#[track_caller]
fn last_answer(mut connection: Connection) -> Response {
    let answer = connection.read("POST").expect("an answer");
    let end = connection.some(&mut [0; 1]);
    assert_eq!(end.expect("closed, and not reset"), 0);
    answer
}

/// Half of the body is not there yet when the answer is: the next request on the connection would be lost without a word.
#[test]
fn a_refusal_before_the_body_says_whether_the_connection_serves_on() {
    let upstream = saying("yes");
    let proxy = small(&upstream);
    let whole = request("POST", CHAT, &[], &body(&json!({})));
    let (half, rest) = whole.split_at(whole.len() - 5);
    let mut connection = Connection::open(&proxy.host).expect("it listens");
    connection.send(half).expect("sent");
    let answer = last_answer(connection);
    let said = |answer: &Response| answer.headers.get("connection").cloned();
    assert_eq!(
        (answer.status, said(&answer).as_deref()),
        (401, Some("close"))
    );

    let mut connection = Connection::open(&proxy.host).expect("it listens");
    for _ in 0..3 {
        connection.send(half).expect("sent");
        connection.send(rest).expect("sent");
        let answer = connection.read("POST").expect("an answer");
        assert_eq!((answer.status, said(&answer)), (401, None));
    }
}

/// Whoever sends all before he reads gets the answer, although it was given after the first piece.
#[test]
fn a_client_that_still_sends_gets_its_refusal() {
    let upstream = saying("yes");
    let proxy = small(&upstream);
    let long = vec![b' '; 24 << 20];
    let chunked = {
        let head = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer sk-a-key-of-some-length\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        let chunk = [b"100000\r\n", &long[..1 << 20], b"\r\n"].concat();
        [head.as_bytes(), &chunk.repeat(24), b"0\r\n\r\n"].concat()
    };
    for (bytes, status) in [
        (request("POST", CHAT, &key(), &long), 413),
        (chunked, 413),
        (request("POST", CHAT, &[], &long), 401),
        (request("POST", "/nowhere", &key(), &long), 404),
        (request("POST", "/v1/models", &key(), &long), 405),
    ] {
        let mut connection = Connection::open(&proxy.host).expect("it listens");
        connection.send(&bytes).expect("all of it is taken");
        let answer = last_answer(connection);
        assert_eq!(answer.status, status, "{}", answer.text());
        let error = &json_of(&answer)["error"];
        assert_eq!(error["code"], status.to_string(), "{error}");
        assert!(error["message"].is_string() && error["type"].is_string());
    }
    // One that waits to be told to go on is not told.
    let mut headers = key();
    headers.push(("expect".to_owned(), "100-continue".to_owned()));
    let whole = request("POST", CHAT, &headers, &long);
    let mut connection = Connection::open(&proxy.host).expect("it listens");
    connection
        .send(&whole[..whole.len() - long.len()])
        .expect("sent");
    let answer = last_answer(connection);
    assert_eq!(
        (answer.status, &*answer.headers["connection"]),
        (413, "close")
    );
    assert!(
        answer.text().contains("the limit of 1048576 bytes"),
        "{}",
        answer.text()
    );
}

/// What is no HTTP is answered by the server itself, also to one who goes on.
#[test]
fn a_head_that_is_too_long_is_answered() {
    let upstream = saying("yes");
    let proxy = small(&upstream);
    let long = "a".repeat(4 << 20);
    for (text, status) in [
        (
            format!("POST /{long} HTTP/1.1\r\nhost: h\r\n\r\n"),
            [414, 431],
        ),
        (format!("{long} / HTTP/1.1\r\nhost: h\r\n\r\n"), [400, 431]),
        (
            format!("GET / HTTP/1.1\r\nx-long: {long}\r\n\r\n"),
            [431, 431],
        ),
    ] {
        let mut connection = Connection::open(&proxy.host).expect("it listens");
        connection
            .send(text.as_bytes())
            .expect("all of it is taken");
        let answer = last_answer(connection);
        assert!(
            status.contains(&answer.status),
            "{}: {}",
            answer.status,
            &text[..20]
        );
    }
    let answer = ask(&proxy.host, "POST", CHAT, &key(), &body(&json!({}))).expect("an answer");
    assert_eq!(said(&answer), "yes");
}

/// A small body that nobody wants does not cost the connection.
#[test]
fn a_connection_goes_on_where_the_body_came_whole() {
    let upstream = saying("yes");
    let proxy = small(&upstream);
    let mut connection = Connection::open(&proxy.host).expect("it listens");
    for (path, headers, status) in [
        (CHAT, vec![], 401),
        ("/nowhere", key(), 404),
        ("/v1/models", key(), 405),
        (CHAT, key(), 200),
    ] {
        connection
            .send(&request("POST", path, &headers, &body(&json!({}))))
            .expect("sent");
        let answer = connection.read("POST").expect("an answer");
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(!answer.headers.contains_key("connection"));
    }
}

/// Without chunks, and closed behind the answer unless it asks for more.
#[test]
fn a_client_of_http_1_0_is_answered_in_its_way() {
    let upstream = Upstream::new(|mut peer| {
        while let Some((path, _)) = peer.request() {
            match path.ends_with("generate_stream") {
                false => peer.reply(200, &json!({"text_output": "yes"})),
                true => {
                    peer.open_stream();
                    peer.token("one ");
                    peer.token("two");
                    peer.end_stream();
                }
            }
        }
    });
    let proxy = small(&upstream);
    let old = |stream: bool, more: &str| {
        let body = String::from_utf8(body(&json!({"stream": stream}))).expect("UTF-8");
        format!(
            "POST {CHAT} HTTP/1.0\r\nauthorization: Bearer sk-a-key-of-some-length\r\n{more}content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for stream in [false, true] {
        let mut connection = Connection::open(&proxy.host).expect("it listens");
        connection.send(old(stream, "").as_bytes()).expect("sent");
        let text = String::from_utf8(connection.rest()).expect("UTF-8");
        let (head, answer) = text.split_once("\r\n\r\n").expect("a head");
        assert!(
            head.starts_with("HTTP/1.0 200 ") || head.starts_with("HTTP/1.1 200 "),
            "{head}"
        );
        assert!(
            !head.to_ascii_lowercase().contains("transfer-encoding"),
            "{head}"
        );
        match stream {
            false => assert!(answer.contains("\"content\":\"yes\""), "{answer}"),
            true => {
                assert!(
                    answer.contains("\"one \"") && answer.contains("\"two\""),
                    "{answer}"
                );
                assert!(
                    answer.starts_with("data: {") && answer.ends_with("data: [DONE]\n\n"),
                    "{answer}"
                );
            }
        }
    }
    let mut connection = Connection::open(&proxy.host).expect("it listens");
    for _ in 0..2 {
        connection
            .send(old(false, "connection: keep-alive\r\n").as_bytes())
            .expect("sent");
        assert_eq!(said(&connection.read("POST").expect("an answer")), "yes");
    }
}

#[test]
fn streams_in_a_row_are_answered_in_order() {
    let upstream = Upstream::new(|mut peer| {
        while let Some((path, body)) = peer.request() {
            let word = if body.contains("first") {
                "first"
            } else {
                "second"
            };
            match path.ends_with("generate_stream") {
                false => peer.reply(200, &json!({"text_output": word})),
                true => {
                    peer.open_stream();
                    peer.token(word);
                    peer.end_stream();
                }
            }
        }
    });
    let proxy = proxy(one(&upstream), json!({}), &[]);
    let asks = |word: &str, stream: bool| {
        chat_request(&json!({"messages": [{"role": "user", "content": word}], "stream": stream}))
    };
    let mut connection = Connection::open(&proxy.host).expect("it listens");
    let all = [
        asks("first", true),
        asks("second", true),
        asks("second", false),
        asks("first", true),
    ];
    connection.send(&all.concat()).expect("sent");
    for (word, other) in [
        ("first", "second"),
        ("second", "first"),
        ("second", "first"),
        ("first", "second"),
    ] {
        let text = connection.read("POST").expect("an answer").text();
        assert!(
            text.contains(&format!("\"{word}\"")) && !text.contains(&format!("\"{other}\"")),
            "{text}"
        );
    }
    let _ = connection.stream().shutdown(Shutdown::Both);
}

/// Of another origin: asked before, called, refused; the page reads each.
#[test]
fn a_page_of_another_origin_may_call() {
    let upstream = saying("yes");
    let proxy = small(&upstream);
    let origin = ("origin".to_owned(), "https://page.example".to_owned());
    let mut preflight = vec![
        origin.clone(),
        (
            "access-control-request-method".to_owned(),
            "POST".to_owned(),
        ),
        (
            "access-control-request-headers".to_owned(),
            "authorization, content-type".to_owned(),
        ),
    ];
    for path in [CHAT, "/nowhere"] {
        let answer = ask(&proxy.host, "OPTIONS", path, &preflight, b"").expect("an answer");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert_eq!(
            answer.headers["access-control-allow-headers"],
            "authorization, content-type"
        );
        assert!(answer.headers["access-control-allow-methods"].contains("POST"));
    }
    let long = vec![b' '; 2 << 20];
    for (headers, sent, status) in [
        (key(), &body(&json!({})), 200),
        (vec![], &body(&json!({})), 401),
        (key(), &long, 413),
    ] {
        let headers = [headers, vec![origin.clone()]].concat();
        let answer = ask(&proxy.host, "POST", CHAT, &headers, sent).expect("an answer");
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert_eq!(answer.headers["access-control-expose-headers"], "*");
    }
    // Without a question it is a verb that no route has.
    preflight.truncate(1);
    let answer = ask(
        &proxy.host,
        "OPTIONS",
        CHAT,
        &[key(), preflight].concat(),
        b"",
    )
    .expect("an answer");
    assert_eq!((answer.status, &*answer.headers["allow"]), (405, "POST"));
}

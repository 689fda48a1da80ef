//! What is no HTTP, or only half of it.

use serde_json::Value;

use crate::stage::{CHAT, KEY, Stage, good, good_request, headers, is_error, status};
use running::client::request;

#[test]
fn what_is_no_http_is_refused_or_dropped() {
    let stage = Stage::new();
    for bytes in [
        &b"hello\r\n\r\n"[..],
        b"\0\0\0\0\0\0\0\0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // the begin of TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nno colon\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: h\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nhost: h\r\nauthorization: Bearer \xff\xfe\r\n\r\n",
        b"GET http:// HTTP/1.1\r\nhost: h\r\n\r\n",
        b"GET /%zz%00/../../etc/passwd HTTP/1.1\r\nhost: h\r\n\r\n",
        b"\r\n\r\n\r\n",
    ] {
        let told = stage.told(bytes);
        let code = status(&told);
        assert!(told.is_empty() || (400..500).contains(&code), "{told}");
        stage.still_answers();
    }
}

#[test]
fn a_request_that_ends_anywhere_is_dropped() {
    let stage = Stage::new();
    let whole = good_request();
    for end in (0..whole.len()).step_by(7) {
        let told = stage.told(&whole[..end]);
        let code = status(&told);
        assert!(
            told.is_empty() || (400..500).contains(&code),
            "{end}: {told}"
        );
    }
    assert_eq!(stage.upstream.posts().len(), 0);
    stage.still_answers();
}

#[test]
fn lengths_that_contradict_are_refused() {
    let stage = Stage::new();
    let body = String::from_utf8(good()).expect("UTF-8");
    for lengths in [
        "content-length: 5\r\ncontent-length: 6\r\n".to_string(),
        "content-length: -1\r\n".to_string(),
        "content-length: ten\r\n".to_string(),
        "content-length: 99999999999999999999999\r\n".to_string(),
        "transfer-encoding: gzip\r\n".to_string(),
    ] {
        let head = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {KEY}\r\n{lengths}\r\n"
        );
        let told = stage.told(format!("{head}{body}").as_bytes());
        assert!(
            (400..600).contains(&status(&told)) || told.is_empty(),
            "{lengths}: {told}"
        );
        stage.still_answers();
    }
    // Both a length and chunks: at most one request may come of it, whatever stands behind.
    let before = stage.upstream.posts().len();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {KEY}\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stage.told(&[head.as_bytes(), b"0\r\n\r\n", &good_request()].concat());
    let came = stage.upstream.posts().len() - before;
    assert!(came <= 1, "{came} requests of a smuggled one");
    stage.still_answers();
}

#[test]
fn chunks_that_are_none_are_refused() {
    let stage = Stage::new();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {KEY}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    for body in [
        "zz\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello",
        "5\r\nhelloworld\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n",
        "-1\r\n\r\n",
        "5;ext=\"\r\nhello\r\n0\r\n\r\n",
    ] {
        let told = stage.told(format!("{head}{body}").as_bytes());
        assert!(
            told.is_empty() || (400..500).contains(&status(&told)),
            "{body:?}: {told}"
        );
        stage.still_answers();
    }
    // Chunks of one byte are right, and slow.
    let chunks: Vec<u8> = good()
        .iter()
        .flat_map(|byte| [b"1\r\n", &[*byte][..], b"\r\n"].concat())
        .collect();
    // The writing side stays open: a client that closes it is taken for one that has gone.
    let mut connection = stage.open();
    let whole = [head.as_bytes(), &chunks, b"0\r\n\r\n"].concat();
    connection.send(&whole).expect("sent");
    let answer = connection.read("POST").expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn headers_without_end_are_refused() {
    let stage = Stage::new();
    let long = format!("x-long: {}\r\n", "a".repeat(4 << 20));
    let many: String = (0..20_000).map(|n| format!("x-{n}: v\r\n")).collect();
    for headers in [long, many] {
        let text = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {KEY}\r\n{headers}\r\n"
        );
        let told = stage.told(text.as_bytes());
        assert!(
            told.is_empty() || (400..500).contains(&status(&told)),
            "{told}"
        );
        stage.still_answers();
    }
    let path = format!("/v1/models/{}", "m".repeat(1 << 20));
    let told = stage.told(&request("GET", &path, &headers(), b""));
    assert!(told.is_empty() || (400..500).contains(&status(&told)));
    stage.still_answers();
}

#[test]
fn a_body_that_is_too_long_is_refused_before_it_is_read() {
    let stage = Stage::new();
    let before = stage.proxy.status("VmRSS");
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        1u64 << 40
    );
    let mut connection = stage.open();
    connection.send(head.as_bytes()).expect("sent");
    let answer = connection.read("POST").expect("an answer");
    assert_eq!(answer.status, 413, "{}", answer.text());
    is_error(&answer);
    stage.is_silent_about_secrets(&answer.text());
    // Without a length it is seen as it comes, and not kept.
    let mut connection = stage.open();
    let head = head.replace(
        &format!("content-length: {}", 1u64 << 40),
        "transfer-encoding: chunked",
    );
    let chunk = [b"100000\r\n", " ".repeat(1 << 20).as_bytes(), b"\r\n"].concat();
    let mut sent = connection.send(head.as_bytes());
    for _ in 0..1024 {
        if sent.is_err() {
            break;
        }
        sent = connection.send(&chunk);
    }
    assert!(sent.is_err(), "a gigabyte was taken");
    let grown = stage.proxy.status("VmRSS").saturating_sub(before);
    assert!(grown < 512 << 10, "{grown} kB more");
    stage.still_answers();
}

#[test]
fn without_a_key_no_body_is_waited_for() {
    let stage = Stage::new();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 50000\r\n\r\n"
    );
    let mut connection = stage.open();
    connection.send(head.as_bytes()).expect("sent");
    let answer = connection.read("POST").expect("an answer");
    assert_eq!(answer.status, 401);
    is_error(&answer);
}

#[test]
fn requests_in_a_row_are_answered_in_order() {
    let stage = Stage::new();
    let mut connection = stage.open();
    let bad = request("POST", CHAT, &headers(), b"{");
    let model = request("GET", "/v1/models/llm", &headers(), b"");
    let all = [
        good_request(),
        bad,
        model,
        request("GET", "/nope", &headers(), b""),
        good_request(),
    ]
    .concat();
    connection.send(&all).expect("sent");
    let methods = ["POST", "POST", "GET", "GET", "POST"];
    let statuses = methods.map(|method| connection.read(method).expect("an answer").status);
    assert_eq!(statuses, [200, 400, 200, 404, 200]);
}

#[test]
fn a_connection_outlives_errors() {
    let stage = Stage::new();
    let mut connection = stage.open();
    let unknown = good().escape_ascii().to_string().replace("llm", "nope");
    for (bytes, status) in [
        (request("POST", CHAT, &headers(), b"{"), 400),
        (request("POST", CHAT, &[], &good()), 401),
        (
            request(
                "POST",
                CHAT,
                &headers(),
                unknown.replace('\\', "").as_bytes(),
            ),
            404,
        ),
        (request("GET", CHAT, &headers(), b""), 405),
        (good_request(), 200),
    ] {
        connection.send(&bytes).expect("it is kept");
        let method = if bytes.starts_with(b"GET") {
            "GET"
        } else {
            "POST"
        };
        let answer = connection.read(method).expect("an answer");
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(serde_json::from_str::<Value>(&answer.text()).is_ok());
    }
}

#[test]
fn a_client_that_waits_to_be_told_to_go_on_is_told() {
    let stage = Stage::new();
    let mut connection = stage.open();
    let mut all = headers();
    all.push(("expect".to_string(), "100-continue".to_string()));
    let whole = request("POST", CHAT, &all, &good());
    let (head, body) = whole.split_at(whole.len() - good().len());
    connection.send(head).expect("sent");
    let mut interim = [0; 25];
    let mut read = 0;
    while read < interim.len() {
        let count = connection.some(&mut interim[read..]).expect("it answers");
        assert!(count > 0, "closed");
        read += count;
    }
    assert!(interim.starts_with(b"HTTP/1.1 100 "), "{interim:?}");
    connection.send(body).expect("sent");
    assert_eq!(connection.read("POST").expect("an answer").status, 200);
}

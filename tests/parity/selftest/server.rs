//! The fake server, spoken to over TCP; and whole vectors, run with a client that does right and wrong.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::judge::Outcome;
use crate::reply::{Reply, Script};
use crate::run;
use crate::server::{Bound, ClosedPort, Server};

fn serve(upstream: Value, lookups: Value) -> Server {
    let replies = Reply::read_all(&upstream).expect("the test's own upstream");
    Bound::new().serve(
        Script::new(replies),
        lookups.as_object().cloned().unwrap_or_default(),
    )
}

fn reply(body: &str) -> Value {
    json!({"status": 200, "headers": {"Content-Type": "text/plain"}, "body": body})
}

fn connect(host: &str) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(host).expect("the server listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    BufReader::new(stream)
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a request and reads one answer of known length: its status and body.
fn ask(connection: &mut BufReader<TcpStream>, request: &str) -> (String, String) {
    connection
        .get_mut()
        .write_all(request.as_bytes())
        .expect("sent");
    let (mut status, mut length) = (String::new(), 0);
    connection.read_line(&mut status).expect("a status line");
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).expect("a header");
        match line.trim().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", number)) => length = number.parse().expect("a number"),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).expect("a body");
    (
        status.split(' ').nth(1).unwrap_or_default().to_string(),
        String::from_utf8(body).expect("UTF-8"),
    )
}

fn to_the_end(host: &str, request: &str) -> String {
    let mut connection = connect(host);
    connection
        .get_mut()
        .write_all(request.as_bytes())
        .expect("sent");
    let mut all = String::new();
    connection
        .read_to_string(&mut all)
        .expect("UTF-8, then the end");
    all
}

#[test]
fn one_connection_serves_many_requests() {
    let server = serve(json!([reply("one"), reply("two")]), Value::Null);
    let mut connection = connect(&server.host);
    assert_eq!(ask(&mut connection, &post("/a", "{}")).1, "one");
    let chunked = "POST /b?c=1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\nX-A: 2\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n";
    assert_eq!(ask(&mut connection, chunked).1, "two");
    assert_eq!(
        ask(&mut connection, &post("/c", "")).1,
        "two",
        "the last reply repeats"
    );
    let posts = server.posts();
    assert_eq!(
        posts
            .iter()
            .map(|post| post.path.as_str())
            .collect::<Vec<_>>(),
        ["/a", "/b?c=1", "/c"]
    );
    assert_eq!(
        (posts[1].body.as_slice(), posts[1].headers["x-a"].as_str()),
        (&b"abc"[..], "1, 2")
    );
}

#[test]
fn requests_sent_at_once_are_told_in_order_whichever_thread_wakes_first() {
    for _ in 0..100 {
        let server = serve(json!([reply("one"), reply("two")]), json!({"m": {}}));
        let mut connections = [connect(&server.host), connect(&server.host)];
        // The first has served already, as a connection that a look-up went over.
        ask(&mut connections[0], "GET /v2/models/m HTTP/1.1\r\n\r\n");
        for (connection, path) in connections.iter_mut().zip(["/a", "/b"]) {
            let request = post(path, "{}");
            connection
                .get_mut()
                .write_all(request.as_bytes())
                .expect("sent");
        }
        let bodies = connections.map(|mut c| ask(&mut c, "").1);
        assert_eq!(bodies, ["one", "two"]);
    }
}

#[test]
fn gets_are_look_ups_and_not_recorded() {
    let server = serve(
        reply("x"),
        json!({"m": {"metadata": {"name": "m"}, "config": {"backend": "b"}}}),
    );
    let mut connection = connect(&server.host);
    let mut get = |path: &str| ask(&mut connection, &format!("GET {path} HTTP/1.1\r\n\r\n"));
    let missing = ("404".to_string(), r#"{"error":"Not Found"}"#.to_string());
    assert_eq!(
        get("/v2/models/m"),
        ("200".to_string(), r#"{"name":"m"}"#.to_string())
    );
    assert_eq!(
        get("/v2/models/m/config"),
        ("200".to_string(), r#"{"backend":"b"}"#.to_string())
    );
    assert_eq!(
        get("/v2/models/m/ready"),
        ("200".to_string(), String::new())
    );
    for path in [
        "/v2/models/other",
        "/v2/models/other/ready",
        "/v2",
        "/v2/models/m/stats",
    ] {
        assert_eq!(get(path), missing, "{path}");
    }
    assert!(server.posts().is_empty());
}

#[test]
fn frames_are_chunks_and_a_cut_leaves_off_the_last() {
    let frames = |last: Value| json!({"status": 200, "headers": {"Content-Type": "text/event-stream"}, "frames": ["data: 1\n\n", last]});
    let server = serve(
        json!([frames(json!("data: 2\n\n")), frames(json!({"cut": true}))]),
        Value::Null,
    );
    let request = post("/s", "{}").replace("Host", "Connection: close\r\nHost");
    let whole = to_the_end(&server.host, &request);
    assert!(
        whole.ends_with("\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n"),
        "{whole:?}"
    );
    let cut = to_the_end(&server.host, &request);
    assert!(cut.ends_with("\r\n\r\n9\r\ndata: 1\n\n\r\n"), "{cut:?}");
}

#[test]
fn a_connection_is_closed_or_refused() {
    let server = serve(json!({"close": true}), Value::Null);
    assert_eq!(to_the_end(&server.host, &post("/a", "{}")), "");
    assert_eq!(server.posts().len(), 1);
    assert!(TcpStream::connect(&ClosedPort::new().host).is_err());
    let host = server.host.clone();
    drop(server);
    assert!(TcpStream::connect(host).is_err());
}

#[test]
fn delays_end_with_the_vector() {
    let frames =
        json!({"status": 200, "frames": [{"pause_seconds": 0.2}, "x", {"pause_seconds": 60}]});
    let server = serve(frames, Value::Null);
    let mut connection = connect(&server.host);
    let started = Instant::now();
    connection
        .get_mut()
        .write_all(post("/a", "{}").as_bytes())
        .expect("sent");
    while !connection
        .fill_buf()
        .expect("an answer")
        .ends_with(b"1\r\nx\r\n")
    {
        let length = connection.buffer().len();
        connection.consume(length);
    }
    assert!(started.elapsed() >= Duration::from_millis(200));
    drop(server);
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// A vector whose upstream answers with an error.
fn vector() -> Value {
    json!({
        "id": "t", "category": "t", "kind": "match", "operation": "completions",
        "request": {"api_base": "http://<upstream>/v2/models/llm/generate"},
        "upstream": {"status": 400, "headers": {}, "body": {"error": "no"}},
        "sent": {"method": "POST", "path": "/v2/models/llm/generate", "headers": {}, "body": {"text_input": "hi"}},
        "error": {"status": 400, "message_contains": ["no"]},
    })
}

/// What a client would do that sends `body` and tells the upstream's error.
fn client(request: &str, body: &str) -> Outcome {
    let request: Value = serde_json::from_str(request).expect("JSON");
    let url = request["api_base"]
        .as_str()
        .and_then(|url| url.strip_prefix("http://"))
        .expect("an address");
    let (host, path) = url.split_once('/').expect("a path");
    let (status, text) = ask(&mut connect(host), &post(&format!("/{path}"), body));
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let status: u16 = status.parse().expect("a number");
    let error = json!({"error": {"message": told["error"], "type": "invalid_request_error", "param": null, "code": null, "status": status}});
    Outcome {
        error: Some((error.to_string(), -1)),
        ..Outcome::default()
    }
}

#[test]
fn a_whole_vector_runs() {
    assert_eq!(
        run::one(&vector(), |_, request| client(
            request,
            r#"{"text_input":"hi"}"#
        )),
        Ok(())
    );
    let wrong = run::one(&vector(), |_, request| {
        client(request, r#"{"text_input":"ho"}"#)
    })
    .expect_err("a wrong body");
    assert_eq!(
        wrong,
        r#"t (match): sent.body.text_input: expected "hi", got "ho""#
    );
    let panics = run::one(&vector(), |_, _| panic!("on purpose")).expect_err("a panic");
    assert!(panics.contains("the call panicked"), "{panics}");
}

//! Tries after the first, and what is asked instead when all have failed.

use crate::ask::{ask, calm, client, fails, is, plain, prompt, takes, with};
use crate::server::{Reserved, Server, YO};
use mishikallm::{Client, Status};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

const BUSY: &str = r#"{"error":"busy"}"#;

/// Fails so often with `status`, then answers.
fn failing(times: usize, status: u16) -> Server {
    Server::start(move |request, to| match request.number < times {
        true => to.reply(status, BUSY),
        false => to.reply(200, YO),
    })
}

#[test]
fn what_may_pass_is_tried_again() {
    let _calm = calm();
    for status in [503, 429] {
        let server = failing(2, status);
        let request = with(plain(&server), json!({"num_retries": 2}));
        let began = Instant::now();
        assert_eq!(ask(&client(json!({})), &request).unwrap(), "yo");
        // The pauses are 0.5 and 1 s, each of them shortened by chance, to no less than half.
        let pauses = Duration::from_millis(750)..Duration::from_millis(2000);
        assert!(pauses.contains(&began.elapsed()), "{:?}", began.elapsed());
        assert_eq!((server.posts().len(), server.count()), (3, 1));
    }
}

#[test]
fn tries_are_no_more_than_asked_for() {
    let server = failing(9, 503);
    let error = fails(&client(json!({})), &plain(&server));
    is(&error, Status::Server, 503, &["busy"]);
    assert_eq!(server.posts().len(), 1);
    let request = with(plain(&server), json!({"num_retries": 1}));
    is(
        &fails(&client(json!({})), &request),
        Status::Server,
        503,
        &["busy"],
    );
    assert_eq!(server.posts().len(), 3);
}

#[test]
fn what_will_not_pass_is_not_tried_again() {
    for status in [400, 401, 403, 404, 413, 422, 501] {
        let server = failing(1, status);
        let request = with(plain(&server), json!({"num_retries": 3}));
        is(
            &fails(&client(json!({})), &request),
            Status::Server,
            status,
            &["busy"],
        );
        assert_eq!(server.posts().len(), 1, "HTTP {status}");
    }
}

#[test]
fn the_server_may_say_how_long_to_wait() {
    let _calm = calm();
    let server = Server::start(|request, to| match request.number {
        0 => to.reply_with(503, &[("Retry-After", "1")], BUSY),
        _ => to.reply(200, YO),
    });
    let request = with(plain(&server), json!({"num_retries": 1}));
    assert_eq!(
        takes(1.0, || ask(&client(json!({})), &request)).unwrap(),
        "yo"
    );
}

#[test]
fn a_wait_that_is_too_long_is_not_begun() {
    let _calm = calm();
    let server = Server::start(|_, to| to.reply_with(429, &[("retry-after", "30")], BUSY));
    let request = with(plain(&server), json!({"num_retries": 3, "timeout": 5}));
    let error = takes(0.0, || fails(&client(json!({})), &request));
    is(&error, Status::Server, 429, &["busy"]);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    assert_eq!(server.posts().len(), 1);
}

#[test]
fn a_refused_connection_is_tried_again() {
    let port = Reserved::new();
    let base = format!("http://{}/generate", port.address());
    let error = fails(&client(json!({})), &prompt(&base));
    is(
        &error,
        Status::Connect,
        503,
        &["connection refused", &port.address().to_string()],
    );

    thread::scope(|scope| {
        let request = with(prompt(&base), json!({"num_retries": 5}));
        let call = scope.spawn(move || ask(&client(json!({})), &request));
        thread::sleep(Duration::from_millis(100));
        let _server = Server::on(port.listen(), |mut peer, number| {
            peer.serve(number, &|_, to| to.reply(200, YO))
        });
        assert_eq!(call.join().unwrap().unwrap(), "yo");
    });
}

#[test]
fn a_cut_answer_is_tried_again_where_that_was_asked_for() {
    let server = Server::start(|request, to| match request.number {
        0 => {
            to.raw("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"text")?;
            to.hang_up()
        }
        _ => to.reply(200, YO),
    });
    let request = with(plain(&server), json!({"num_retries": 1}));
    assert_eq!(ask(&client(json!({})), &request).unwrap(), "yo");
}

#[test]
fn a_timeout_is_for_each_try() {
    let _calm = calm();
    // The first two tries meet silence; the third, as long a call as it is by then, an answer.
    let server = Server::start(|request, to| match request.number {
        _ if request.connection < 2 => to.stall(),
        _ => to.reply(200, YO),
    });
    let request = with(plain(&server), json!({"num_retries": 2, "timeout": 0.6}));
    assert_eq!(ask(&client(json!({})), &request).unwrap(), "yo");
    assert_eq!(server.posts().len(), 3);
}

#[test]
fn a_fallback_at_another_server_does_not_see_the_first_ones_key() {
    let (first, second) = (Server::always(503, BUSY), Server::always(200, YO));
    let request = with(
        plain(&first),
        json!({
            "api_key": "key-of-the-first", "extra_headers": {"x-secret": "of-the-first"},
            "fallbacks": [{"model": "triton/n", "api_base": second.endpoint()}],
        }),
    );
    assert_eq!(ask(&client(json!({})), &request).unwrap(), "yo");
    assert_eq!(
        first.posts()[0].header("authorization"),
        "Bearer key-of-the-first"
    );
    let post = &second.posts()[0];
    assert!(!post.head.contains("of-the-first"), "{}", post.head);
}

/// A client that knows `one` and `two`, each at its server and with its key.
fn listed(first: &Server, second: &Server) -> Client {
    let deployment = |name: &str, server: &Server, key: &str| {
        json!({"model_name": name, "mishikallm_params": {
            "model": "triton/m", "api_base": server.endpoint(), "api_key": key,
        }})
    };
    client(json!({"model_list": [
        deployment("one", first, "key-of-one"),
        deployment("two", second, "key-of-two"),
    ]}))
}

#[test]
fn a_fallback_by_name_uses_the_key_of_that_name() {
    let (first, second) = (Server::always(503, BUSY), Server::always(200, YO));
    let request = json!({"model": "one", "prompt": "hi", "fallbacks": ["two"]});
    assert_eq!(ask(&listed(&first, &second), &request).unwrap(), "yo");
    assert_eq!(
        first.posts()[0].header("authorization"),
        "Bearer key-of-one"
    );
    assert_eq!(
        second.posts()[0].header("authorization"),
        "Bearer key-of-two"
    );
}

#[test]
fn a_requests_own_key_does_not_follow_a_fallback_by_name_to_another_server() {
    let (first, second) = (Server::always(503, BUSY), Server::always(200, YO));
    let request =
        json!({"model": "one", "prompt": "hi", "fallbacks": ["two"], "api_key": "key-of-mine"});
    assert_eq!(ask(&listed(&first, &second), &request).unwrap(), "yo");
    assert_eq!(
        first.posts()[0].header("authorization"),
        "Bearer key-of-mine"
    );
    assert_eq!(
        second.posts()[0].header("authorization"),
        "Bearer key-of-two"
    );
}

#[test]
fn the_configurations_key_does_not_follow_a_fallback_elsewhere() {
    // The client's own key is for the client's own server.
    let (first, second) = (Server::always(503, BUSY), Server::always(200, YO));
    let client = client(json!({"api_base": first.endpoint(), "api_key": "key-of-the-first"}));
    let request = json!({
        "model": "triton/m", "prompt": "hi",
        "fallbacks": [{"model": "triton/n", "api_base": second.endpoint()}],
    });
    assert_eq!(ask(&client, &request).unwrap(), "yo");
    let head = &second.posts()[0].head;
    assert!(!head.contains("key-of-the-first"), "{head}");
}

#[test]
fn a_fallback_is_asked_when_the_first_cannot_be_reached() {
    let nobody = Reserved::new();
    let second = Server::always(200, YO);
    let base = format!("http://{}", nobody.address());
    let fallbacks = json!({"fallbacks": [{"model": "triton/n", "api_base": second.endpoint()}]});
    let request = with(prompt(&base), fallbacks);
    assert_eq!(ask(&client(json!({})), &request).unwrap(), "yo");
}

#[test]
fn a_fallback_is_asked_when_there_is_no_time_for_another_try() {
    let _calm = calm();
    let first = Server::start(|_, to| to.reply_with(503, &[("retry-after", "30")], BUSY));
    let second = Server::always(200, YO);
    let more = json!({
        "num_retries": 1, "timeout": 5,
        "fallbacks": [{"model": "triton/n", "api_base": second.endpoint()}],
    });
    let request = with(plain(&first), more);
    assert_eq!(
        takes(0.0, || ask(&client(json!({})), &request)).unwrap(),
        "yo"
    );
}

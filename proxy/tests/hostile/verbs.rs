//! Verbs and paths that nobody serves.

use std::thread;

use crate::stage::{CHAT, Stage, good, good_request, headers, is_error};
use running::client::{Connection, ask, request};

const ROUTES: [&str; 9] = [
    CHAT,
    "/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/models",
    "/model/info",
    "/health",
    "/metrics",
    "/v1/models/llm",
];

#[test]
fn wrong_verbs_are_a_405_in_the_shape_of_errors() {
    let stage = Stage::new();
    for path in ROUTES {
        for verb in ["PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
            let answer = ask(&stage.proxy.host, verb, path, &headers(), b"").expect("an answer");
            assert_eq!(answer.status, 405, "{verb} {path}: {}", answer.text());
            is_error(&answer);
        }
    }
    stage.still_answers();
}

/// Closed unless it is on the list: also what does not exist tells nothing to a stranger.
#[test]
fn without_a_key_every_route_is_closed() {
    let stage = Stage::new();
    let wrong = [("authorization".to_string(), "Bearer sk-wrong".to_string())];
    let is_closed = |verb: &str, path: &str| {
        for headers in [&[][..], &wrong] {
            let answer = ask(&stage.proxy.host, verb, path, headers, b"").expect("an answer");
            assert!(
                [401, 405].contains(&answer.status),
                "{verb} {path}: {}",
                answer.status
            );
            is_error(&answer);
            stage.is_silent_about_secrets(&answer.text());
        }
    };
    // All at once: after a few wrong keys each is answered a second late.
    thread::scope(|scope| {
        let is_closed = &is_closed;
        for path in ROUTES {
            for verb in ["GET", "POST", "PUT", "DELETE"] {
                scope.spawn(move || is_closed(verb, path));
            }
        }
    });
    for path in [
        "/nope",
        "/v1",
        "/v1/",
        "//v1/models",
        "/v1/models/../models",
        "/V1/MODELS",
        "/v1/models?x",
        "/.env",
        "/model/info/",
    ] {
        let answer = ask(&stage.proxy.host, "GET", path, &[], b"").expect("an answer");
        assert!(
            [401, 404].contains(&answer.status),
            "{path}: {}",
            answer.text()
        );
        stage.is_silent_about_secrets(&answer.text());
    }
    assert_eq!(stage.upstream.posts().len(), 0);
    stage.still_answers();
}

/// A HEAD has no body: what follows on the connection is the next answer.
#[test]
fn head_and_options_leave_the_connection_in_order() {
    let stage = Stage::new();
    let mut connection = Connection::open(&stage.proxy.host).expect("it listens");
    for (verb, path) in [
        ("HEAD", "/v1/models"),
        ("HEAD", "/nope"),
        ("HEAD", CHAT),
        ("OPTIONS", CHAT),
        ("OPTIONS", "/nope"),
        ("HEAD", "/health/liveliness"),
    ] {
        connection
            .send(&request(verb, path, &headers(), b""))
            .expect("sent");
        let answer = connection.read(verb).expect("an answer");
        assert!(answer.status < 500, "{verb} {path}: {}", answer.status);
    }
    connection.send(&good_request()).expect("sent");
    assert_eq!(connection.read("POST").expect("an answer").status, 200);
}

#[test]
fn keys_that_are_almost_right_are_wrong() {
    let stage = Stage::new();
    let key = crate::stage::KEY;
    for value in [
        key.to_string(),
        format!("Basic {key}"),
        format!("Bearer {key}x"),
        format!("Bearer {}", &key[1..]),
        format!("Bearer {}", key.to_uppercase()),
        format!("Bearer {key}, Bearer other"),
        "Bearer ".to_string(),
        "Bearer null".to_string(),
        String::new(),
    ] {
        let given = [("authorization".to_string(), value.clone())];
        let answer = ask(&stage.proxy.host, "POST", CHAT, &given, &good()).expect("an answer");
        assert_eq!(answer.status, 401, "{value}");
        stage.is_silent_about_secrets(&answer.text());
    }
    for name in [
        "authorization",
        "x-api-key",
        "api-key",
        "x-mishikallm-api-key",
    ] {
        let value = match name {
            "authorization" => format!("bearer {key}"),
            _ => key.to_string(),
        };
        let given = [(name.to_string(), value)];
        let answer = ask(&stage.proxy.host, "POST", CHAT, &given, &good()).expect("an answer");
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
}

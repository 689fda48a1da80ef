//! Bounds, and replies that are none: whatever a server sends, a call ends with an answer or an error, and soon.

use crate::ask::{ask, client, fails, heavy, is, plain, prompt, with};
use crate::http;
use crate::server::{Peer, Server, YO};
use mishikallm::{Client, Error, Status};
use serde_json::{Value, json};
use std::io;

/// A server that sends these bytes as they are, and hangs up.
fn bytes(reply: impl AsRef<[u8]> + Send + Sync + 'static) -> Server {
    Server::start(move |_, to| {
        to.raw(&reply)?;
        to.hang_up()
    })
}

/// The error of a call that gets these bytes; after it, the client still works.
fn error_of(reply: impl AsRef<[u8]> + Send + Sync + 'static) -> Error {
    let server = bytes(reply);
    let client = client(json!({"timeout": 10}));
    let error = fails(&client, &plain(&server));
    let sound = Server::always(200, YO);
    assert_eq!(ask(&client, &plain(&sound)).unwrap(), "yo");
    error
}

/// As a JSON reply of exactly so many bytes.
fn answer_of(length: usize) -> String {
    let padding = length - r#"{"text_output":"yo","x":""}"#.len();
    let answer = json!({"text_output": "yo", "x": "x".repeat(padding)}).to_string();
    assert_eq!(answer.len(), length);
    answer
}

#[test]
fn a_reply_may_be_as_long_as_max_reply_bytes() {
    let config = json!({"max_reply_bytes": 10_000});
    for (length, fits) in [(10_000, true), (10_001, false), (1_000_000, false)] {
        let answer = answer_of(length);
        let known = http::reply(200, &[], &answer);
        let until_the_end = [http::head(200, &[]), format!("\r\n{answer}").into()].concat();
        let mut chunked = http::head(200, &[("transfer-encoding", "chunked")]);
        chunked.extend(b"\r\n");
        for part in answer.as_bytes().chunks(1000) {
            chunked.extend(http::chunk(part));
        }
        chunked.extend(http::chunk(""));
        for reply in [known, until_the_end, chunked] {
            let server = bytes(reply);
            let client = client(config.clone());
            if fits {
                assert_eq!(ask(&client, &plain(&server)).unwrap(), "yo");
            } else {
                let error = fails(&client, &plain(&server));
                is(
                    &error,
                    Status::Limit,
                    502,
                    &["10000 bytes", "max_reply_bytes"],
                );
                assert!(!error.is_retryable());
            }
        }
    }
}

#[test]
fn an_endless_reply_ends_at_the_limit() {
    let server = Server::start(|_, to| {
        to.raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        let much = http::chunk("x".repeat(1 << 16));
        loop {
            to.raw(&much)?;
        }
    });
    let client = client(json!({"max_reply_bytes": 4 << 20, "timeout": 30}));
    let error = fails(&client, &plain(&server));
    is(&error, Status::Limit, 502, &["max_reply_bytes"]);
}

#[test]
fn a_length_is_not_believed_before_it_is_there() {
    // Within the limit, and a lie: the memory must not be taken from the start, the call not be a success.
    let error = error_of("HTTP/1.1 200 OK\r\ncontent-length: 268435456\r\n\r\n{}");
    is(
        &error,
        Status::Protocol,
        502,
        &["before its answer was whole"],
    );
    for length in ["268435457", "18446744073709551615"] {
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{{}}");
        is(&error_of(reply), Status::Limit, 502, &["max_reply_bytes"]);
    }
}

#[test]
fn a_request_is_at_most_64_mebibytes() {
    let client = client(json!({}));
    let request = "x".repeat(mishikallm::limits::REQUEST_BYTES + 1);
    let error = client.invoke("completions", &request).unwrap_err();
    is(
        &error,
        Status::Limit,
        413,
        &["request_json", "67108865 bytes", "67108864"],
    );
    assert_eq!(error.param(), Some("request_json"));
}

#[test]
fn many_headers_are_sent() {
    let server = Server::always(200, YO);
    let many = (0..500).map(|i| (format!("x-{i}"), json!("x".repeat(500))));
    let more = json!({"extra_headers": Value::Object(many.collect())});
    assert_eq!(
        ask(&client(json!({})), &with(plain(&server), more)).unwrap(),
        "yo"
    );
    assert_eq!(server.posts()[0].header("x-499").len(), 500);
}

#[test]
fn a_header_that_is_too_long_to_be_sent_is_the_callers_mistake() {
    let server = Server::always(200, YO);
    let more = json!({"extra_headers": {"x-long": "x".repeat(100_000)}});
    // Sent or refused, but no fault of the server's.
    if let Err(error) = ask(&client(json!({})), &with(plain(&server), more)) {
        is(&error, Status::Argument, 400, &["extra_headers"]);
    }
}

#[test]
fn a_headers_value_may_be_any_text() {
    let server = Server::always(200, YO);
    let request = with(
        plain(&server),
        json!({"extra_headers": {"x-name": "Zoë\tÅ"}}),
    );
    assert_eq!(ask(&client(json!({})), &request).unwrap(), "yo");
    assert_eq!(server.posts()[0].header("x-name"), "Zoë\tÅ");
}

#[test]
fn a_key_that_no_header_can_hold_is_the_callers_mistake() {
    let server = Server::always(200, YO);
    let request = with(plain(&server), json!({"api_key": "ключ"}));
    // Sent or refused, but no fault of the server's.
    match ask(&client(json!({})), &request) {
        Ok(_) => assert_eq!(server.posts()[0].header("authorization"), "Bearer ключ"),
        Err(error) => is(&error, Status::Argument, 400, &["api_key"]),
    }
}

const ROWS: usize = 512;
const COLUMNS: usize = 4096;

fn embed(client: &Client, more: Value) -> String {
    let request = json!({"model": "triton/e", "input": vec!["hi"; ROWS]});
    let answer = client.invoke("embeddings", &with(request, more).to_string());
    answer.unwrap_or_else(|e| panic!("no embeddings: {e}"))
}

/// The rows are all there, the first and the last number as well.
fn is_whole(answer: &str, first: &str, last: &str) {
    assert_eq!(answer.matches(r#""object":"embedding""#).count(), ROWS);
    assert!(answer.contains(&format!(r#""index":0,"embedding":[{first},"#)));
    assert!(answer.contains(&format!(r#",{last}]}}],"model":"#)));
}

#[test]
fn large_embeddings_get_through_as_json() {
    let _heavy = heavy();
    // 18 digits each, as Triton writes them: 43 MB.
    let row = ["0.01234567891234567"; COLUMNS].join(",");
    let numbers = vec![row; ROWS].join(",");
    let head = format!(
        r#"{{"model_name":"e","outputs":[{{"name":"o","datatype":"FP32","shape":[{ROWS},{COLUMNS}],"data":["#
    );
    let server = Server::always(200, format!("{head}{numbers}]}}]}}"));
    let base = json!({"api_base": format!("{}/infer", server.url())});
    let answer = embed(&client(json!({})), base);
    // As the 32-bit floats that they are.
    is_whole(&answer, "0.012345679", "0.012345679");
}

#[test]
fn large_embeddings_get_through_as_bytes() {
    let _heavy = heavy();
    let head = format!(
        r#"{{"model_name":"e","outputs":[{{"name":"o","datatype":"FP32","shape":[{ROWS},{COLUMNS}],"parameters":{{"binary_data_size":{}}}}}]}}"#,
        ROWS * COLUMNS * 4
    );
    let length = head.len().to_string();
    let mut body = head.into_bytes();
    body.extend(0.25f32.to_le_bytes().repeat(ROWS * COLUMNS - 1));
    body.extend(0.5f32.to_le_bytes());
    let server = Server::start(move |_, to| {
        to.reply_with(200, &[("inference-header-content-length", &length)], &body)
    });
    let base = json!({"api_base": format!("{}/infer", server.url()), "triton": {"binary": true}});
    is_whole(&embed(&client(json!({})), base), "0.25", "0.5");
}

#[test]
fn a_gigantic_header_is_a_limit() {
    for reply in [
        format!(
            "HTTP/1.1 200 OK\r\nx-big: {}\r\n\r\n{YO}",
            "x".repeat(1 << 20)
        ),
        format!("HTTP/1.1 200 OK\r\n{}", "x-small: x\r\n".repeat(1 << 17)),
        format!("HTTP/1.1 200 {}\r\n\r\n{YO}", "x".repeat(1 << 20)),
    ] {
        is(&error_of(reply), Status::Limit, 502, &["header"]);
    }
}

#[test]
fn ten_thousand_headers_are_too_many() {
    let reply = format!("HTTP/1.1 200 OK\r\n{}\r\n{YO}", "a: b\r\n".repeat(10_000));
    let error = error_of(reply);
    assert!(matches!(error.status(), Status::Limit | Status::Protocol));
    assert_eq!(error.http_status(), 502);
}

#[test]
fn a_proxys_usual_number_of_headers_is_not_too_many() {
    let headers = "x-forwarded-something: a value\r\n".repeat(100);
    let server = bytes(format!(
        "HTTP/1.1 200 OK\r\n{headers}content-length: 20\r\n\r\n{YO}"
    ));
    assert_eq!(ask(&client(json!({})), &plain(&server)).unwrap(), "yo");
}

#[test]
fn a_reply_that_is_cut_is_no_answer() {
    for reply in [
        "",
        "HTTP",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{\"text_output\":\"yo\"}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n14\r\n{\"text_out",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n14\r\n{\"text_output\":\"yo\"}\r\n",
    ] {
        let error = error_of(reply);
        is(
            &error,
            Status::Protocol,
            502,
            &["before its answer was whole"],
        );
        assert!(error.is_retryable(), "{reply:?}");
    }
}

#[test]
fn what_is_no_http_is_said_to_be_none() {
    for reply in [
        &b"SSH-2.0-OpenSSH_9.2\r\n\r\n"[..],
        b"\x15\x03\x03\x00\x02\x02\x50\r\n\r\n",
        b"<html>hello</html>\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx-nul: a\0b\r\ncontent-length: 20\r\n\r\n{\"text_output\":\"yo\"}",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nmany\r\n{}\r\n0\r\n\r\n",
    ] {
        let error = error_of(reply);
        let words = ["does not answer in HTTP/1.1"];
        is(&error, Status::Protocol, 502, &words);
    }
}

#[test]
fn two_lengths_are_no_length() {
    // The one that is believed decides where the next answer begins.
    let error = error_of(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 20\r\ncontent-length: 19\r\n\r\n{YO}"
    ));
    is(&error, Status::Protocol, 502, &[]);
}

#[test]
fn a_length_that_is_too_short_is_no_answer_and_what_follows_no_other_ones() {
    let server = Server::start(|request, to| match request.number {
        0 => to.raw(format!("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{YO}")),
        _ => to.reply(200, YO),
    });
    let client = client(json!({}));
    let error = fails(&client, &plain(&server));
    is(&error, Status::Protocol, 502, &["is not JSON"]);
    assert_eq!(ask(&client, &plain(&server)).unwrap(), "yo");
    assert_eq!(server.count(), 2);
}

#[test]
fn a_success_without_an_answer_is_none() {
    let bodies: [(&[u8], &str); 9] = [
        (b"", "is not JSON"),
        (b"\x00\x01\x02\xff\xfe", "is not JSON"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "is not JSON"),
        (b"<html><body>welcome</body></html>", "is not JSON"),
        (b"{\"text_output\":\"\xff\"}", "is not JSON"),
        (b"[]", "no JSON object"),
        (b"null", "no JSON object"),
        (b"{}", "no text_output"),
        (b"{\"text_output\":7}", "where a string was expected"),
    ];
    for (body, words) in bodies {
        let error = error_of(http::reply(200, &[], body));
        is(&error, Status::Protocol, 502, &[words]);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let error = error_of(http::reply(200, &[], deep));
    is(&error, Status::Protocol, 502, &["no JSON object"]);
    for status in [204, 205] {
        let error = error_of(format!("HTTP/1.1 {status} Nothing\r\n\r\n"));
        is(&error, Status::Protocol, 502, &["without a body"]);
    }
}

#[test]
fn lengths_of_binary_answers_are_not_believed() {
    let head = r#"{"outputs":[{"name":"o","datatype":"FP32","shape":[1,4],"parameters":{"binary_data_size":16}}]}"#;
    let honest = head.len().to_string();
    let shape = |shape: &str| head.replace("[1,4]", shape);
    let cases: [(String, String, usize); 7] = [
        (head.into(), honest.clone(), 0),
        (head.into(), honest.clone(), 15),
        (head.into(), "0".into(), 16),
        (head.into(), "100000".into(), 16),
        (head.into(), "18446744073709551615".into(), 16),
        (shape("[1,5]"), honest.clone(), 16),
        (
            shape("[9223372036854775807,9223372036854775807]"),
            honest,
            16,
        ),
    ];
    for (i, (json, length, raw)) in cases.into_iter().enumerate() {
        let length = match json.len() == head.len() || length.len() > 3 {
            true => length,
            false => json.len().to_string(),
        };
        let body = [json.into_bytes(), vec![0; raw]].concat();
        let server = Server::start(move |_, to| {
            to.reply_with(200, &[("inference-header-content-length", &length)], &body)
        });
        let request = json!({"model": "triton/e", "input": "hi", "api_base": format!("{}/infer", server.url())});
        let error = client(json!({})).invoke("embeddings", &request.to_string());
        let error = error.expect_err("an answer that lies");
        is(&error, Status::Protocol, 502, &[]);
        assert!(!error.message().is_empty(), "case {i}");
    }
}

#[test]
fn errors_of_any_shape_become_errors() {
    let bodies: [(&str, &str); 7] = [
        (r#"{"error":"exploded"}"#, "exploded"),
        (r#"{"error":{"message":"exploded"}}"#, "exploded"),
        ("exploded", "exploded"),
        ("", "HTTP 500 with an empty body"),
        ("<html>exploded</html>", "HTTP 500 with an HTML page"),
        ("\u{1}\u{2}", "HTTP 500 with a body that is no text"),
        ("{}", "HTTP 500"),
    ];
    for (body, words) in bodies {
        let error = error_of(http::reply(500, &[], body));
        is(&error, Status::Server, 500, &[words]);
    }
    let long = error_of(http::reply(500, &[], "x".repeat(1 << 20)));
    assert!(long.message().len() < 2 * mishikallm::limits::MESSAGE_BYTES);
}

#[test]
fn a_model_with_very_many_inputs_makes_no_very_long_error() {
    let input = r#"{"name":"i","datatype":"BYTES","shape":[1]}"#;
    let inputs = vec![input; 50_000].join(",");
    let metadata = format!(r#"{{"name":"m","versions":["1"],"inputs":[{inputs}],"outputs":[]}}"#);
    let look_up = move |to: &mut Peer| -> io::Result<()> { to.reply(200, &metadata) };
    let server = Server::start(move |request, to| match request.method.as_str() {
        "GET" => look_up(to),
        _ => to.reply(200, YO),
    });
    let error = fails(&client(json!({"timeout": 20})), &prompt(&server.url()));
    // A model without a text output: refused, in few words.
    assert_eq!(error.status(), Status::Argument, "{error}");
    assert!(
        error.message().len() < 10_000,
        "{} bytes",
        error.message().len()
    );
}

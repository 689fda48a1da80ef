//! A line for each request of every route, whatever became of it.

use super::*;

/// Method, path, with a key or without, body; status, and path in the log.
type Case<'a> = (&'a str, &'a str, bool, &'a [u8], u16, &'a str);

/// Names that would be more than a line, or no JSON, if they were written as they are.
const ODD: [&str; 5] = [
    "own/a\nb\" outcome=\"forged",
    "own/\u{1b}[31mred\u{7}",
    "own/back\\slash\u{2028}\u{0}",
    "own/\u{1f993}\u{202e}",
    "own/{\"json\": true}",
];

fn proxy_of(upstream: &Upstream, as_json: bool) -> Proxy {
    let more = json!({
        "general_settings": {"max_request_size_mb": 0.001},
        "mishikallm_settings": {"json_logs": as_json, "set_verbose": true},
    });
    let mut config: Value = serde_json::from_str(&config(upstream, more)).unwrap();
    let base = upstream.at("/x/generate");
    let star = json!({"model_name": "own/*", "mishikallm_params": {"model": "triton/*", "api_base": base}});
    config["model_list"].as_array_mut().unwrap().push(star);
    Proxy::start(Some(&config.to_string()), &[], &[]).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn each_request_has_a_line_with_its_id() {
    let long = [b' '; 2000];
    let chats = "/v1/chat/completions";
    let good = json!({"model": "llm", "messages": [{"role": "user", "content": PROMPT}]});
    let good = good.to_string();
    let unknown = json!({"model": "nobody", "messages": []}).to_string();
    let cases: [Case; 14] = [
        ("POST", chats, true, good.as_bytes(), 200, chats),
        ("POST", chats, true, unknown.as_bytes(), 404, chats),
        ("POST", chats, true, b"no JSON", 400, chats),
        ("POST", chats, true, &long, 413, chats),
        ("POST", chats, false, good.as_bytes(), 401, chats),
        ("GET", chats, true, b"", 405, chats),
        ("DELETE", "/v1/models", true, b"", 405, "/v1/models"),
        (
            "GET",
            "/nowhere?key=in-the-query",
            true,
            b"",
            404,
            "/nowhere",
        ),
        (
            "GET",
            "/v1/models/a%22b%0Ac",
            true,
            b"",
            404,
            "/v1/models/a%22b%0Ac",
        ),
        ("GET", "/models", true, b"", 200, "/models"),
        ("HEAD", "/", false, b"", 200, "/"),
        (
            "GET",
            "/health/liveliness",
            false,
            b"",
            200,
            "/health/liveliness",
        ),
        ("GET", "/metrics", true, b"", 200, "/metrics"),
        // A key in the wrong place.
        ("GET", "/sk-the-master-key", true, b"", 404, "/<masked>"),
    ];
    let upstream = upstream();
    for as_json in [false, true] {
        let proxy = proxy_of(&upstream, as_json);
        let ids = cases.map(|(method, path, has_key, body, status, _)| {
            let key = ("Authorization".to_owned(), format!("Bearer {MASTER}"));
            let headers = [key];
            let headers = if has_key { &headers[..] } else { &[] };
            let answer = ask(&proxy.host, method, path, headers, body).expect("an answer");
            assert_eq!(answer.status, status, "{method} {path}");
            id(&answer)
        });
        let log = log(&proxy, "line for each", |log| {
            requests(log).len() == cases.len()
        });
        for (id, (method, _, _, _, status, path)) in ids.iter().zip(cases) {
            let of_it: Vec<&str> = requests(&log)
                .into_iter()
                .filter(|line| line.contains(id))
                .collect();
            let [line] = of_it[..] else {
                panic!("expected one line of {method} {path}, got {of_it:?}");
            };
            if as_json {
                let line: Value = serde_json::from_str(line).expect("JSON");
                assert_eq!(line["message"], "request");
                assert_eq!(
                    (&line["call"], &line["method"]),
                    (&json!(id), &json!(method))
                );
                assert_eq!(
                    (&line["path"], &line["status"]),
                    (&json!(path), &json!(status))
                );
                assert!(line["ms"].is_number(), "{line}");
            } else {
                let words =
                    format!("call=\"{id}\" method=\"{method}\" path=\"{path}\" status={status} ");
                assert!(line.contains(&words), "no {words} in {line}");
                assert!(line.contains(" ms="), "{line}");
            }
        }
        holds_no_key(&log);
        holds_no_text(&log);
    }
}

#[test]
fn a_browsers_question_has_one_too() {
    let upstream = upstream();
    let proxy = proxy_of(&upstream, true);
    let headers = [(
        "access-control-request-method".to_owned(),
        "POST".to_owned(),
    )];
    let path = "/v1/chat/completions";
    let answer = ask(&proxy.host, "OPTIONS", path, &headers, b"").expect("an answer");
    let log = log(&proxy, "line", |log| requests(log).len() == 1);
    let line: Value = serde_json::from_str(requests(&log)[0]).expect("JSON");
    assert_eq!(line["call"], id(&answer));
    assert_eq!(
        (&line["method"], &line["status"]),
        (&json!("OPTIONS"), &json!(200))
    );
}

#[test]
fn odd_names_make_no_odd_lines() {
    let upstream = upstream();
    for as_json in [false, true] {
        let proxy = proxy_of(&upstream, as_json);
        let ids = ODD.map(|model| {
            let answer = chat(&proxy, model, json!({}));
            assert_eq!(answer.status, 200, "{model:?}");
            id(&answer)
        });
        // A header of bytes that are no UTF-8, and one of UTF-8.
        let key = format!("Bearer {MASTER}");
        let mut request = format!(
            "GET /models HTTP/1.1\r\nhost: p\r\nauthorization: {key}\r\nuser-agent: \u{1f993}"
        )
        .into_bytes();
        request.extend_from_slice(b"\r\nx-bytes: \xff\xfe\r\n\r\n");
        let mut connection = running::client::Connection::open(&proxy.host).expect("it listens");
        connection.send(&request).expect("it takes requests");
        assert_eq!(connection.read("GET").expect("an answer").status, 200);
        let log = log(&proxy, "six lines", |log| requests(log).len() == 6);
        for (id, model) in ids.iter().zip(ODD) {
            let line = requests(&log).into_iter().find(|line| line.contains(id));
            let line = line.unwrap_or_else(|| panic!("no line of {id} in\n{log}"));
            if as_json {
                let line: Value = serde_json::from_str(line).expect("JSON");
                assert_eq!(line["model"], model);
            }
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
        if as_json {
            json_lines(&log);
        }
    }
}

#[test]
fn a_servers_name_for_a_model_is_no_line() {
    let tensor = |name: &str| json!([{"name": name, "datatype": "BYTES", "shape": [1]}]);
    let upstream = Upstream::new(move |mut peer| {
        while let Some((path, _)) = peer.request() {
            match path.as_str() {
                "/v2/models/llm" => peer.reply(
                    200,
                    &json!({"name": format!("llm\nforged {KEY}"), "versions": ["1"], "platform": "python",
                        "inputs": tensor("text_input"), "outputs": tensor("text_output")}),
                ),
                "/v2/models/llm/generate" => peer.reply(200, &json!({"text_output": ANSWER})),
                _ => peer.reply(404, &json!({"error": "no"})),
            }
        }
    });
    let base = format!("http://127.0.0.1:{}", upstream.port);
    let params = json!({"model": "triton/llm", "api_base": base, "api_key": KEY});
    let config = json!({"model_list": [{"model_name": "llm", "mishikallm_params": params}]});
    let flags = ["--detailed_debug".to_owned()];
    let proxy = Proxy::start(Some(&config.to_string()), &flags, &[]).expect("it starts");
    assert_eq!(chat(&proxy, "llm", json!({})).status, 200);
    let log = log(&proxy, "line", |log| requests(log).len() == 1);
    assert!(log.contains("is known"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("forged")), "{log}");
    holds_no_key(&log);
}

//! Names of models that no model has: long ones, and ones with what means something in a header, a URL or a log.

use super::*;
use std::sync::{Arc, Mutex};

/// Answers whatever it is asked, and notes where.
fn noting() -> (Upstream, Arc<Mutex<Vec<String>>>) {
    let paths = Arc::new(Mutex::new(Vec::new()));
    let noted = paths.clone();
    let upstream = Upstream::new(move |mut peer| {
        while let Some((path, _)) = peer.request() {
            noted.lock().unwrap().push(path);
            peer.reply(200, &json!({"text_output": "yes"}));
        }
    });
    (upstream, paths)
}

/// A proxy that serves every model of a server, as `any/NAME`.
fn star(upstream: &Upstream, flag: &str) -> Proxy {
    let list = json!([entry("any/*", "triton/*", &upstream.at(""))]);
    proxy(list, json!({}), &[flag])
}

/// In the line of each request that is over.
const OVER: &str = " request call=";

#[test]
fn a_name_of_a_megabyte_goes_nowhere_and_is_not_repeated() {
    let (upstream, paths) = noting();
    for flag in ["--debug", "--detailed_debug"] {
        let proxy = star(&upstream, flag);
        let name = format!("any/{}", "n".repeat(1 << 20));
        for stream in [false, true] {
            let answer = chat(&proxy, &json!({"model": name, "stream": stream}));
            assert_eq!(answer.status, 404, "{}", answer.text());
            assert_eq!(json_of(&answer)["error"]["code"], "model_not_found");
            assert!(answer.body.len() < 8 << 10, "{} bytes", answer.body.len());
            let header: usize = answer.headers.values().map(String::len).sum();
            assert!(header < 1 << 10, "{header} bytes of headers");
        }
        let log = proxy.says(OVER, 2);
        assert!(log.len() < 64 << 10, "{} bytes of log", log.len());
    }
    assert_eq!(*paths.lock().unwrap(), [""; 0]);
}

/// As long as a header and a URL may be.
#[test]
fn a_path_of_some_thousand_characters_is_not_repeated() {
    let (upstream, paths) = noting();
    let proxy = star(&upstream, "--detailed_debug");
    let name = "n".repeat(40 << 10);
    for (method, path) in [
        ("POST", format!("/engines/any/{name}/chat/completions")),
        ("GET", format!("/v1/models/any/{name}")),
        ("GET", format!("/v1/models/{name}")),
        ("GET", format!("/{name}")),
        ("GET", format!("/health?model={name}")),
    ] {
        let answer = ask(&proxy.host, method, &path, &[], &body(&json!({}))).expect("an answer");
        assert_eq!(answer.status, 404, "{}", &path[..20]);
        assert!(json_of(&answer)["error"]["message"].is_string());
        assert!(answer.body.len() < 8 << 10, "{} bytes", answer.body.len());
    }
    let log = proxy.says(OVER, 5);
    assert!(log.len() < 64 << 10, "{} bytes of log", log.len());
    assert_eq!(*paths.lock().unwrap(), [""; 0]);
}

#[test]
fn an_odd_name_is_one_name_wherever_it_goes() {
    let names = [
        "plain",
        "a\r\nx-evil: 1",
        "a\n2026-01-01T00:00:00Z ERROR forged",
        "\u{1b}[31mred",
        "über/größe 🦓",
        "a/../../b",
        "a?b=c#d",
        "%2e%2e%2f",
        "\"quoted\" \\ {}",
        "nul\0",
        " ",
    ];
    for flag in ["--debug", "--detailed_debug"] {
        odd_names(&names, flag);
    }
}

fn odd_names(names: &[&str], flag: &str) {
    let (upstream, paths) = noting();
    let proxy = star(&upstream, flag);
    for name in names {
        for stream in [false, true] {
            let model = format!("any/{name}");
            let answer = chat(&proxy, &json!({"model": model, "stream": stream}));
            assert_eq!(answer.status, 200, "{name:?}: {}", answer.text());
            assert!(!answer.headers.contains_key("x-evil"), "{name:?}");
            let text = answer.text();
            let first = text.strip_prefix("data: ").unwrap_or(&text);
            let first = first.lines().next().expect("a line");
            let first: Value = serde_json::from_str(first).expect("JSON");
            assert_eq!(first["model"], *model);
            let group = answer.headers.get("x-mishikallm-model-group");
            // What would end a header is not told.
            match name.contains(char::is_control) {
                true => assert_eq!(group, None, "{name:?}"),
                false => assert_eq!(group.map(String::as_str), Some(model.trim())),
            }
        }
    }
    // In a path it is percent-encoded.
    for path in [
        "/engines/any%2fa%0d%0ax-evil:1/chat/completions",
        "/openai/deployments/any/%1b/chat/completions",
    ] {
        let answer = ask(&proxy.host, "POST", path, &[], &body(&json!({}))).expect("an answer");
        assert_eq!(said(&answer), "yes");
        assert!(!answer.headers.contains_key("x-evil"));
    }
    // Triton takes it as one segment of a path.
    let paths = paths.lock().unwrap();
    for path in paths.iter() {
        let segments: Vec<&str> = path.split('/').collect();
        assert!(
            matches!(
                segments[..],
                ["", "v2", "models", _]
                    | [
                        "",
                        "v2",
                        "models",
                        _,
                        "config" | "generate" | "generate_stream"
                    ]
            ),
            "{path}"
        );
        assert!(path.bytes().all(|b| b.is_ascii_graphic()), "{path:?}");
        assert!(!path.contains(['?', '#']), "{path}");
    }
    // A line for each, and none that a name has made.
    let all = 2 * names.len() + 2;
    let log = proxy.says(OVER, all);
    assert!(!log.contains(['\u{1b}', '\0', '\r']), "{log:?}");
    for line in log.lines() {
        assert!(
            !line.starts_with("2026-01-01T00:00:00Z") && !line.starts_with("x-evil"),
            "{log}"
        );
    }
    assert_eq!(log.matches(OVER).count(), all);
}

//! A server that repeats all that it was sent: no key of the client's is in the log, wherever the server says it.

use super::*;
use running::upstream::Peer;

/// The client's own, in small letters as the server repeats them.
const SECRETS: [&str; 5] = [
    "key-of-the-body",
    "tenant-of-the-body",
    "key-of-the-fallback",
    "key-of-another-header",
    "key-in-the-metadata",
];

/// Whatever it was sent, in its headers, in its texts, and as a field's name.
fn parrot() -> Upstream {
    Upstream::new(|mut peer| {
        while let Some((path, header, body)) = peer.whole_request() {
            let said = format!("{header}{body}");
            let names: Vec<&str> = SECRETS.into_iter().filter(|s| said.contains(s)).collect();
            match path.as_str() {
                "/x/generate_stream" => {
                    peer.open_stream();
                    peer.token(&said);
                    peer.end_stream();
                }
                "/x/generate" => repeat(&mut peer, 200, "text_output", &said, &names),
                _ => repeat(&mut peer, 401, "error", &said, &names),
            }
        }
    })
}

fn repeat(peer: &mut Peer, status: u16, field: &str, said: &str, names: &[&str]) {
    let fields: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!(*name)))
        .collect();
    let body = json!({field: said, "code": names.first(), "more": fields}).to_string();
    let names = names.join(" ");
    peer.send(&format!(
        "HTTP/1.1 {status} {names}\r\nwww-authenticate: Bearer {names}\r\nx-echo: {names}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    ));
}

/// One call with keys of the client's own.
fn call(proxy: &Proxy, upstream: &Upstream, path: &str, stream: bool) -> String {
    let base = upstream.at(path);
    let body = json!({
        "model": "llm", "api_base": base, "api_key": SECRETS[0], "extra_headers": {"X-Tenant": SECRETS[1]}, "stream": stream,
        "fallbacks": [{"model": "llm", "api_base": base, "api_key": SECRETS[2]}],
        "options": {"credentials": SECRETS[4]}, "allowed_openai_params": ["options"],
        "messages": [{"role": "user", "content": format!("stripes, with {} and {}", SECRETS[0], SECRETS[3])}],
    });
    let headers = [
        ("Authorization".to_owned(), format!("Bearer {MASTER}")),
        ("X-Api-Key".to_owned(), SECRETS[3].to_owned()),
    ];
    let chats = "/v1/chat/completions";
    let body = body.to_string();
    let answer = ask(&proxy.host, "POST", chats, &headers, body.as_bytes());
    id(&answer.expect("an answer"))
}

#[test]
fn no_key_of_the_clients_is_in_the_log() {
    let upstream = parrot();
    for as_json in [false, true] {
        let more = json!({
            "general_settings": {"log_prompts": true, "allow_client_side_credentials": true},
            "mishikallm_settings": {"json_logs": as_json},
        });
        let proxy = start(&upstream, &["--detailed_debug"], more);
        let ids = [
            call(&proxy, &upstream, "/x/generate", false),
            call(&proxy, &upstream, "/x/generate", true),
            call(&proxy, &upstream, "/refuses/generate", false),
            call(&proxy, &upstream, "/refuses/generate", true),
        ];
        let log = log(&proxy, "four lines", |log| requests(log).len() == 4);
        for id in ids {
            let has = |what: &str| log.lines().any(|l| l.contains(&id) && l.contains(what));
            // The texts are told, and the server's words among them.
            assert!(has("stripes, with"), "{log}");
            assert!(has("Triton replies") || has("Triton goes on"), "{log}");
            assert!(has("the client gets"), "{log}");
        }
        for secret in SECRETS.iter().chain(&[MASTER, KEY]) {
            assert!(!log.contains(secret), "{secret} is in\n{log}");
        }
        if as_json {
            json_lines(&log);
        }
    }
}

#[test]
fn a_key_that_opens_nothing_is_a_key() {
    let upstream = parrot();
    let config = json!({
        "model_list": [{"model_name": "llm", "mishikallm_params": {
            "model": "triton/llm", "api_base": upstream.at("/x/generate")}}],
        "general_settings": {"log_prompts": true},
    });
    let flags = ["--detailed_debug".to_owned()];
    let proxy = Proxy::start(Some(&config.to_string()), &flags, &[]).expect("it starts");
    // The proxy has no master key, and does not look at the client's; the prompt has it too.
    let headers = [(
        "Authorization".to_owned(),
        "Bearer habit-of-the-client".to_owned(),
    )];
    let content = "stripes, and habit-of-the-client";
    let body = json!({"model": "llm", "messages": [{"role": "user", "content": content}]});
    let path = "/engines/habit-of-the-client/chat/completions";
    for path in ["/v1/chat/completions", path] {
        let body = body.to_string();
        ask(&proxy.host, "POST", path, &headers, body.as_bytes()).expect("an answer");
    }
    let log = log(&proxy, "two lines", |log| requests(log).len() == 2);
    assert!(log.contains("stripes, and <masked>"), "{log}");
    assert!(!log.contains("habit-of"), "{log}");
}

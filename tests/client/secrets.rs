//! Keys, header values, prompts and passwords: in no error, in no line of the log, in no `Debug` output.

use crate::ask::{ask, client, plain, prompt, with};
use crate::certificates::{Authority, file};
use crate::http::Request;
use crate::model::Changing;
use crate::proxies::{self, Socks};
use crate::server::{Full, Peer, Reserved, Server, YO};
use mishikallm::log::Level;
use mishikallm::{Client, Error};
use serde_json::{Value, json};
use std::io;
use std::sync::{Mutex, Once, PoisonError};

const KEY: &str = "sk-planted-key-4f1d2a";
const HEADER: &str = "planted-header-77b0c3";
const PROMPT: &str = "planted prompt about a patient";
const PASSWORD: &str = "planted-password-90ee";
const TOKEN: &str = "planted-token-5c21aa";

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Writes down every line of the log, of all tests of this process.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let target = |_: Level, line: &str| {
            let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
            lines.push(line.to_owned());
        };
        assert!(mishikallm::log::set(
            Some(Box::new(target)),
            Some(Level::Debug)
        ));
    });
}

/// A request with every secret.
fn planted(base: &str) -> Value {
    json!({
        "model": "triton/m", "prompt": PROMPT, "api_base": format!("{base}?token={TOKEN}"),
        "api_key": KEY, "extra_headers": {"X-Secret": HEADER}, "timeout": 5, "connect_timeout": 1,
    })
}

/// None of the secrets is in it, also not as bytes of base64.
#[track_caller]
fn clean(what: &str, text: &str) {
    for secret in [KEY, HEADER, PROMPT, PASSWORD, TOKEN] {
        assert!(!text.contains(secret), "{what} tells {secret:?}: {text}");
    }
}

#[track_caller]
fn clean_error(what: &str, error: &Error) {
    clean(what, &error.to_json());
    clean(what, &error.to_string());
    clean(what, &format!("{error:?}"));
}

/// The call fails, and tells no secret.
#[track_caller]
fn fails(what: &str, client: &Client, request: &Value) {
    listen();
    match ask(client, request) {
        Ok(text) => panic!("{what}: expected an error, got {text:?}"),
        Err(error) => clean_error(what, &error),
    }
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    for line in lines.iter() {
        clean(what, line);
    }
}

type Script = fn(&Request, &mut Peer) -> io::Result<()>;

#[test]
fn no_answer_of_a_server_brings_a_secret_into_an_error() {
    let scripts: [(&str, Script); 14] = [
        ("400", |_, to| to.reply(400, r#"{"error":"no"}"#)),
        ("401", |_, to| to.reply(401, r#"{"error":"no"}"#)),
        ("404", |_, to| to.reply(404, "")),
        ("500", |_, to| to.reply(500, "<html>")),
        ("503", |_, to| {
            to.reply_with(503, &[("retry-after", "60")], "no")
        }),
        ("redirect", |_, to| {
            to.reply_with(302, &[("location", "http://127.0.0.1:1/x")], "")
        }),
        ("no JSON", |_, to| to.reply(200, "hello")),
        ("no text", |_, to| to.reply(200, "{}")),
        ("nothing", |_, to| to.hang_up()),
        ("reset", |_, to| to.reset()),
        ("no HTTP", |_, to| to.raw("hello\r\n\r\n")),
        ("cut", |_, to| {
            to.raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{")?;
            to.hang_up()
        }),
        ("too long", |_, to| to.reply(200, &"x".repeat(2000))),
        ("too many headers", |_, to| {
            to.raw("a: b\r\n".repeat(20_000))
        }),
    ];
    for (what, script) in scripts {
        let server = Server::start(script);
        let client = client(json!({"max_reply_bytes": 1000}));
        fails(what, &client, &planted(&server.endpoint()));
        // Looked up, and asked in the plain format.
        fails(what, &client, &planted(&server.url()));
    }
}

#[test]
fn what_a_server_repeats_of_a_request_is_struck_out() {
    for status in [400, 500, 503] {
        // The key, the header and the URL; a prompt is the model's to speak of.
        let server = Server::start(move |request, to| {
            to.reply(status, &json!({ "error": request.head }).to_string())
        });
        let mut request = planted(&server.endpoint());
        request["api_base"] = json!(server.endpoint());
        fails("a repeated head", &client(json!({})), &request);
        fails(
            "a repeated head",
            &client(json!({})),
            &planted(&server.url()),
        );
    }
}

#[test]
fn what_a_server_repeats_is_struck_out_also_where_the_message_is_cut() {
    // Only a part of the key is before the cut: a part is still a secret.
    let longest = mishikallm::limits::MESSAGE_BYTES;
    for visible in [5, 10, KEY.len() - 1] {
        let padding = "x".repeat(longest - visible);
        let server = Server::start(move |request, to| {
            let key = request
                .header("authorization")
                .trim_start_matches("Bearer ");
            to.reply(
                400,
                &json!({"error": format!("{padding}{key}")}).to_string(),
            )
        });
        let error = ask(
            &client(json!({})),
            &with(plain(&server), json!({"api_key": KEY})),
        );
        let message = error.unwrap_err().message().to_owned();
        let told = &message[message.len().saturating_sub(visible + 4)..];
        assert!(
            !message.contains(&KEY[..5]),
            "{visible} bytes of the key: …{told}"
        );
    }
}

#[test]
fn no_failing_connection_brings_a_secret_into_an_error() {
    let client = client(json!({}));
    let nobody = Reserved::new();
    fails(
        "refused",
        &client,
        &planted(&format!("http://{}/generate", nobody.address())),
    );
    let full = Full::new();
    fails(
        "no connection",
        &client,
        &planted(&format!("http://{}/generate", full.address)),
    );
    let silent = Server::silent();
    for timeout in ["timeout", "idle_timeout"] {
        let request = with(planted(&silent.endpoint()), json!({ timeout: 0.1 }));
        fails(timeout, &client, &request);
    }
    let authority = Authority::new();
    let server = Server::start_tls(authority.local().serves(), |_, to| to.reply(200, YO));
    let secure = format!("https://{}/generate", server.address);
    fails("TLS", &client, &planted(&secure));
    fails("TLS without TLS", &client, &planted(&server.endpoint()));
    client.close();
    fails("closed", &client, &planted(&secure));
}

#[test]
fn no_failing_proxy_brings_a_secret_into_an_error() {
    let nobody = Reserved::new();
    let refusing = proxies::refusing(407);
    let socks = proxies::socks(Socks::Only("joe", "another"), nobody.address());
    let open = proxies::connect(nobody.address());
    let cases = [
        ("http", refusing.address),
        ("http", nobody.address()),
        ("http", open.address),
        ("socks5h", socks.address),
        ("socks5h", nobody.address()),
    ];
    for (scheme, address) in cases {
        let proxy = format!("{scheme}://joe:{PASSWORD}@{address}");
        let what = format!("{scheme} at {address}");
        let client = client(json!({ "proxy": proxy }));
        fails(
            &what,
            &client,
            &planted("http://triton.invalid:8000/generate"),
        );
        fails(&what, &client, &planted("http://triton.invalid:8000"));
    }
}

#[test]
fn no_mistake_of_a_request_brings_a_secret_into_an_error() {
    listen();
    let client = client(json!({}));
    let good = planted("http://127.0.0.1:1/generate");
    let fields = good.as_object().unwrap().clone();
    // Every secret under every wrong name, and of every wrong type.
    for (field, value) in &fields {
        for wrong in [
            json!([value]),
            json!({ "x": value }),
            json!({ value.to_string(): 1 }),
        ] {
            let request = with(good.clone(), json!({ field.as_str(): wrong }));
            if let Err(error) = ask(&client, &request) {
                clean_error(field, &error);
            }
        }
    }
    for more in [
        json!({"api_key": format!("{KEY}\n")}),
        json!({"extra_headers": {"X-A": format!("{HEADER}\r\nX-B: 1")}}),
        json!({"extra_headers": {"bad name": HEADER}}),
        json!({"api_base": format!("http://joe:{PASSWORD}@127.0.0.1:1/generate")}),
        json!({"api_base": format!("{TOKEN}://127.0.0.1")}),
        json!({"api_base": format!("http://127.0.0.1:{TOKEN}/generate")}),
        json!({"api_base": format!("http://127.0.0.1:1/v2/models/m/x?token={TOKEN}")}),
        json!({"model": PROMPT}),
        json!({"timeout": KEY}),
        json!({"num_retries": KEY}),
        json!({"fallbacks": [KEY]}),
        json!({"triton": {"version": KEY}}),
    ] {
        let error = ask(&client, &with(good.clone(), more.clone())).unwrap_err();
        clean_error(&more.to_string(), &error);
    }
    let broken = good.to_string().replace(':', " ");
    clean_error(
        "broken JSON",
        &client.invoke("completions", &broken).unwrap_err(),
    );
    for operation in ["chat.completions", "embeddings", "models", "health"] {
        if let Err(error) = client.invoke(operation, &good.to_string()) {
            clean_error(operation, &error);
        }
    }
}

#[test]
fn no_mistake_of_a_configuration_brings_a_secret_into_an_error() {
    let key = file("key.pem", KEY);
    for config in [
        json!({"api_key": [KEY]}),
        json!({"api_key": format!("{KEY}\n")}),
        json!({"extra_headers": [HEADER]}),
        json!({"proxy": format!("ftp://joe:{PASSWORD}@proxy")}),
        json!({"proxy": [PASSWORD]}),
        json!({"tls": {"client_cert_file": key, "client_key_file": key}}),
        json!({"model_list": [{"model_name": "a", "mishikallm_params": {"model": "triton/m", "api_key": [KEY]}}]}),
        json!({ KEY: 1 }),
    ] {
        let error = Client::new(&config.to_string()).map(|_| ()).unwrap_err();
        // An unknown field is named: it is a name, not a value.
        if config.get(KEY).is_none() {
            clean_error(&config.to_string(), &error);
        }
    }
}

#[test]
fn a_client_shows_no_secret() {
    let client = client(json!({
        "api_key": KEY, "extra_headers": {"X-Secret": HEADER},
        "api_base": format!("http://127.0.0.1:1/generate?token={TOKEN}"),
        "proxy": format!("http://joe:{PASSWORD}@127.0.0.1:1"),
        "model_list": [{"model_name": "a", "mishikallm_params": {"model": "triton/m", "api_key": KEY}}],
    }));
    clean("Debug of a client", &format!("{client:?}"));
}

#[test]
fn successes_are_logged_without_secrets() {
    listen();
    let server = Changing::default().serve();
    let client = client(json!({}));
    for _ in 0..3 {
        ask(&client, &planted(&server.url())).unwrap();
    }
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let ours = || lines.iter().filter(|l| l.contains(&server.url()));
    assert_eq!(
        ours().filter(|l| l.contains("/infer -> HTTP 200")).count(),
        3
    );
    for line in lines.iter() {
        clean("a line of the log", line);
    }
}

#[test]
fn retries_are_logged_without_secrets() {
    listen();
    let server = Server::start(|request, to| match request.number {
        0 => to.reply(503, &json!({ "error": request.head }).to_string()),
        _ => to.reply(200, YO),
    });
    let request = with(planted(&server.endpoint()), json!({"num_retries": 1}));
    ask(&client(json!({})), &request).unwrap();
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    for line in lines.iter() {
        clean("a line of the log", line);
    }
    // The prompt of another call is none of the log's business either.
    drop(lines);
    fails(
        "refused",
        &client(json!({})),
        &prompt(&format!("http://{}", Reserved::new().address())),
    );
}

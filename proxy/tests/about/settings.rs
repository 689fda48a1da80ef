//! Settings of the proxy itself, by what they do.

use super::*;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, mpsc};

fn chat(proxy: &Proxy, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let path = "/v1/chat/completions";
    let answer = ask(&proxy.host, "POST", path, &[], body.as_bytes()).expect("an answer");
    (
        answer.status,
        serde_json::from_str(&answer.text()).expect("JSON"),
    )
}

fn question() -> Value {
    json!({"messages": [{"role": "user", "content": "who are u?"}]})
}

fn answering() -> Upstream {
    Upstream::new(|mut peer| {
        while peer.request().is_some() {
            peer.reply(200, &json!({"text_output": "a model"}));
        }
    })
}

#[test]
fn completion_model_is_asked_where_a_request_names_none() {
    let upstream = answering();
    let list = json!([
        entry("m", "triton/m", &upstream.at("/x/generate")),
        entry("n", "triton/n", &upstream.at("/x/generate")),
    ]);
    let of = |more| proxy(list.clone(), json!({"general_settings": more}));
    let (status, body) = chat(&of(json!({"completion_model": "n"})), &question());
    assert_eq!((status, &body["model"]), (200, &json!("n")), "{body}");
    let (status, body) = chat(&of(json!({})), &question());
    assert_eq!((status, &body["error"]["param"]), (400, &json!("model")));
}

#[test]
fn a_body_may_be_as_long_as_max_request_size_mb_says() {
    let upstream = answering();
    let list = json!([entry("m", "triton/m", &upstream.at("/x/generate"))]);
    let proxy = proxy(
        list,
        json!({"general_settings": {"max_request_size_mb": 0.01}}),
    );
    for (length, status) in [(5_000, 200), (20_000, 413)] {
        let text = "a".repeat(length);
        let body = json!({"model": "m", "messages": [{"role": "user", "content": text}]});
        assert_eq!(chat(&proxy, &body).0, status, "{length}");
    }
}

#[test]
fn requests_under_way_are_given_up_after_drain_seconds() {
    let (asked, is_asked) = mpsc::channel();
    let upstream = Upstream::new(move |mut peer| {
        if peer.request().is_some() {
            asked.send(()).unwrap();
            peer.wait_for_close();
            asked.send(()).unwrap();
        }
    });
    let list = json!([entry("m", "triton/m", &upstream.at("/x/generate"))]);
    let mut proxy = proxy(list, json!({"general_settings": {"drain_seconds": 0.2}}));
    let host = proxy.host.clone();
    let client = std::thread::spawn(move || {
        let body = br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
        ask(&host, "POST", "/v1/chat/completions", &[], body).is_ok()
    });
    is_asked.recv().unwrap();
    let id = proxy.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    // Without the setting it would wait for as long as the model is silent: ten minutes.
    is_asked.recv().unwrap();
    assert!(!client.join().unwrap(), "an answer, of which model?");
    while proxy.runs() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let log = proxy.log();
    assert!(log.contains("requests under way were given up"), "{log}");
}

/// A server with a certificate of its own making; the certificate is at that path.
fn secure(name: &str) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let path = std::env::temp_dir().join(format!("settings-{}-{name}.pem", std::process::id()));
    std::fs::write(&path, made.cert.pem()).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap()];
    let key = made.signing_key.serialize_pem();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let config = config.clone();
            std::thread::spawn(move || serve_secure(config, stream.unwrap()));
        }
    });
    (port, path.display().to_string())
}

/// Answers one request, if the client likes the certificate.
fn serve_secure(config: Arc<rustls::ServerConfig>, stream: TcpStream) -> Option<()> {
    let connection = rustls::ServerConnection::new(config).unwrap();
    let mut reader = BufReader::new(rustls::StreamOwned::new(connection, stream));
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(n) = line.strip_prefix("content-length:") {
            length = n.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    let body = json!({"text_output": "a model"}).to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let stream = reader.get_mut();
    stream.write_all([head, body].concat().as_bytes()).ok()?;
    stream.conn.send_close_notify();
    stream.flush().ok()
}

#[test]
fn ssl_verify_says_which_certificates_are_taken() {
    let (port, own) = secure("own");
    let (_, other) = secure("other");
    let mut one = entry(
        "m",
        "triton/m",
        &format!("https://localhost:{port}/x/generate"),
    );
    one["mishikallm_params"]["num_retries"] = json!(0);
    for (settings, status) in [
        (json!({}), 503),
        (json!({"ssl_verify": true}), 503),
        (json!({"ssl_verify": false}), 200),
        (json!({"ssl_verify": own}), 200),
        (json!({"ssl_verify": other}), 503),
        // What stands beside it in `tls` holds, and does not put it out of force.
        (json!({"ssl_verify": false, "tls": {"ca_file": other}}), 200),
        (
            json!({"ssl_verify": false, "tls": {"insecure": false}}),
            503,
        ),
    ] {
        let proxy = proxy(json!([one]), json!({"mishikallm_settings": settings}));
        let mut body = question();
        body["model"] = json!("m");
        let (got, answer) = chat(&proxy, &body);
        assert_eq!(got, status, "{settings}: {answer}");
    }
    for path in [own, other] {
        std::fs::remove_file(path).unwrap();
    }
}

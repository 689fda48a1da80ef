//! TLS: who is trusted, who is not and why, and what a connection with it costs.

use crate::alone;
use crate::ask::{ask, calm, client, fails, is, prompt, takes, with};
use crate::certificates::{Authority, Certified, file};
use crate::http;
use crate::server::{Server, YO};
use mishikallm::{Client, Error, Status};
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};
use std::time::Duration;

fn start(certified: &Certified) -> Server {
    Server::start_tls(certified.serves(), |_, to| to.reply(200, YO))
}

/// A prompt for the endpoint of a server with TLS.
fn secure(server: &Server) -> Value {
    prompt(&format!("https://{}/generate", server.address))
}

fn trusting(authority: &Authority) -> Client {
    client(json!({"tls": {"ca_file": authority.file()}}))
}

/// No connection, for a reason that has this word; no key, no prompt.
#[track_caller]
fn refused(error: &Error, word: &str) {
    is(
        error,
        Status::Connect,
        503,
        &["no secure connection to", word],
    );
    assert!(error.is_retryable() && error.param().is_none());
}

#[test]
fn an_authority_of_ca_file_is_trusted_by_address_and_by_name() {
    let authority = Authority::new();
    let server = start(&authority.local());
    let client = trusting(&authority);
    assert_eq!(ask(&client, &secure(&server)).unwrap(), "yo");
    let named = format!("https://localhost:{}/generate", server.address.port());
    assert_eq!(ask(&client, &prompt(&named)).unwrap(), "yo");
}

#[test]
fn many_calls_share_one_handshake() {
    let authority = Authority::new();
    let server = start(&authority.local());
    let client = trusting(&authority);
    for _ in 0..20 {
        assert_eq!(ask(&client, &secure(&server)).unwrap(), "yo");
    }
    assert_eq!((server.count(), server.posts().len()), (1, 20));
}

#[test]
fn an_authority_that_nobody_named_is_not_trusted() {
    let authority = Authority::new();
    let server = start(&authority.local());
    let error = fails(&client(json!({})), &secure(&server));
    refused(&error, "invalid peer certificate: UnknownIssuer");
    let other = trusting(&Authority::new());
    refused(&fails(&other, &secure(&server)), "invalid peer certificate");
    assert_eq!(server.posts().len(), 0);
}

#[test]
fn a_certificate_for_another_name_is_not_trusted() {
    let authority = Authority::new();
    let server = start(&authority.server(&["elsewhere.example"]));
    let error = fails(&trusting(&authority), &secure(&server));
    refused(&error, "certificate not valid for name");
}

#[test]
fn a_certificate_that_was_good_once_is_not_trusted() {
    let authority = Authority::new();
    let server = start(&authority.expired());
    let error = fails(&trusting(&authority), &secure(&server));
    refused(&error, "certificate expired");
}

#[test]
fn insecure_trusts_anybody() {
    let server = start(&Authority::new().expired());
    let client = client(json!({"tls": {"insecure": true}}));
    assert_eq!(ask(&client, &secure(&server)).unwrap(), "yo");
}

#[test]
fn both_versions_of_tls_are_spoken() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let config = authority.local().serves_with(version);
        let server = Server::start_tls(config, |_, to| to.reply(200, YO));
        let client = trusting(&authority);
        for _ in 0..3 {
            assert_eq!(ask(&client, &secure(&server)).unwrap(), "yo");
        }
        assert_eq!(server.count(), 1);
    }
}

#[test]
fn a_server_may_want_to_see_a_clients_certificate() {
    let (authority, clients) = (Authority::new(), Authority::new());
    for version in [&TLS12, &TLS13] {
        let config = authority.local().serves_clients_of(&clients, version);
        let server = Server::start_tls(config, |_, to| to.reply(200, YO));
        let (certificate, key) = clients.client().files();
        let with_one = client(json!({"tls": {
            "ca_file": authority.file(), "client_cert_file": certificate, "client_key_file": key,
        }}));
        for _ in 0..3 {
            assert_eq!(ask(&with_one, &secure(&server)).unwrap(), "yo");
        }
        assert_eq!(server.count(), 1);

        for _ in 0..5 {
            let error = fails(&trusting(&authority), &secure(&server));
            refused(&error, "CertificateRequired");
        }
        assert_eq!(server.posts().len(), 3);
    }
}

#[test]
fn files_that_are_no_help_are_mistakes_of_the_configuration() {
    let good = Authority::new().client();
    let (certificate, key) = good.files();
    let nonsense = file("nonsense.pem", "this is no PEM");
    let missing = "/nowhere/at/all.pem";
    let cases = [
        ("tls.ca_file", json!({"ca_file": missing})),
        ("tls.ca_file", json!({"ca_file": nonsense})),
        ("tls.ca_file", json!({"ca_file": key})),
        (
            "tls.client_cert_file",
            json!({"client_cert_file": missing, "client_key_file": key}),
        ),
        (
            "tls.client_cert_file",
            json!({"client_cert_file": nonsense, "client_key_file": key}),
        ),
        (
            "tls.client_key_file",
            json!({"client_cert_file": certificate, "client_key_file": missing}),
        ),
        (
            "tls.client_key_file",
            json!({"client_cert_file": certificate, "client_key_file": nonsense}),
        ),
        (
            "tls.client_key_file",
            json!({"client_cert_file": certificate, "client_key_file": certificate}),
        ),
        (
            "tls.client_cert_file",
            json!({"client_cert_file": certificate}),
        ),
    ];
    for (field, tls) in cases {
        let config = json!({ "tls": tls }).to_string();
        let error = Client::new(&config).expect_err(field);
        is(&error, Status::Config, 400, &[field]);
        assert_eq!(error.param(), Some(field), "{error}");
    }
}

#[test]
fn a_key_that_is_not_the_certificates_is_a_mistake_of_the_configuration() {
    let (certificate, _) = Authority::new().client().files();
    let (_, of_another) = Authority::new().client().files();
    let nonsense = "-----BEGIN PRIVATE KEY-----\nbm8ga2V5\n-----END PRIVATE KEY-----\n";
    for key in [of_another, file("key.pem", nonsense)] {
        let tls = json!({"client_cert_file": certificate, "client_key_file": key});
        let config = json!({ "tls": tls }).to_string();
        // A client that is made nevertheless panics at its first call.
        let error = Client::new(&config)
            .map(|_| ())
            .expect_err("a key that is not its own");
        is(&error, Status::Config, 400, &["tls.client_key_file"]);
    }
}

#[test]
fn a_key_that_is_not_the_certificates_panics_no_call() {
    let authority = Authority::new();
    let server = start(&authority.local());
    let (certificate, _) = authority.client().files();
    let (_, key) = authority.client().files();
    let config = json!({"tls": {
        "ca_file": authority.file(), "client_cert_file": certificate, "client_key_file": key,
    }});
    let call = move || {
        let client = Client::new(&config.to_string())?;
        ask(&client, &secure(&server))
    };
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
    assert!(ended.expect("no panic").is_err());
}

#[test]
fn an_authority_file_without_a_usable_certificate_is_a_mistake_of_the_configuration() {
    // PEM all right, and no certificate in it.
    let text = "-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    let config = json!({"tls": {"ca_file": file("empty.pem", text)}}).to_string();
    let made = Client::new(&config).map(|_| ());
    let error = made.expect_err("a certificate that is none");
    is(&error, Status::Config, 400, &["tls.ca_file"]);
}

#[test]
fn the_systems_trust_store_is_the_default() {
    const NAME: &str = "tls::the_systems_trust_store_is_the_default";
    if let Some(base) = alone::told() {
        assert_eq!(ask(&client(json!({})), &prompt(&base)).unwrap(), "yo");
        return;
    }
    let authority = Authority::new();
    let server = start(&authority.local());
    let base = format!("https://{}/generate", server.address);
    alone::run(NAME, &base, &[("SSL_CERT_FILE", &authority.file())]);
    assert_eq!(server.posts().len(), 1);
}

#[test]
fn a_server_without_tls_is_told_from_one_with_it() {
    let plain = Server::connections(|mut peer, _| {
        peer.raw("HTTP/1.1 400 Bad Request\r\n\r\n")?;
        peer.stall()
    });
    let error = fails(&client(json!({})), &secure(&plain));
    refused(&error, "");

    let authority = Authority::new();
    let server = start(&authority.local());
    let error = fails(&client(json!({})), &prompt(&server.endpoint()));
    is(&error, Status::Protocol, 502, &[]);
}

#[test]
fn a_server_that_hangs_up_in_the_handshake_gave_no_secure_connection() {
    let server = Server::connections(|mut peer, _| peer.hang_up());
    let error = fails(&client(json!({})), &secure(&server));
    refused(&error, "");
}

#[test]
fn a_handshake_that_stalls_ends_with_connect_timeout() {
    let _calm = calm();
    let server = Server::connections(|mut peer, _| peer.stall());
    let request = with(
        secure(&server),
        json!({"connect_timeout": 0.3, "timeout": 5}),
    );
    let error = takes(0.3, || fails(&client(json!({})), &request));
    is(
        &error,
        Status::Deadline,
        408,
        &["within 0.3 s (connect_timeout)"],
    );
    let request = with(
        secure(&server),
        json!({"connect_timeout": 5, "timeout": 0.3}),
    );
    let error = takes(0.3, || fails(&client(json!({})), &request));
    is(&error, Status::Deadline, 408, &["within 0.3 s (timeout)"]);
}

#[test]
fn timeouts_hold_inside_tls() {
    let _calm = calm();
    let authority = Authority::new();
    let server = Server::start_tls(authority.local().serves(), |_, to| {
        to.raw(http::head(200, &[("content-length", "20")]))?;
        to.stall()
    });
    let client = trusting(&authority);
    let request = with(secure(&server), json!({"timeout": 0.3}));
    let error = takes(0.3, || fails(&client, &request));
    is(&error, Status::Deadline, 408, &["within 0.3 s (timeout)"]);
    let request = with(secure(&server), json!({"idle_timeout": 0.3, "timeout": 5}));
    let error = takes(0.3, || fails(&client, &request));
    is(
        &error,
        Status::Deadline,
        408,
        &["silent for 0.3 s (idle_timeout)"],
    );
}

#[test]
fn a_connection_that_the_server_closed_while_idle_is_not_used_again() {
    let authority = Authority::new();
    let server = Server::start_tls(authority.local().serves(), |_, to| {
        to.reply(200, YO)?;
        to.pause(Duration::from_millis(20))?;
        to.hang_up()
    });
    let client = trusting(&authority);
    for calls in 1..=3 {
        assert_eq!(ask(&client, &secure(&server)).unwrap(), "yo");
        server.until(|seen| seen.over == calls);
    }
    assert_eq!(server.count(), 3);
}

#[test]
fn a_connection_with_junk_after_an_answer_is_not_used_again() {
    // What was decrypted, and what was read but not yet decrypted, is junk too: the sizes put the border everywhere.
    let authority = Authority::new();
    for padding in [0, 2000, 4000, 8000, 12_000, 16_000] {
        let server = Server::start_tls(authority.local().serves(), move |_, to| {
            let answer = |text: &str, padding| {
                let answer = json!({"text_output": text, "padding": "x".repeat(padding)});
                http::reply(200, &[], answer.to_string())
            };
            to.together(&[answer("yo", padding), answer("somebody else's", 10_000)])
        });
        let client = trusting(&authority);
        for call in 0..3 {
            let text = ask(&client, &secure(&server)).unwrap();
            assert_eq!(text, "yo", "padding {padding}, call {call}");
        }
        assert_eq!(server.count(), 3, "padding {padding}");
    }
}

#[test]
fn a_refusal_of_a_large_request_is_seen_while_it_is_still_being_sent() {
    let authority = Authority::new();
    let config = authority.local().serves();
    let server = Server::connections(move |peer, _| {
        let mut peer = peer.tls(&config)?;
        http::Request::read_head(peer.reader())?;
        peer.reply(413, r#"{"error":"payload too large"}"#)?;
        peer.hang_up()
    });
    let much = json!({"prompt": "x".repeat(10 << 20), "timeout": 20});
    let error = fails(&trusting(&authority), &with(secure(&server), much));
    is(&error, Status::Server, 413, &["payload too large"]);
}

#[test]
fn a_second_connection_resumes_the_first_ones_session() {
    let authority = Authority::new();
    for more in [json!({}), json!({"connect_timeout": 5})] {
        let server = Server::start_tls(authority.local().serves(), |_, to| {
            let kind = format!("{:?}", to.handshake());
            let answer = json!({ "text_output": kind }).to_string();
            to.reply_with(200, &[("connection", "close")], answer)?;
            to.hang_up()
        });
        let client = trusting(&authority);
        let request = with(secure(&server), more.clone());
        assert_eq!(ask(&client, &request).unwrap(), "Some(Full)");
        assert_eq!(ask(&client, &request).unwrap(), "Some(Resumed)", "{more}");
    }
}

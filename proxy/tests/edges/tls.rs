//! TLS on both sides: the proxy's own certificate and its renewal, and whom it trusts among models' servers.

use super::*;
use running::certificates::{Authority, Certified};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

/// A client of the proxy that trusts one authority.
struct Client(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Client {
    fn open(host: &str, authority: &Authority) -> io::Result<Client> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("PEM");
        roots.add(root).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let mut tls = ClientConnection::new(Arc::new(config), name).expect("a client");
        let mut tcp = TcpStream::connect(host)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(Client(BufReader::new(StreamOwned::new(tls, tcp))))
    }

    /// What the proxy has shown.
    fn certificate(&self) -> Vec<u8> {
        let shown = self.0.get_ref().conn.peer_certificates().expect("a chain");
        shown[0].to_vec()
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    fn read(&mut self) -> io::Result<Response> {
        Response::read(&mut self.0, "POST")
    }

    fn ask(&mut self) -> Response {
        self.send(&chat_request(&json!({}))).expect("sent");
        self.read().expect("an answer")
    }
}

fn der(certified: &Certified) -> Vec<u8> {
    let der = CertificateDer::from_pem_slice(certified.certificate.as_bytes());
    der.expect("PEM").to_vec()
}

/// A proxy that shows a certificate, and the files with it.
struct Secure {
    proxy: Proxy,
    certificate: PathBuf,
    key: PathBuf,
}

impl Secure {
    fn new(upstream: &Upstream, certified: &Certified, more: Value) -> Secure {
        let (certificate, key) = certified.files();
        let files = [
            "--ssl_certfile_path",
            &certificate,
            "--ssl_keyfile_path",
            &key,
        ];
        let proxy = proxy(one(upstream), more, &files);
        Secure {
            proxy,
            certificate: certificate.into(),
            key: key.into(),
        }
    }

    fn put(&self, certificate: &str, key: &str) {
        fs::write(&self.certificate, certificate).expect("a file");
        fs::write(&self.key, key).expect("a file");
        self.proxy.signal("HUP");
    }
}

#[test]
fn a_renewed_certificate_is_shown_from_a_signal_on() {
    let (authority, upstream) = (Authority::new(), saying("yes"));
    let (first, second) = (authority.local(), authority.local());
    let secure = Secure::new(&upstream, &first, json!({}));
    let host = &secure.proxy.host;
    assert!(secure.proxy.log().contains("listens at https://"));
    let mut old = Client::open(host, &authority).expect("it is trusted");
    assert_eq!(
        (said(&old.ask()), old.certificate()),
        ("yes".to_owned(), der(&first))
    );
    secure.put(&second.certificate, &second.key);
    secure.proxy.says("holds from now on", 1);
    let mut new = Client::open(host, &authority).expect("it is trusted");
    assert_eq!(
        (said(&new.ask()), new.certificate()),
        ("yes".to_owned(), der(&second))
    );
    // Who is there stays.
    assert_eq!(said(&old.ask()), "yes");
    // Half of a renewal, or none at all, changes nothing.
    for (number, (certificate, key, words)) in [
        (&*first.certificate, &*second.key, "the two do not fit"),
        (
            "nothing",
            &second.key,
            "--ssl_certfile_path: expected certificates in PEM",
        ),
        (
            &second.certificate,
            "nothing",
            "--ssl_keyfile_path: expected a private key in PEM",
        ),
        (
            &second.key,
            &second.key,
            "--ssl_certfile_path: expected certificates in PEM",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        secure.put(certificate, key);
        let log = secure.proxy.says("the one before still holds", number + 1);
        assert!(log.contains(words), "{words} is not in\n{log}");
        assert!(!log.contains("PRIVATE KEY"), "{log}");
        let mut client = Client::open(host, &authority).expect("it is trusted");
        assert_eq!(
            (said(&client.ask()), client.certificate()),
            ("yes".to_owned(), der(&second))
        );
    }
}

#[test]
fn who_does_not_speak_tls_harms_nobody() {
    let (authority, upstream) = (Authority::new(), saying("yes"));
    let secure = Secure::new(&upstream, &authority.local(), json!({}));
    let mut plain = TcpStream::connect(&secure.proxy.host).expect("it listens");
    plain.write_all(&chat_request(&json!({}))).expect("sent");
    let mut told = Vec::new();
    let _ = plain.read_to_end(&mut told);
    assert!(
        !told.starts_with(b"HTTP/"),
        "{}",
        String::from_utf8_lossy(&told)
    );
    let other = Client::open(&secure.proxy.host, &Authority::new());
    assert!(other.is_err());
    let mut client = Client::open(&secure.proxy.host, &authority).expect("it is trusted");
    assert_eq!(said(&client.ask()), "yes");
}

#[test]
fn a_client_that_still_sends_gets_its_refusal_over_tls_too() {
    let (authority, upstream) = (Authority::new(), saying("yes"));
    let small = json!({"general_settings": {"max_request_size_mb": 1}});
    let secure = Secure::new(&upstream, &authority.local(), small);
    let mut client = Client::open(&secure.proxy.host, &authority).expect("it is trusted");
    let long = request("POST", CHAT, &[], &vec![b' '; 16 << 20]);
    client.send(&long).expect("all of it is taken");
    let answer = client.read().expect("an answer");
    assert_eq!(answer.status, 413, "{}", answer.text());
    // Told that it is over, and not cut off.
    assert_eq!(client.0.read(&mut [0; 1]).expect("the end"), 0);
}

#[test]
fn a_stream_over_tls_ends_whole_when_the_proxy_is_to_end() {
    let (authority, (upstream, go_on)) = (Authority::new(), end::streaming());
    let mut secure = Secure::new(&upstream, &authority.local(), json!({}));
    let mut client = Client::open(&secure.proxy.host, &authority).expect("it is trusted");
    let asked = chat_request(&json!({"stream": true}));
    client.send(&asked).expect("sent");
    let head = Response::head(&mut client.0).expect("an answer");
    assert_eq!(head.status, 200);
    secure.proxy.signal("TERM");
    end::is_left(&secure.proxy);
    go_on.send(()).expect("the stream waits");
    let mut text = String::new();
    // An end without a word would be an error.
    client.0.read_to_string(&mut text).expect("the end");
    assert!(
        text.contains("\"last\"") && text.contains("[DONE]"),
        "{text}"
    );
    assert_eq!(secure.proxy.ends(), Some(0), "{}", secure.proxy.log());
}

/// The one deployment at a server with TLS.
fn secure_list(config: Arc<ServerConfig>) -> Value {
    let upstream = Upstream::secure(config, |mut peer| {
        while peer.request().is_some() {
            peer.reply(200, &json!({"text_output": "secure"}));
        }
    });
    json!([entry("m", "triton/m", &upstream.securely_at("/x/generate"))])
}

#[test]
fn a_server_is_trusted_by_the_authority_that_the_configuration_names() {
    let (authority, other) = (Authority::new(), Authority::new());
    let with = |certified: &Certified, settings: Value| {
        let list = secure_list(certified.serves());
        proxy(
            list,
            json!({"mishikallm_settings": settings}),
            &["--detailed_debug"],
        )
    };
    for settings in [
        json!({"tls": {"ca_file": authority.file()}}),
        json!({"ssl_verify": authority.file()}),
        json!({"tls": {"insecure": true}}),
        json!({"ssl_verify": false}),
    ] {
        let proxy = with(&authority.local(), settings);
        for _ in 0..2 {
            assert_eq!(said(&chat(&proxy, &json!({}))), "secure");
        }
    }
    // The other authority has the same name, so that its signature is looked at.
    for (certified, settings, why) in [
        (
            authority.local(),
            json!({"tls": {"ca_file": other.file()}}),
            "BadSignature",
        ),
        (authority.local(), json!({}), "UnknownIssuer"),
        (
            authority.expired(),
            json!({"tls": {"ca_file": authority.file()}}),
            "expired",
        ),
        (
            authority.server(&["elsewhere.example"]),
            json!({"tls": {"ca_file": authority.file()}}),
            "is for another name",
        ),
    ] {
        let proxy = with(&certified, settings);
        for stream in [false, true] {
            let answer = chat(&proxy, &json!({"stream": stream}));
            assert_eq!(answer.status, 503, "{}", answer.text());
            let error = &json_of(&answer)["error"];
            assert_eq!(error["type"], "service_unavailable_error");
            let message = error["message"].as_str().expect("a message");
            assert!(
                message.starts_with("no secure connection to the model's server: "),
                "{message}"
            );
            assert!(message.contains(why), "{message}");
            for inside in ["127.0.0.1", "/tmp", ".pem", "elsewhere.example"] {
                assert!(!message.contains(inside), "{message}");
            }
        }
    }
}

#[test]
fn a_server_that_asks_who_calls_is_shown_the_configurations_certificate() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let serves = authority.local().serves_clients_of(&authority, version);
        let list = secure_list(serves);
        let (certificate, key) = authority.client().files();
        let mut tls = json!({"ca_file": authority.file(), "client_cert_file": certificate, "client_key_file": key});
        let with = |tls: &Value| {
            let settings = json!({"mishikallm_settings": {"tls": tls}});
            proxy(list.clone(), settings, &[])
        };
        assert_eq!(said(&chat(&with(&tls), &json!({}))), "secure");
        tls = json!({"ca_file": authority.file()});
        let answer = chat(&with(&tls), &json!({}));
        assert_eq!(answer.status, 503, "{}", answer.text());
        let text = answer.text();
        assert!(
            text.contains("no secure connection to the model's server"),
            "{text}"
        );
        assert!(!text.contains("127.0.0.1"), "{text}");
    }
}

/// As where an authority's certificate is renewed in its place.
#[test]
fn files_of_authorities_are_read_again_too() {
    let (authority, other) = (Authority::new(), Authority::new());
    let file = other.file();
    let settings = json!({"mishikallm_settings": {"tls": {"ca_file": file}}});
    let proxy = proxy(secure_list(authority.local().serves()), settings, &[]);
    assert_eq!(chat(&proxy, &json!({})).status, 503);
    fs::write(&file, authority.pem()).expect("a file");
    proxy.signal("HUP");
    proxy.says("holds from now on", 1);
    assert_eq!(said(&chat(&proxy, &json!({}))), "secure");
}

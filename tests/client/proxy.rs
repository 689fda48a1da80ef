//! Proxies: from the configuration and from the environment, for hosts elsewhere and never for this machine.

use crate::alone;
use crate::ask::{ask, calm, client, fails, is, prompt, takes, with};
use crate::certificates::Authority;
use crate::proxies::{self, Socks};
use crate::server::{Full, Reserved, Server, YO};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mishikallm::{Client, Error, Status};
use serde_json::{Value, json};

/// A host that only a proxy can find.
const ELSEWHERE: &str = "http://triton.invalid:8000/generate";

/// An address that only a proxy can reach: RFC 5737 keeps it for documents.
const FAR: &str = "http://192.0.2.1:8000/generate";

/// Not the loopback by its name, and yet this machine: a way to go without the proxy.
fn near(server: &Server) -> String {
    format!("http://0.0.0.0:{}/generate", server.address.port())
}

fn through(proxy: &str) -> Client {
    client(json!({ "proxy": proxy }))
}

fn socks5(proxy: &Server, user: &str) -> String {
    format!("socks5h://{user}{}", proxy.address)
}

/// `user:password@` of every proxy here.
const USER: &str = "joe:planted-password@";

#[test]
fn a_proxy_of_the_configuration_is_asked_for_the_host() {
    let server = Server::always(200, YO);
    let proxy = proxies::connect(server.address);
    let client = through(&proxy.url());
    let request = with(prompt(ELSEWHERE), json!({"api_key": "planted-key"}));
    for _ in 0..5 {
        assert_eq!(ask(&client, &request).unwrap(), "yo");
    }
    let asked = proxy.requests();
    // One tunnel for all calls.
    assert_eq!((asked.len(), server.posts().len()), (1, 5));
    assert_eq!(
        (asked[0].method.as_str(), asked[0].path.as_str()),
        ("CONNECT", "triton.invalid:8000")
    );
    // What is for the server is for the server.
    assert!(!asked[0].head.contains("planted-key"), "{}", asked[0].head);
    let post = &server.posts()[0];
    assert_eq!(post.header("host"), "triton.invalid:8000");
    assert_eq!(post.header("authorization"), "Bearer planted-key");
}

#[test]
fn a_proxys_user_and_password_are_for_the_proxy() {
    let server = Server::always(200, YO);
    let proxy = proxies::connect(server.address);
    let client = through(&format!("http://{USER}{}", proxy.address));
    ask(&client, &prompt(ELSEWHERE)).unwrap();
    let basic = format!("Basic {}", STANDARD.encode("joe:planted-password"));
    assert_eq!(proxy.requests()[0].header("proxy-authorization"), basic);
    let head = &server.posts()[0].head;
    let told = ["planted-password", basic.as_str(), "proxy-"];
    assert!(
        !told.iter().any(|t| head.to_ascii_lowercase().contains(t)),
        "{head}"
    );
}

#[test]
fn tls_goes_through_a_proxy_to_the_server_itself() {
    let authority = Authority::new();
    let config = authority.server(&["triton.invalid"]).serves();
    let server = Server::start_tls(config, |_, to| to.reply(200, YO));
    let proxy = proxies::connect(server.address);
    let config = json!({"proxy": proxy.url(), "tls": {"ca_file": authority.file()}});
    let client = client(config);
    let base = "https://triton.invalid/generate";
    for _ in 0..3 {
        assert_eq!(ask(&client, &prompt(base)).unwrap(), "yo");
    }
    assert_eq!(proxy.requests()[0].path, "triton.invalid:443");
    assert_eq!(server.count(), 1);
}

#[test]
fn a_proxy_that_refuses_is_no_connection() {
    for status in [407, 403, 502] {
        let proxy = proxies::refusing(status);
        let client = through(&format!("http://{USER}{}", proxy.address));
        let error = fails(&client, &prompt(ELSEWHERE));
        is(
            &error,
            Status::Connect,
            503,
            &["proxy", "triton.invalid:8000"],
        );
        assert!(!error.to_json().contains("planted-password"), "{error}");
        assert_eq!(proxy.requests().len(), 1, "asked once");
    }
}

#[test]
fn a_proxy_that_is_not_there_is_named_as_what_is_missing() {
    let nobody = Reserved::new();
    let errors = ["http", "socks5h"].map(|scheme| {
        let client = through(&format!("{scheme}://{USER}{}", nobody.address()));
        fails(&client, &prompt(ELSEWHERE))
    });
    no_connection(&errors);
}

#[test]
fn a_proxy_that_does_not_speak_http_is_no_connection() {
    let mut errors = Vec::new();
    for words in ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 200", ""] {
        let proxy = Server::connections(move |mut peer, _| {
            crate::http::Request::read_head(peer.reader())?;
            peer.raw(words)?;
            peer.hang_up()
        });
        errors.push(fails(&through(&proxy.url()), &prompt(ELSEWHERE)));
    }
    no_connection(&errors);
}

/// All of them are what a proxy makes of a connection, and tell no password.
#[track_caller]
fn no_connection(errors: &[Error]) {
    let wrong: Vec<String> = errors
        .iter()
        .filter(|e| e.status() != Status::Connect || !e.message().contains("proxy"))
        .map(|e| format!("{}: {e}", e.status().name()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        errors
            .iter()
            .all(|e| !e.to_json().contains("planted-password"))
    );
}

#[test]
fn a_proxy_that_stalls_ends_with_connect_timeout() {
    let _calm = calm();
    let silent = Server::connections(|mut peer, _| peer.stall());
    let full = Full::new();
    for address in [silent.address, full.address] {
        for scheme in ["http", "socks5h"] {
            let client = through(&format!("{scheme}://{address}"));
            let more = json!({"connect_timeout": 0.3, "timeout": 3});
            let request = with(prompt(ELSEWHERE), more);
            let error = takes(0.3, || fails(&client, &request));
            is(
                &error,
                Status::Deadline,
                408,
                &["within 0.3 s (connect_timeout)"],
            );
        }
    }
}

#[test]
fn a_socks_proxy_is_asked_for_the_host() {
    let server = Server::always(200, YO);
    let proxy = proxies::socks(Socks::Open, server.address);
    let client = through(&socks5(&proxy, ""));
    for _ in 0..5 {
        assert_eq!(ask(&client, &prompt(ELSEWHERE)).unwrap(), "yo");
    }
    let asked = proxy.requests();
    assert_eq!((asked.len(), server.posts().len()), (1, 5));
    assert_eq!(asked[0].path, "triton.invalid:8000");

    // Without the h the name is looked up here; an address needs no looking up.
    let client = through(&format!("socks5://{}", proxy.address));
    assert_eq!(ask(&client, &prompt(FAR)).unwrap(), "yo");
    assert_eq!(proxy.requests()[1].path, "192.0.2.1:8000");
}

#[test]
fn a_socks_proxy_is_told_user_and_password() {
    let server = Server::always(200, YO);
    let proxy = proxies::socks(Socks::Only("joe", "planted-password"), server.address);
    let client = through(&socks5(&proxy, USER));
    assert_eq!(ask(&client, &prompt(ELSEWHERE)).unwrap(), "yo");
}

#[test]
fn a_socks_proxy_that_refuses_is_no_connection() {
    let nowhere = Reserved::new().address();
    let rules = [
        Socks::Only("joe", "another"),
        Socks::Refuses(1),
        Socks::Refuses(2),
        Socks::Refuses(4),
        Socks::Refuses(5),
    ];
    let mut errors = Vec::new();
    for rule in rules {
        let proxy = proxies::socks(rule, nowhere);
        for user in [USER, ""] {
            errors.push(fails(&through(&socks5(&proxy, user)), &prompt(ELSEWHERE)));
        }
    }
    no_connection(&errors);
}

/// A server that stalls, but not for ever: a time-out that does not hold fails a test instead of stopping it.
fn stalling() -> Server {
    Server::start(|_, to| {
        to.pause(std::time::Duration::from_secs(2))?;
        to.reply(200, YO)
    })
}

#[test]
fn timeouts_hold_through_a_proxy() {
    let _calm = calm();
    let server = stalling();
    let proxy = proxies::connect(server.address);
    timeouts_hold(&through(&proxy.url()));
}

#[test]
fn timeouts_hold_through_a_socks_proxy() {
    let _calm = calm();
    let server = stalling();
    let proxy = proxies::socks(Socks::Open, server.address);
    timeouts_hold(&through(&socks5(&proxy, "")));
}

fn timeouts_hold(client: &Client) {
    let total = with(prompt(ELSEWHERE), json!({"timeout": 0.3}));
    let error = takes(0.3, || fails(client, &total));
    is(&error, Status::Deadline, 408, &["within 0.3 s (timeout)"]);
    let idle = with(prompt(ELSEWHERE), json!({"idle_timeout": 0.3}));
    let error = takes(0.3, || fails(client, &idle));
    is(
        &error,
        Status::Deadline,
        408,
        &["silent for 0.3 s (idle_timeout)"],
    );
}

#[test]
fn this_machine_is_never_asked_for_through_a_proxy() {
    let server = Server::always(200, YO);
    let proxy = proxies::connect(server.address);
    let client = through(&proxy.url());
    let port = server.address.port();
    for host in ["127.0.0.1", "127.8.8.8", "localhost", "[::1]"] {
        let base = format!("http://{host}:{port}/generate");
        // Whether each of these can be reached directly is the system's business.
        let _ = ask(&client, &prompt(&base));
        assert_eq!(proxy.count(), 0, "{host}");
    }
    assert!(server.count() >= 2);
}

#[test]
fn this_machine_is_known_however_it_is_written() {
    let server = Server::always(200, YO);
    let proxy = proxies::connect(server.address);
    let client = through(&proxy.url());
    let port = server.address.port();
    let asked: Vec<&str> = ["LOCALHOST", "[::ffff:127.0.0.1]"]
        .into_iter()
        .filter(|host| {
            let before = proxy.count();
            let _ = ask(&client, &prompt(&format!("http://{host}:{port}/generate")));
            proxy.count() > before
        })
        .collect();
    assert!(asked.is_empty(), "the proxy was asked for {asked:?}");
}

#[test]
fn what_is_no_proxys_url_is_a_mistake_of_the_configuration() {
    for url in [
        "ftp://joe:planted-password@proxy",
        "http://",
        "joe:planted-password@@",
        "http://a b",
    ] {
        let made = Client::new(&json!({ "proxy": url }).to_string()).map(|_| ());
        let error = made.expect_err(url);
        is(&error, Status::Config, 400, &["proxy: expected a URL"]);
        assert_eq!(error.param(), Some("proxy"));
        assert!(!error.to_json().contains("planted-password"), "{error}");
    }
}

/// Asks as the parent told: a configuration and a request.
fn child() -> bool {
    let Some(told) = alone::told() else {
        return false;
    };
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let client = client(told["config"].clone());
    assert_eq!(ask(&client, &told["request"]).unwrap(), "yo");
    true
}

fn tell(config: Value, base: &str) -> String {
    json!({"config": config, "request": prompt(base)}).to_string()
}

#[test]
fn the_environment_names_a_proxy() {
    const NAME: &str = "proxy::the_environment_names_a_proxy";
    if child() {
        return;
    }
    let server = Server::always(200, YO);
    let proxy = proxies::connect(server.address);
    let with_user = format!("http://{USER}{}", proxy.address);
    let names = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    for (i, name) in names.into_iter().enumerate() {
        alone::run(NAME, &tell(json!({}), ELSEWHERE), &[(name, &with_user)]);
        assert_eq!(proxy.requests().len(), i + 1, "{name}");
        assert!(
            proxy.requests()[i]
                .header("proxy-authorization")
                .starts_with("Basic ")
        );
    }
}

#[test]
fn the_environment_names_a_socks_proxy() {
    const NAME: &str = "proxy::the_environment_names_a_socks_proxy";
    if child() {
        return;
    }
    let server = Server::always(200, YO);
    let proxy = proxies::socks(Socks::Open, server.address);
    let url = socks5(&proxy, "");
    alone::run(NAME, &tell(json!({}), ELSEWHERE), &[("ALL_PROXY", &url)]);
    assert_eq!(proxy.requests().len(), 1);
}

#[test]
fn the_environment_names_hosts_that_need_no_proxy() {
    const NAME: &str = "proxy::the_environment_names_hosts_that_need_no_proxy";
    if child() {
        return;
    }
    let server = Server::always(200, YO);
    let proxy = proxies::connect(server.address);
    let url = proxy.url();
    let socks = format!("socks5h://{}", proxy.address);
    let base = near(&server);
    for url in [url, socks] {
        for none in ["0.0.0.0", "triton.invalid,0.0.0.0", "*"] {
            let environment = [("ALL_PROXY", url.as_str()), ("NO_PROXY", none)];
            alone::run(NAME, &tell(json!({}), &base), &environment);
            assert_eq!(proxy.count(), 0, "{none}");
        }
    }
    // And without it, the proxy is asked.
    let url = proxy.url();
    let environment = [
        ("ALL_PROXY", url.as_str()),
        ("NO_PROXY", "elsewhere.example"),
    ];
    alone::run(NAME, &tell(json!({}), &base), &environment);
    assert_eq!(proxy.requests().len(), 1);
}

#[test]
fn a_list_of_hosts_that_need_no_proxy_may_have_spaces() {
    const NAME: &str = "proxy::a_list_of_hosts_that_need_no_proxy_may_have_spaces";
    if child() {
        return;
    }
    let server = Server::always(200, YO);
    let proxy = proxies::connect(server.address);
    let url = proxy.url();
    let environment = [
        ("ALL_PROXY", url.as_str()),
        ("NO_PROXY", "a.example, 0.0.0.0"),
    ];
    alone::run(NAME, &tell(json!({}), &near(&server)), &environment);
    assert_eq!(proxy.count(), 0);
}

#[test]
fn this_machine_is_not_asked_for_through_the_environments_proxy() {
    const NAME: &str = "proxy::this_machine_is_not_asked_for_through_the_environments_proxy";
    if child() {
        return;
    }
    let server = Server::always(200, YO);
    let proxy = proxies::connect(server.address);
    let url = proxy.url();
    let tell = tell(json!({}), &server.endpoint());
    alone::run(NAME, &tell, &[("HTTP_PROXY", &url), ("ALL_PROXY", &url)]);
    assert_eq!((proxy.count(), server.posts().len()), (0, 1));
}

#[test]
fn the_configuration_beats_the_environment() {
    const NAME: &str = "proxy::the_configuration_beats_the_environment";
    if child() {
        return;
    }
    let server = Server::always(200, YO);
    let proxy = proxies::connect(server.address);
    let nobody = format!("http://{}", Reserved::new().address());
    let config = json!({"proxy": proxy.url()});
    alone::run(NAME, &tell(config, ELSEWHERE), &[("ALL_PROXY", &nobody)]);
    assert_eq!(proxy.requests().len(), 1);
    // An empty string is no proxy.
    let config = json!({"proxy": ""});
    alone::run(
        NAME,
        &tell(config, &near(&server)),
        &[("ALL_PROXY", &nobody)],
    );
    assert_eq!(server.posts().len(), 2);
}

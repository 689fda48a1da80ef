//! Every place where a call may wait for long: a server that brings it there, and a way to see that it is there.

use crate::ask::{prompt, with};
use crate::certificates::Authority;
use crate::http::{Request, chunk};
use crate::proxies::{self, Socks};
use crate::server::{Full, Peer, Seen, Server};
use crate::sound::{DELTAS, HEAD, event};
use crate::stage::{serve, serve_tls};
use crate::watch::machine;
use crate::ways::{at_once, client, open};
use mishikallm::{Client, Stream};
use serde_json::{Value, json};
use std::any::Any;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Long enough for a call to get to where it waits, when that cannot be seen.
const A_MOMENT: Duration = Duration::from_millis(60);

/// Much longer than any test.
const FOR_EVER: Duration = Duration::from_secs(60);

/// One place, with everything that has to be there for a call to wait in it.
pub struct Scene {
    pub name: &'static str,
    pub client: Arc<Client>,
    pub request: Value,
    /// Whoever keeps the call waiting; nobody where no connection comes about.
    pub server: Option<Server>,
    /// How many deltas come before the wait.
    pub deltas: usize,
    /// While a connection is made, but for TCP's part of it, nothing but `connect_timeout` brings the caller back.
    pub keeps_the_caller: bool,
    /// The connection that is waited on is the call's own.
    pub has_a_connection: bool,
    waits: fn(&Seen) -> bool,
    _company: Vec<Box<dyn Any + Send>>,
}

impl Scene {
    fn new(name: &'static str, config: Value, request: Value) -> Scene {
        let patient = json!({"timeout": 20, "connect_timeout": 20});
        Scene {
            name,
            client: client(with(patient, config)),
            request,
            server: None,
            deltas: 0,
            keeps_the_caller: false,
            has_a_connection: true,
            waits: |_| true,
            _company: Vec::new(),
        }
    }

    fn at(mut self, server: Server, waits: fn(&Seen) -> bool) -> Scene {
        self.server = Some(server);
        self.waits = waits;
        self
    }

    fn with(mut self, company: impl Any + Send) -> Scene {
        self._company.push(Box::new(company));
        self
    }

    fn after(mut self, deltas: usize) -> Scene {
        self.deltas = deltas;
        self
    }

    fn keeping_the_caller(mut self) -> Scene {
        self.keeps_the_caller = true;
        self
    }

    fn without_a_connection(mut self) -> Scene {
        self.has_a_connection = false;
        self
    }

    /// Returns when the call waits there.
    pub fn until_it_waits(&self) {
        if let Some(server) = &self.server {
            server.until(self.waits);
        }
        thread::sleep(A_MOMENT);
    }

    /// Whether the call waits there, as far as that can be seen.
    pub fn is_reached(&self) -> bool {
        self.server
            .as_ref()
            .is_none_or(|server| (self.waits)(&server.seen()))
    }

    /// Sees that whoever kept the call waiting was told at once that nobody waits any more.
    pub fn is_told(&self) {
        if let Some(server) = self.server.as_ref().filter(|_| self.has_a_connection) {
            server.until(|seen| seen.over == seen.connections);
        }
    }
}

/// Does it in every place. In most of them nothing takes time but the wait.
pub fn in_each(does: impl Fn(Scene) + Sync) {
    let scenes: Vec<fn() -> Scene> = vec![
        connecting,
        in_a_handshake,
        at_a_proxy,
        at_a_socks_proxy,
        looking_the_model_up,
        looking_its_configuration_up,
        waiting_for_anothers_look_up,
        before_the_answer,
        in_the_header,
        before_the_first_delta,
        between_deltas,
        in_an_errors_body,
        in_a_pause,
        before_the_answer_inside_tls,
        between_deltas_inside_tls,
        between_deltas_through_a_proxy,
        between_deltas_through_a_socks_proxy,
    ];
    at_once(3, scenes, |scene| does(scene()));
    // A large request takes the machine's time, which the others are not to wait for.
    does(sending());
    does(sending_inside_tls());
}

fn is_asked(seen: &Seen) -> bool {
    seen.requests.iter().any(|request| request.method == "POST")
}

fn is_connected(seen: &Seen) -> bool {
    seen.connections > 0
}

/// Whoever answers with this, and then with nothing.
fn stalls(begin: String) -> Server {
    serve(move |to| {
        to.raw(&begin)?;
        to.stall()
    })
}

fn a_delta() -> String {
    let chunk = String::from_utf8(chunk(event(DELTAS[0])));
    [HEAD, &chunk.expect("text")].concat()
}

/// A place in the answer to a POST.
fn after(name: &'static str, begin: String, deltas: usize) -> Scene {
    let server = stalls(begin);
    Scene::new(name, json!({}), prompt(&server.endpoint()))
        .at(server, is_asked)
        .after(deltas)
}

fn connecting() -> Scene {
    let full = Full::new();
    let request = prompt(&format!("http://{}/generate", full.address));
    Scene::new("connecting", json!({}), request)
        .with(full)
        .without_a_connection()
}

fn in_a_handshake() -> Scene {
    let server = Server::connections(|mut peer, _| peer.stall());
    let request = prompt(&format!("https://{}/generate", server.address));
    Scene::new("in the TLS handshake", json!({}), request)
        .at(server, is_connected)
        .keeping_the_caller()
}

fn at_a_proxy() -> Scene {
    let proxy = Server::connections(|mut peer, _| peer.stall());
    let config = json!({"proxy": proxy.url()});
    Scene::new(
        "at a proxy",
        config,
        prompt("http://triton.invalid:8000/generate"),
    )
    .at(proxy, is_connected)
    .keeping_the_caller()
}

fn at_a_socks_proxy() -> Scene {
    let proxy = Server::connections(|mut peer, _| peer.stall());
    let config = json!({"proxy": format!("socks5h://{}", proxy.address)});
    Scene::new(
        "at a SOCKS proxy",
        config,
        prompt("http://triton.invalid:8000/generate"),
    )
    .at(proxy, is_connected)
    .keeping_the_caller()
}

/// Nobody reads there, so nobody sees that it is over.
fn sending() -> Scene {
    let server = Server::connections(|peer, _| peer.pause(FOR_EVER));
    let request = much(prompt(&server.endpoint()));
    Scene::new("sending", json!({}), request)
        .at(server, is_connected)
        .without_a_connection()
}

fn sending_inside_tls() -> Scene {
    let authority = Authority::new();
    let serves = authority.local().serves();
    let server = Server::connections(move |peer, _| peer.tls(&serves)?.pause(FOR_EVER));
    let request = much(prompt(&format!("https://{}/generate", server.address)));
    let config = json!({"tls": {"ca_file": authority.file()}});
    Scene::new("sending, inside TLS", config, request)
        .at(server, is_connected)
        .without_a_connection()
}

/// More than what a connection that nobody reads takes in.
fn much(request: Value) -> Value {
    with(request, json!({"prompt": "x".repeat(5 << 20)}))
}

/// A server of a decoupled model that tells nothing at this path.
fn mute_at(path: &'static str) -> Server {
    let model = crate::model::Model {
        decoupled: true,
        ..Default::default()
    };
    Server::start(
        move |request: &Request, to: &mut Peer| match request.path == path {
            true => to.stall(),
            false => model.serve(request, to),
        },
    )
}

fn looking_the_model_up() -> Scene {
    let server = mute_at("/v2/models/m");
    Scene::new("looking the model up", json!({}), prompt(&server.url()))
        .at(server, |seen| seen.requests.len() == 1)
}

fn looking_its_configuration_up() -> Scene {
    let server = mute_at("/v2/models/m/config");
    Scene::new(
        "looking its configuration up",
        json!({}),
        prompt(&server.url()),
    )
    .at(server, |seen| seen.requests.len() == 2)
}

fn waiting_for_anothers_look_up() -> Scene {
    let server = mute_at("/v2/models/m");
    let scene = Scene::new(
        "waiting for another's look-up",
        json!({}),
        prompt(&server.url()),
    );
    let other = Other::start(&scene.client, &scene.request);
    server.until(|seen| seen.requests.len() == 1);
    scene
        .at(server, is_connected)
        .with(other)
        .without_a_connection()
}

/// A stream that somebody else waits for.
pub struct Other {
    stream: Arc<Stream>,
    thread: Option<JoinHandle<()>>,
}

impl Other {
    pub fn start(client: &Arc<Client>, request: &Value) -> Other {
        let stream = Arc::new(open(client, request));
        let thread = thread::spawn({
            let stream = stream.clone();
            move || drop(stream.next(None))
        });
        Other {
            stream,
            thread: Some(thread),
        }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.stream.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn before_the_answer() -> Scene {
    after("before the answer", String::new(), 0)
}

fn in_the_header() -> Scene {
    after("in the header", HEAD[..40].to_owned(), 0)
}

fn before_the_first_delta() -> Scene {
    after("before the first delta", format!("{HEAD}7\r\n: ping\n"), 0)
}

fn between_deltas() -> Scene {
    after("between two deltas", a_delta(), 1)
}

fn in_an_errors_body() -> Scene {
    let begin = "HTTP/1.1 503 Busy\r\ncontent-length: 100\r\n\r\n{\"error\":\"bu";
    after("in an error's body", begin.to_owned(), 0)
}

fn in_a_pause() -> Scene {
    let server = serve(|to| to.reply_with(503, &[("retry-after", "15")], "busy"));
    let request = with(prompt(&server.endpoint()), json!({"num_retries": 1}));
    Scene::new("in the pause before another try", json!({}), request)
        .at(server, is_asked)
        .without_a_connection()
}

fn tls(name: &'static str, begin: String, deltas: usize) -> Scene {
    let authority = Authority::new();
    let server = serve_tls(authority.local().serves(), move |to| {
        to.raw(&begin)?;
        to.stall()
    });
    let request = prompt(&format!("https://{}/generate", server.address));
    let config = json!({"tls": {"ca_file": authority.file()}});
    Scene::new(name, config, request)
        .at(server, is_asked)
        .after(deltas)
}

fn before_the_answer_inside_tls() -> Scene {
    tls("before the answer, inside TLS", String::new(), 0)
}

fn between_deltas_inside_tls() -> Scene {
    tls("between two deltas, inside TLS", a_delta(), 1)
}

fn between_deltas_through_a_proxy() -> Scene {
    let server = stalls(a_delta());
    let proxy = proxies::connect(server.address);
    let config = json!({"proxy": proxy.url()});
    let request = prompt("http://triton.invalid:8000/generate");
    Scene::new("between two deltas, through a proxy", config, request)
        .at(server, is_asked)
        .with(proxy)
        .after(1)
}

fn between_deltas_through_a_socks_proxy() -> Scene {
    let server = stalls(a_delta());
    let proxy = proxies::socks(Socks::Open, server.address);
    let config = json!({"proxy": format!("socks5h://{}", proxy.address)});
    let request = prompt("http://triton.invalid:8000/generate");
    Scene::new("between two deltas, through a SOCKS proxy", config, request)
        .at(server, is_asked)
        .with(proxy)
        .after(1)
}

/// How soon whoever waits is back after he was ended.
#[track_caller]
pub fn is_soon(name: &str, took: Duration) {
    let most = Duration::from_millis(200) + machine();
    assert!(took < most, "{name}: after {took:?}, not {most:?}");
}

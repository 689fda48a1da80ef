//! A stream's caller may be gone after as little time as he likes: he is told in time that nothing came, and whatever he does, the
//! stream is the same and the server is asked once.

use crate::ask::{prompt, with};
use crate::certificates::Authority;
use crate::http::Request;
use crate::model::Model;
use crate::proxies::{self, Socks};
use crate::server::{Peer, Reserved, Server};
use crate::sound::{self, DELTAS, HEAD, TEXT};
use crate::stage::serve;
use crate::waiting::{Scene, in_each};
use crate::watch::{alone, machine};
use crate::ways::{Base, Ended, How, client, open, read, read_on};
use mishikallm::{Client, Next, Status, Stream};
use serde_json::{Value, json};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// What clocks may add.
const LATE: Duration = Duration::from_millis(150);

/// Waits so long, and sees that this is how long it took.
#[track_caller]
fn waits(name: &str, stream: &Stream, patience: Duration) {
    let began = Instant::now();
    let next = stream.next(Some(patience));
    let took = began.elapsed();
    assert_eq!(next, Ok(Next::Timeout), "{name}");
    let range = patience.saturating_sub(2 * MS)..patience + LATE + machine();
    assert!(
        range.contains(&took),
        "{name}: {took:?} instead of {patience:?}"
    );
}

/// A stream that has come to where the scene keeps it.
fn at(scene: &Scene) -> Stream {
    let stream = open(&scene.client, &scene.request);
    let mut chunks = 0;
    while chunks < scene.deltas || !scene.is_reached() {
        match stream.next(Some(5 * MS)) {
            Ok(Next::Chunk(_)) => chunks += 1,
            next => assert_eq!(next, Ok(Next::Timeout), "{}", scene.name),
        }
    }
    stream
}

#[test]
fn a_time_out_comes_in_time_wherever_the_stream_waits() {
    alone(|| {
        in_each(|scene| {
            if scene.keeps_the_caller {
                return;
            }
            let stream = at(&scene);
            for patience in [0, 1, 120, 0, 40, 250, 0] {
                waits(scene.name, &stream, patience * MS);
            }
        });
    });
}

/// While TLS or a proxy is agreed on the caller stays, and is back when `connect_timeout` says.
#[test]
fn where_the_caller_is_kept_the_connect_timeout_holds() {
    alone(|| {
        in_each(|mut scene| {
            if !scene.keeps_the_caller {
                return;
            }
            scene.request = with(scene.request, json!({"connect_timeout": 0.3}));
            let ended = read(&open(&scene.client, &scene.request), || {
                Some(Duration::ZERO)
            });
            assert!(
                ended.took < 300 * MS + LATE + machine(),
                "{}: {:?}",
                scene.name,
                ended.took
            );
            assert_eq!(ended.error().status(), Status::Deadline, "{}", scene.name);
        });
    });
}

#[test]
fn the_time_of_all_ends_a_stream_whose_caller_is_never_there() {
    alone(|| {
        in_each(|mut scene| {
            // A pause is not begun that is longer, and a look-up leaves time for the call.
            let is_other = scene.name.contains("pause") || scene.name.contains("look");
            if scene.keeps_the_caller || is_other {
                return;
            }
            scene.request = with(scene.request, json!({"timeout": 0.6}));
            let stream = open(&scene.client, &scene.request);
            let mut ended = Ended::default();
            read_on(&stream, || Some(20 * MS), &mut ended);
            let names = format!("{}: {:?}", scene.name, ended.error);
            assert_eq!(
                ended.error.as_ref().map(|e| e.status()),
                Some(Status::Deadline),
                "{names}"
            );
            assert!(ended.took < 2000 * MS, "{names} after {:?}", ended.took);
            assert!(ended.timeouts >= 5, "{names}: {} time-outs", ended.timeouts);
        });
    });
}

/// The time between two calls counts: a stream that nobody asks for is over as well.
#[test]
fn the_time_of_all_goes_on_while_the_caller_is_elsewhere() {
    alone(|| {
        let server = serve(|to| {
            to.raw([HEAD.as_bytes(), &sound::chunks(true)[0]].concat())?;
            to.stall()
        });
        let client = client(json!({}));
        let way = How::Stream.at(Base::Endpoint);
        let stream = open(
            &client,
            &with(way.request(&server), json!({"timeout": 0.3})),
        );
        assert!(matches!(stream.next(None), Ok(Next::Chunk(_))));
        thread::sleep(400 * MS);
        let began = Instant::now();
        let error = stream.next(Some(5000 * MS)).expect_err("the end");
        assert_eq!(error.status(), Status::Deadline);
        assert!(began.elapsed() < LATE + machine());
    });
}

/// A way to a server.
enum Through {
    Nothing,
    Tls,
    Proxy,
    Socks,
}

/// A server that dribbles everything it says, look-ups too, and what is on the way to it.
struct Dribbling {
    server: Server,
    client: Arc<Client>,
    /// Its URL, as the caller knows it.
    url: String,
    _proxy: Option<Server>,
}

fn dribble(request: &Request, to: &mut Peer) -> io::Result<()> {
    let model = Model {
        decoupled: true,
        ..Model::default()
    };
    let reply = match request.path.as_str() {
        "/v2/models/m" => crate::http::reply(200, &[], model.metadata()),
        "/v2/models/m/config" => crate::http::reply(200, &[], model.config()),
        _ => sound::reply(true),
    };
    let hints: &[u8] = b"HTTP/1.1 103 Hints\r\nx: 1\r\n\r\n";
    for piece in [hints, &reply].concat().chunks(2) {
        to.raw(piece)?;
        thread::sleep(MS / 2);
    }
    Ok(())
}

fn dribbling(through: Through) -> Dribbling {
    let authority = Authority::new();
    let server = match through {
        Through::Tls => Server::start_tls(authority.local().serves(), dribble),
        _ => Server::start(dribble),
    };
    let far = "http://triton.invalid:8000".to_owned();
    let (config, url, proxy) = match through {
        Through::Nothing => (json!({}), server.url(), None),
        Through::Tls => {
            let config = json!({"tls": {"ca_file": authority.file()}});
            (config, format!("https://{}", server.address), None)
        }
        Through::Proxy => {
            let proxy = proxies::connect(server.address);
            (json!({"proxy": proxy.url()}), far, Some(proxy))
        }
        Through::Socks => {
            let proxy = proxies::socks(Socks::Open, server.address);
            let config = json!({"proxy": format!("socks5h://{}", proxy.address)});
            (config, far, Some(proxy))
        }
    };
    Dribbling {
        server,
        client: client(config),
        url,
        _proxy: proxy,
    }
}

/// Nobody sees whether a caller was there all the time or came by a thousand times: so `often` he who never waits at all.
fn polled(through: Through, often: usize) {
    let Dribbling {
        server,
        client,
        url,
        _proxy,
    } = dribbling(through);
    for base in [Base::Endpoint, Base::Server] {
        let way = How::Stream.at(base);
        for patience in [0, 1, 7] {
            let before = server.requests().len();
            let stream = open(&client, &way.request_to(&url));
            let ended = read(&stream, || Some(patience * MS));
            let least = if patience == 0 { often } else { 3 };
            assert!(
                ended.timeouts >= least,
                "{way}, {patience} ms: {}",
                ended.timeouts
            );
            assert_eq!(ended.error, None, "{way}");
            assert_eq!(ended.deltas, DELTAS, "{way}");
            let sent = &server.requests()[before..];
            let paths: Vec<&str> = sent.iter().map(|r| r.path.as_str()).collect();
            let (model, ask) = ("/v2/models/m", "/v2/models/m/generate_stream");
            match base {
                Base::Endpoint => assert_eq!(paths, ["/generate_stream"]),
                Base::Server if patience == 0 => {
                    assert_eq!(paths, [model, "/v2/models/m/config", ask]);
                }
                Base::Server => assert_eq!(paths, [ask]),
            }
            // What was sent is one request, whole.
            let post = sent.last().expect("a POST");
            assert_eq!(post.json()["text_input"], "hi");
            assert_eq!(post.header("content-length"), post.body.len().to_string());
        }
    }
    assert_eq!(server.count(), 1, "connections");
}

#[test]
fn a_caller_who_comes_by_often() {
    alone(|| polled(Through::Nothing, 100));
}

#[test]
fn a_caller_who_comes_by_often_inside_tls() {
    alone(|| polled(Through::Tls, 100));
}

#[test]
fn a_caller_who_comes_by_often_through_a_proxy() {
    alone(|| polled(Through::Proxy, 100));
}

#[test]
fn a_caller_who_comes_by_often_through_a_socks_proxy() {
    // Its sockets are not ours: a read takes a millisecond at least.
    alone(|| polled(Through::Socks, 5));
}

/// A large request is sent once and whole, however often its sender is interrupted in the middle of it.
#[test]
fn a_large_request_whose_caller_comes_by_often() {
    alone(|| {
        let authority = Authority::new();
        let much: String = (0..800_000).map(|i| format!("{i} ")).collect();
        for tls in [false, true] {
            let config = authority.local().serves();
            let server = Server::connections(move |peer, number| {
                let mut peer = if tls { peer.tls(&config)? } else { peer };
                // Until then the request is stuck half-way.
                peer.pause(200 * MS)?;
                peer.serve(number, &|_: &Request, to: &mut Peer| {
                    to.raw(sound::reply(true))
                })
            });
            let scheme = if tls { "https" } else { "http" };
            let client = client(json!({"tls": {"ca_file": authority.file()}}));
            let request = prompt(&format!("{scheme}://{}/generate", server.address));
            let stream = open(&client, &with(request, json!({"prompt": much})));
            let ended = read(&stream, || Some(Duration::ZERO));
            assert!(
                ended.timeouts > 3,
                "TLS {tls}: {} time-outs",
                ended.timeouts
            );
            assert_eq!(ended.whole(), TEXT);
            assert_eq!(server.posts().len(), 1);
            assert!(
                server.posts()[0].json()["text_input"] == much,
                "another request was sent"
            );
        }
    });
}

/// A listener with a full queue, and those who fill it.
fn full() -> (TcpListener, SocketAddr, Vec<TcpStream>) {
    let port = Reserved::new();
    let address = port.address();
    let listener = port.listen();
    // The shortest queue that the system has.
    socket2::SockRef::from(&listener)
        .listen(0)
        .expect("to listen");
    let mut waiting = Vec::new();
    while let Ok(one) = TcpStream::connect_timeout(&address, 100 * MS) {
        waiting.push(one);
        assert!(waiting.len() < 1000, "this system's queues are never full");
    }
    (listener, address, waiting)
}

#[test]
fn a_connection_that_takes_long_to_come_about() {
    alone(|| {
        let (listener, address, waiting) = full();
        let client = client(json!({}));
        let stream = open(&client, &prompt(&format!("http://{address}/generate")));
        for _ in 0..50 {
            waits("connecting", &stream, MS);
        }
        drop(waiting);
        let play = crate::stage::Play::new(crate::stage::When::Asked, Arc::new(|to| to.answer()));
        let server = Server::on(listener, move |mut peer, number| {
            play.act(&mut peer, number)
        });
        let ended = read(&stream, || Some(MS));
        assert!(ended.timeouts > 0);
        assert_eq!(ended.whole(), TEXT);
        assert_eq!(server.posts().len(), 1);
    });
}

/// A name may have several addresses, and nobody may listen at the first of them.
#[test]
fn a_name_with_several_addresses_whose_caller_comes_by_often() {
    alone(|| {
        let server = serve(|to| to.answer());
        let client = client(json!({}));
        let url = format!("http://localhost:{}/generate", server.address.port());
        let ended = read(&open(&client, &prompt(&url)), || Some(Duration::ZERO));
        assert_eq!(ended.whole(), TEXT);
        assert_eq!(server.posts().len(), 1);
    });
}

/// The pause is as long as it was, and the next try is made once.
#[test]
fn a_pause_whose_caller_comes_by_often() {
    alone(|| {
        let server = serve(|to| match to.number {
            0 => to.reply_with(503, &[("retry-after", "1")], "busy"),
            _ => to.answer(),
        });
        let client = client(json!({}));
        let way = How::Stream.at(Base::Endpoint);
        let request = with(way.request(&server), json!({"num_retries": 1}));
        let ended = read(&open(&client, &request), || Some(MS));
        assert!(ended.timeouts >= 100, "{} time-outs", ended.timeouts);
        assert!(
            (995 * MS..3000 * MS).contains(&ended.took),
            "{:?}",
            ended.took
        );
        assert_eq!((ended.whole().as_str(), server.posts().len()), (TEXT, 2));
    });
}

/// Whoever leaves a look-up leaves it to the others, so that nobody waits for one who may not come back.
#[test]
fn a_look_up_that_many_poll_for() {
    alone(|| {
        const MANY: usize = 4;
        let Dribbling {
            server,
            client,
            url,
            ..
        } = dribbling(Through::Nothing);
        let way = How::Stream.at(Base::Server);
        let request: Value = way.request_to(&url);
        let streams: Vec<Stream> = (0..MANY).map(|_| open(&client, &request)).collect();
        // In turn, on one thread, as an event loop has it.
        let mut texts = vec![String::new(); MANY];
        let mut left = MANY;
        while left > 0 {
            for (stream, text) in streams.iter().zip(&mut texts) {
                match stream.next(Some(Duration::ZERO)) {
                    Ok(Next::Chunk(chunk)) => {
                        let chunk: Value = serde_json::from_str(&chunk).expect("JSON");
                        text.push_str(chunk["choices"][0]["text"].as_str().expect("a text"));
                        let is_last = !chunk["choices"][0]["finish_reason"].is_null();
                        left -= usize::from(is_last);
                    }
                    Ok(_) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
        assert_eq!(texts, [TEXT; MANY]);
        let posts = server.posts();
        assert_eq!(posts.len(), MANY);
        assert!(
            posts
                .iter()
                .all(|post| post.path.ends_with("/generate_stream"))
        );
        assert!(server.gets().len() <= 2 * MANY);
    });
}

/// What never stops coming, and is nothing, keeps nobody.
fn flooded(begin: &'static str, endless: &'static str) {
    let server = serve(move |to| {
        to.raw([HEAD, begin].concat())?;
        let much = endless.repeat(4 << 10);
        loop {
            to.raw(&much)?;
        }
    });
    let client = client(json!({"timeout": 5}));
    let way = How::Stream.at(Base::Endpoint);
    let stream = open(&client, &way.request(&server));
    while server.posts().is_empty() {
        assert_eq!(stream.next(Some(MS)), Ok(Next::Timeout));
    }
    for patience in [0, 100, 1, 50] {
        waits(endless, &stream, patience * MS);
    }
}

#[test]
fn a_flood_of_comments_whose_caller_comes_by() {
    alone(|| flooded("", "8\r\n: ping\n\n\r\n"));
}

#[test]
fn a_flood_of_trailers_whose_caller_comes_by() {
    alone(|| flooded("0\r\n", "x-more: 1\r\n"));
}

/// Coming by costs the same the first time and the last.
#[test]
fn a_connection_that_a_caller_comes_by_for_very_often() {
    alone(|| {
        let (_listener, address, _waiting) = full();
        let stream = open(
            &client(json!({})),
            &prompt(&format!("http://{address}/generate")),
        );
        let often = || {
            let began = Instant::now();
            for _ in 0..2000 {
                assert_eq!(stream.next(Some(Duration::ZERO)), Ok(Next::Timeout));
            }
            began.elapsed()
        };
        let first = often();
        let rounds: Vec<Duration> = (0..6).map(|_| often()).collect();
        let last = *rounds.iter().skip(3).min().expect("three rounds");
        assert!(last < 3 * first, "{last:?} after {first:?}");
    });
}

/// One caller at a time; the other one is told so, and changes nothing.
#[test]
fn a_second_caller_is_told_of_the_first() {
    alone(|| {
        let server = serve(|to| {
            to.pause(200 * MS)?;
            to.answer()
        });
        let client = client(json!({}));
        let way = How::Stream.at(Base::Endpoint);
        let stream = open(&client, &way.request(&server));
        thread::scope(|scope| {
            let first = scope.spawn(|| stream.next(None));
            server.until(|seen| seen.requests.len() == 1);
            for patience in [None, Some(Duration::ZERO), Some(50 * MS)] {
                let error = stream.next(patience).expect_err("busy");
                assert_eq!(error.status(), Status::Busy);
            }
            assert!(matches!(
                first.join().expect("no panic"),
                Ok(Next::Chunk(_))
            ));
        });
        let mut ended = Ended::default();
        read_on(&stream, || None, &mut ended);
        assert_eq!(ended.whole(), DELTAS[1]);
    });
}

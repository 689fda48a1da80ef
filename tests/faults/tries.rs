//! Tries after the first, and fallbacks: until the first delta, and never after it.

use crate::ask::with;
use crate::http::{chunk, reply};
use crate::server::Server;
use crate::sound::{self, DELTAS, HEAD, TEXT};
use crate::stage::{Post, serve};
use crate::watch::alone;
use crate::ways::{Base, Ended, How, Way, at_once, client};
use mishikallm::Status;
use serde_json::{Value, json};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const BUSY: &str = r#"{"error":"busy"}"#;

type Script = fn(&mut Post<'_>) -> io::Result<()>;

/// Calls a server of its own in each way; most of the time all of them pause.
fn in_each_way(
    start: impl Fn() -> Server + Sync,
    more: Value,
    check: impl Fn(Way, Ended, &Server) + Sync,
) {
    at_once(10, Way::all().collect(), |way| {
        let server = start();
        let client = client(json!({"timeout": 10}));
        let ended = way.call(&client, &with(way.request(&server), more.clone()));
        check(way, ended, &server);
    });
}

/// Fails the first times like this, then answers.
fn failing(times: usize, how: Script) -> Server {
    serve(move |to| match to.number < times {
        true => how(to),
        false => to.answer(),
    })
}

#[test]
fn a_server_that_is_busy_twice_is_asked_three_times() {
    alone(|| {
        let busy: Script = |to| to.reply(503, BUSY);
        in_each_way(
            || failing(2, busy),
            json!({"num_retries": 3}),
            |way, ended, server| {
                assert_eq!(
                    (ended.whole().as_str(), server.posts().len()),
                    (TEXT, 3),
                    "{way}"
                );
            },
        );
    });
}

#[test]
fn tries_are_no_more_than_asked_for() {
    alone(|| {
        let busy: Script = |to| to.reply(503, BUSY);
        in_each_way(
            || failing(9, busy),
            json!({"num_retries": 1}),
            |way, ended, server| {
                let error = ended.error();
                assert_eq!(
                    (error.status(), error.message()),
                    (Status::Server, "busy"),
                    "{way}"
                );
                assert_eq!(server.posts().len(), 2, "{way}");
            },
        );
    });
}

#[test]
fn a_server_says_when_to_come_back() {
    alone(|| {
        at_once(10, Way::all().collect(), |way| {
            let asked = Arc::new(Mutex::new(Vec::new()));
            let server = serve({
                let asked = asked.clone();
                move |to| {
                    asked.lock().unwrap().push(Instant::now());
                    match to.number {
                        0 => to.reply_with(429, &[("Retry-After", "1")], BUSY),
                        _ => to.answer(),
                    }
                }
            });
            let client = client(json!({}));
            let ended = way.call(
                &client,
                &with(way.request(&server), json!({"num_retries": 1})),
            );
            assert_eq!(ended.whole(), TEXT, "{way}");
            let asked = asked.lock().unwrap();
            let pause = asked[1] - asked[0];
            // The server's clock starts with the request, the pause with the answer to it.
            assert!(pause >= Duration::from_millis(995), "{way}: {pause:?}");
        });
    });
}

/// What may happen to an answer that has begun.
const BREAKS: [(&str, Script); 6] = [
    ("reset", |to| to.reset()),
    ("end", |to| to.fin()),
    ("silence", |to| to.stall()),
    ("an error", |to| {
        to.raw(chunk("data: {\"error\":\"broken\"}\n\n"))
    }),
    ("a line that is no HTTP", |to| {
        to.raw("this is no chunk's size\r\n")
    }),
    ("an error, and the end", |to| {
        to.raw(chunk("data: {\"error\":\"broken\"}\n\n"))?;
        to.fin()
    }),
];

#[test]
fn after_the_first_delta_nobody_is_asked_again() {
    alone(|| {
        for (name, breaks) in BREAKS {
            let second = Server::always(200, sound::answer("of another"));
            let start = || {
                serve(move |to| {
                    let [first, _] = sound::chunks(to.streams);
                    to.raw([HEAD.as_bytes(), &first].concat())?;
                    // What is no HTTP would take with it what came in the same read.
                    to.pause(Duration::from_millis(50))?;
                    breaks(to)
                })
            };
            let fallbacks = json!([{"model": "triton/n", "api_base": second.endpoint()}]);
            let more = json!({"num_retries": 3, "idle_timeout": 0.6, "fallbacks": fallbacks});
            at_once(
                10,
                Way::all().filter(|w| w.is_told_in_deltas()).collect(),
                |way| {
                    let server = start();
                    let client = client(json!({"timeout": 10}));
                    let ended = way.call(&client, &with(way.request(&server), more.clone()));
                    assert_eq!(ended.deltas, DELTAS[..1], "{name}, {way}");
                    assert!(ended.error.is_some(), "{name}, {way}");
                    assert_eq!(server.posts().len(), 1, "{name}, {way}");
                },
            );
            assert_eq!(second.posts().len(), 0, "{name}");
        }
    });
}

/// Events without text give nothing away, and whoever waits for a whole answer was given nothing at all.
#[test]
fn before_the_first_delta_the_server_is_asked_again() {
    alone(|| {
        let breaks = BREAKS
            .into_iter()
            .filter(|(name, _)| *name != "a line that is no HTTP");
        let starts = breaks.flat_map(|(name, breaks)| {
            let ways = Way::all().filter(|way| way.reads_events());
            ways.map(move |way| (name, breaks, way))
        });
        at_once(12, starts.collect(), |(name, breaks, way)| {
            let server = serve(move |to| {
                if to.number > 0 {
                    return to.answer();
                }
                to.raw(HEAD)?;
                to.raw(chunk(sound::event("")))?;
                if !way.is_told_in_deltas() {
                    to.raw(chunk(sound::event("thrown away")))?;
                }
                breaks(to)
            });
            let client = client(json!({"timeout": 10}));
            let more = json!({"num_retries": 1, "idle_timeout": 0.6});
            let ended = way.call(&client, &with(way.request(&server), more));
            assert_eq!(ended.error, None, "{name}, {way}");
            assert_eq!(
                (ended.text().as_str(), server.posts().len()),
                (TEXT, 2),
                "{name}, {way}"
            );
        });
    });
}

#[test]
fn before_the_first_delta_a_fallback_is_asked() {
    alone(|| {
        let failures: [(&str, Script); 4] = [
            ("busy", |to| to.reply(503, BUSY)),
            ("reset", |to| to.reset()),
            ("an error among the events", |to| {
                let error = "data: {\"error\":\"broken\"}\n\n";
                to.raw(reply(200, &[], error))
            }),
            ("a page", |to| to.raw(reply(200, &[], "<html></html>"))),
        ];
        for (name, failure) in failures {
            let second = serve(|to| to.answer());
            let fallback = |way: Way| match way.base {
                Base::Endpoint => second.endpoint(),
                Base::Server => second.url(),
            };
            at_once(10, Way::all().collect(), |way| {
                let first = failing(9, failure);
                let client = client(json!({}));
                let fallbacks = json!([{"model": "triton/m", "api_base": fallback(way)}]);
                let request = with(way.request(&first), json!({"fallbacks": fallbacks}));
                assert_eq!(way.call(&client, &request).whole(), TEXT, "{name}, {way}");
                assert_eq!(first.posts().len(), 1, "{name}, {way}");
            });
            assert_eq!(second.posts().len(), 10, "{name}");
        }
    });
}

/// The model at work on an answer that nobody wants is told so now, not after the pause.
#[test]
fn an_answer_that_is_given_up_is_closed_before_the_pause() {
    alone(|| {
        let failures: [(&str, Script); 2] = [
            ("an error among the events", |to| {
                to.raw(chunk("data: {\"error\":\"broken\"}\n\n"))
            }),
            ("silence", |_| Ok(())),
        ];
        let pairs = failures.into_iter().flat_map(|failure| {
            let ways = Way::all().filter(|way| way.reads_events());
            ways.map(move |way| (failure, way))
        });
        at_once(8, pairs.collect(), |((name, failure), way)| {
            let ended_at = Arc::new(Mutex::new(Vec::new()));
            let asked_at = Arc::new(Mutex::new(Vec::new()));
            let server = serve({
                let (ended_at, asked_at) = (ended_at.clone(), asked_at.clone());
                move |to| {
                    asked_at.lock().unwrap().push(Instant::now());
                    if to.number > 0 {
                        return to.answer();
                    }
                    to.raw(HEAD)?;
                    failure(to)?;
                    let ended = to.stall();
                    ended_at.lock().unwrap().push(Instant::now());
                    ended
                }
            });
            let client = client(json!({}));
            let more = json!({"num_retries": 1, "idle_timeout": 0.5});
            let ended = way.call(&client, &with(way.request(&server), more));
            assert_eq!(ended.whole(), TEXT, "{name}, {way}");
            let asked_again = asked_at.lock().unwrap()[1];
            let ended = *ended_at
                .lock()
                .unwrap()
                .first()
                .expect("it was closed before");
            let before = asked_again.saturating_duration_since(ended);
            // The pause is no less than a quarter of a second.
            assert!(
                before > Duration::from_millis(100),
                "{name}, {way}: {before:?} before"
            );
        });
    });
}

/// A call that looks a model up looks once, however often it tries.
#[test]
fn a_try_is_no_reason_for_another_look_up() {
    alone(|| {
        let server = failing(2, |to| to.reply(503, BUSY));
        let client = client(json!({}));
        let way = How::Polled.at(Base::Server);
        let ended = way.call(
            &client,
            &with(way.request(&server), json!({"num_retries": 2})),
        );
        assert!(ended.timeouts > 100, "{} timeouts", ended.timeouts);
        assert_eq!(ended.whole(), TEXT);
        let seen: Vec<String> = server.requests().into_iter().map(|r| r.path).collect();
        let ask = "/v2/models/m/generate_stream";
        assert_eq!(seen, ["/v2/models/m", "/v2/models/m/config", ask, ask, ask]);
    });
}

//! Closing a client ends what waits, wherever it waits, with `CLOSED`.

use crate::ask::{ask, calm, client, fails, is, plain, prompt, with};
use crate::certificates::Authority;
use crate::proxies::{self, Socks};
use crate::server::{Full, Reserved, Server, YO};
use mishikallm::{Client, Error, Status};
use serde_json::{Value, json};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How soon after `close` a waiting call is over.
const SOON: Duration = Duration::from_secs(2);

/// Long enough for a call to get to where it waits, when that cannot be seen.
const A_MOMENT: Duration = Duration::from_millis(100);

#[track_caller]
fn closed(error: &Error) {
    is(error, Status::Closed, 499, &["the client was closed"]);
    assert!(!error.is_retryable());
}

/// Calls in another thread, waits until the call `waits`, closes, and sees how long the call goes on.
fn close_while(client: Client, request: Value, waits: impl FnOnce()) -> (Error, Duration) {
    let client = Arc::new(client);
    let call = thread::spawn({
        let client = client.clone();
        move || ask(&client, &request)
    });
    waits();
    assert!(!call.is_finished(), "the call waits for nothing");
    let began = Instant::now();
    client.close();
    let result = call.join().expect("no panic");
    let took = began.elapsed();
    // And nothing begins any more.
    let began = Instant::now();
    closed(&fails(&client, &prompt("http://127.0.0.1:1/generate")));
    assert!(began.elapsed() < SOON);
    assert!(client.is_closed());
    (result.expect_err("an error"), took)
}

#[track_caller]
fn ends_soon((error, took): (Error, Duration)) {
    closed(&error);
    assert!(took < SOON, "{took:?} after close()");
}

fn patient() -> Client {
    client(json!({"timeout": 20, "connect_timeout": 20}))
}

#[test]
fn while_it_waits_for_the_answer() {
    let _calm = calm();
    let server = Server::silent();
    let request = with(plain(&server), json!({"num_retries": 3}));
    ends_soon(close_while(patient(), request, || {
        server.until(|seen| seen.requests.len() == 1);
    }));
    // The server learns of it at once, and is not asked again.
    server.until(|seen| seen.over == 1);
    assert_eq!((server.count(), server.posts().len()), (1, 1));
}

#[test]
fn while_it_reads_the_answer() {
    let _calm = calm();
    for begun in [
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"text_",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n14\r\n{\"text_",
        // Where the end of the connection is the end of the answer, closing is no end of it.
        "HTTP/1.1 200 OK\r\n\r\n{\"text_output\":\"yo\"}",
    ] {
        let server = Server::start(move |_, to| {
            to.raw(begun)?;
            to.stall()
        });
        ends_soon(close_while(patient(), plain(&server), || {
            server.until(|seen| seen.requests.len() == 1);
            thread::sleep(A_MOMENT);
        }));
    }
}

#[test]
fn while_it_sends_a_request_that_nobody_reads() {
    let _calm = calm();
    let server = Server::connections(|peer, _| peer.pause(Duration::from_secs(10)));
    let request = with(plain(&server), json!({"prompt": "x".repeat(16 << 20)}));
    ends_soon(close_while(patient(), request, || {
        server.until(|seen| seen.connections == 1);
        thread::sleep(2 * A_MOMENT);
    }));
}

#[test]
fn while_tls_is_agreed_on() {
    let _calm = calm();
    let server = Server::connections(|mut peer, _| peer.stall());
    let request = prompt(&format!("https://{}/generate", server.address));
    ends_soon(close_while(patient(), request, || {
        server.until(|seen| seen.connections == 1);
        thread::sleep(A_MOMENT);
    }));
}

#[test]
fn while_it_waits_for_an_answer_inside_tls() {
    let _calm = calm();
    let authority = Authority::new();
    let server = Server::start_tls(authority.local().serves(), |_, to| to.stall());
    let request = prompt(&format!("https://{}/generate", server.address));
    let client = client(json!({"tls": {"ca_file": authority.file()}}));
    ends_soon(close_while(client, request, || {
        server.until(|seen| seen.requests.len() == 1);
    }));
}

#[test]
fn while_a_proxy_is_asked() {
    let _calm = calm();
    let server = Server::connections(|mut peer, _| peer.stall());
    for scheme in ["http", "socks5h"] {
        let client = client(json!({"proxy": format!("{scheme}://{}", server.address)}));
        let before = server.count();
        let request = prompt("http://triton.invalid:8000/generate");
        ends_soon(close_while(client, request, || {
            server.until(|seen| seen.connections == before + 1);
            thread::sleep(A_MOMENT);
        }));
    }
}

#[test]
fn while_it_waits_for_an_answer_through_a_proxy() {
    let _calm = calm();
    let server = Server::silent();
    let connect = proxies::connect(server.address);
    let socks = proxies::socks(Socks::Open, server.address);
    let urls = [connect.url(), format!("socks5h://{}", socks.address)];
    for (i, url) in urls.into_iter().enumerate() {
        let request = prompt("http://triton.invalid:8000/generate");
        ends_soon(close_while(
            client(json!({ "proxy": url })),
            request,
            || {
                server.until(|seen| seen.requests.len() == i + 1);
            },
        ));
    }
}

#[test]
fn while_it_pauses_before_another_try() {
    let _calm = calm();
    let server = Server::start(|_, to| to.reply_with(503, &[("retry-after", "15")], "busy"));
    let request = with(plain(&server), json!({"num_retries": 1}));
    ends_soon(close_while(patient(), request, || {
        server.until(|seen| seen.requests.len() == 1);
        thread::sleep(A_MOMENT);
    }));
    assert_eq!(server.posts().len(), 1);
}

#[test]
fn while_it_looks_a_model_up_and_others_wait_for_that() {
    let _calm = calm();
    let server = Server::silent();
    let client = Arc::new(patient());
    let request = prompt(&server.url());
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let (client, request) = (client.clone(), request.clone());
            thread::spawn(move || ask(&client, &request))
        })
        .collect();
    server.until(|seen| seen.requests.len() == 1);
    thread::sleep(A_MOMENT);
    let began = Instant::now();
    client.close();
    for call in calls {
        closed(&call.join().expect("no panic").expect_err("an error"));
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!((server.requests().len(), server.count()), (1, 1));
}

#[test]
fn while_it_connects() {
    let _calm = calm();
    let full = Full::new();
    let direct = prompt(&format!("http://{}/generate", full.address));
    let looked_up = prompt(&format!("http://{}", full.address));
    for request in [direct, looked_up] {
        ends_soon(close_while(patient(), request, || thread::sleep(A_MOMENT)));
    }
}

#[test]
fn a_closed_client_takes_no_call_and_may_be_closed_again() {
    let server = Server::always(200, YO);
    let client = client(json!({}));
    assert_eq!(ask(&client, &plain(&server)).unwrap(), "yo");
    client.close();
    client.close();
    for _ in 0..3 {
        closed(&fails(&client, &plain(&server)));
    }
    // Nothing is sent, and the idle connection is gone.
    server.until(|seen| seen.over == 1);
    assert_eq!(server.posts().len(), 1);
}

#[test]
fn closing_is_no_wait_for_those_who_call() {
    let _calm = calm();
    let server = Server::silent();
    let client = Arc::new(patient());
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let (client, request) = (client.clone(), plain(&server));
            thread::spawn(move || ask(&client, &request))
        })
        .collect();
    server.until(|seen| seen.requests.len() == 16);
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| client.close());
        }
    });
    for call in calls {
        closed(&call.join().expect("no panic").expect_err("an error"));
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[test]
fn a_call_that_meets_the_closing_is_answered_or_closed_and_nothing_else() {
    let server = Server::always(200, YO);
    for round in 0..40 {
        let client = client(json!({}));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        match ask(&client, &plain(&server)) {
                            Ok(text) => assert_eq!(text, "yo"),
                            Err(error) => return closed(&error),
                        }
                    }
                });
            }
            thread::sleep(Duration::from_millis(round % 10));
            client.close();
        });
    }
}

#[test]
fn closing_one_client_is_no_business_of_another() {
    let server = Server::start(|_, to| {
        to.pause(A_MOMENT)?;
        to.reply(200, YO)
    });
    let (one, other) = (patient(), patient());
    thread::scope(|scope| {
        let call = scope.spawn(|| ask(&other, &plain(&server)));
        server.until(|seen| seen.requests.len() == 1);
        one.close();
        assert_eq!(call.join().unwrap().unwrap(), "yo");
    });
}

#[test]
fn a_client_that_is_dropped_leaves_no_connection() {
    let server = Server::always(200, YO);
    let client = client(json!({}));
    ask(&client, &plain(&server)).unwrap();
    drop(client);
    server.until(|seen| seen.over == 1);
}

#[test]
fn closing_a_client_whose_call_was_refused_is_still_closing() {
    // The pause after a refused connection, and the end of it.
    let _calm = calm();
    let nobody = Reserved::new();
    let request = prompt(&format!("http://{}", nobody.address()));
    let request = with(request, json!({"num_retries": 32}));
    ends_soon(close_while(patient(), request, || thread::sleep(A_MOMENT)));
}

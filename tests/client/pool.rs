//! Connections are kept and used again, by many threads at once, and never when they are no good.

use crate::ask::{ask, client, fails, heavy, is, plain};
use crate::http;
use crate::server::{Server, YO};
use mishikallm::Status;
use serde_json::json;
use std::thread;
use std::time::Duration;

#[test]
fn one_connection_serves_call_after_call() {
    let server = Server::always(200, YO);
    let client = client(json!({}));
    for _ in 0..20 {
        assert_eq!(ask(&client, &plain(&server)).unwrap(), "yo");
    }
    assert_eq!((server.count(), server.posts().len()), (1, 20));
}

#[test]
fn many_threads_open_no_more_connections_than_they_are() {
    let _heavy = heavy();
    let server = Server::always(200, YO);
    let client = client(json!({}));
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(ask(&client, &plain(&server)).unwrap(), "yo");
                }
            });
        }
    });
    assert_eq!(server.posts().len(), 64 * 50);
    assert!(server.count() <= 64, "{} connections", server.count());
}

#[test]
fn a_client_without_a_configuration_is_shared_by_many_threads() {
    let server = Server::always(200, YO);
    let client = mishikallm::Client::default_client().unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| ask(&client, &plain(&server)).unwrap());
        }
    });
    assert!(server.count() <= 8);
}

#[test]
fn an_error_of_the_server_costs_no_connection() {
    let server = Server::start(|request, to| match request.number % 2 {
        0 => to.reply(400, r#"{"error":"no"}"#),
        _ => to.reply(200, YO),
    });
    let client = client(json!({}));
    for _ in 0..3 {
        fails(&client, &plain(&server));
        ask(&client, &plain(&server)).unwrap();
    }
    assert_eq!(server.count(), 1);
}

#[test]
fn a_connection_that_the_server_announced_to_close_is_not_used_again() {
    let server = Server::start(|_, to| {
        to.reply_with(200, &[("Connection", "close")], YO)?;
        // The announcement counts, not the end, which may come late.
        to.stall()
    });
    let client = client(json!({}));
    for _ in 0..3 {
        assert_eq!(ask(&client, &plain(&server)).unwrap(), "yo");
    }
    assert_eq!((server.count(), server.posts().len()), (3, 3));
}

#[test]
fn a_connection_that_the_server_closed_while_idle_is_not_used_again() {
    let server = Server::start(|_, to| {
        to.reply(200, YO)?;
        to.hang_up()
    });
    let client = client(json!({}));
    for calls in 1..=5 {
        assert_eq!(ask(&client, &plain(&server)).unwrap(), "yo");
        server.until(|seen| seen.over == calls);
    }
    assert_eq!((server.count(), server.posts().len()), (5, 5));
}

#[test]
fn a_connection_that_the_server_reset_while_idle_is_not_used_again() {
    let server = Server::start(|_, to| {
        to.reply(200, YO)?;
        // A reset would overtake the answer.
        to.pause(Duration::from_millis(50))?;
        to.reset()
    });
    let client = client(json!({}));
    for calls in 1..=3 {
        assert_eq!(ask(&client, &plain(&server)).unwrap(), "yo");
        server.until(|seen| seen.over == calls);
    }
    assert_eq!((server.count(), server.posts().len()), (3, 3));
}

#[test]
fn a_server_that_ends_connections_at_will_makes_no_call_fail() {
    let server = Server::start(|request, to| match request.number % 3 {
        0 => {
            to.reply_with(200, &[("connection", "Close")], YO)?;
            to.hang_up()
        }
        _ => to.reply(200, YO),
    });
    let client = client(json!({}));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(ask(&client, &plain(&server)).unwrap(), "yo");
                }
            });
        }
    });
    assert_eq!(server.posts().len(), 160);
}

#[test]
fn a_connection_with_junk_after_an_answer_is_not_used_again() {
    let junk = http::reply(200, &[], r#"{"text_output":"somebody else's"}"#);
    for late in [false, true] {
        let junk = junk.clone();
        let server = Server::start(move |_, to| {
            let answer = http::reply(200, &[], YO);
            if late {
                to.raw(answer)?;
                to.pause(Duration::from_millis(20))?;
                to.raw(&junk)
            } else {
                to.raw([answer, junk.clone()].concat())
            }
        });
        let client = client(json!({}));
        for _ in 0..3 {
            assert_eq!(ask(&client, &plain(&server)).unwrap(), "yo");
            thread::sleep(Duration::from_millis(60));
        }
        assert_eq!(server.count(), 3, "late: {late}");
    }
}

#[test]
fn chunked_answers_keep_the_connection() {
    let server = Server::start(|_, to| {
        to.raw(http::head(200, &[("transfer-encoding", "chunked")]))?;
        to.raw("\r\n")?;
        for part in [r#"{"text_"#, r#"output":"#, r#""yo"}"#, ""] {
            to.raw(http::chunk(part))?;
        }
        Ok(())
    });
    let client = client(json!({}));
    for _ in 0..5 {
        assert_eq!(ask(&client, &plain(&server)).unwrap(), "yo");
    }
    assert_eq!(server.count(), 1);
}

#[test]
fn a_request_that_got_no_answer_is_not_silently_sent_again() {
    // The second request of a connection is read and never answered: who knows what the model did with it.
    let server = Server::start(|request, to| match request.number {
        0 => to.reply(200, YO),
        _ => to.hang_up(),
    });
    let client = client(json!({}));
    ask(&client, &plain(&server)).unwrap();
    let error = fails(&client, &plain(&server));
    is(&error, Status::Protocol, 502, &["closed the connection"]);
    assert_eq!((server.count(), server.posts().len()), (1, 2));
}

#[test]
fn what_comes_too_late_is_not_taken_for_the_next_answer() {
    let server = Server::start(|request, to| {
        if request.number == 0 {
            to.pause(Duration::from_millis(250))?;
            to.reply(200, r#"{"text_output":"late"}"#)
        } else {
            to.pause(Duration::from_millis(150))?;
            to.reply(200, YO)
        }
    });
    let client = client(json!({}));
    let mut request = plain(&server);
    request["timeout"] = json!(0.1);
    is(&fails(&client, &request), Status::Deadline, 408, &[]);
    assert_eq!(ask(&client, &plain(&server)).unwrap(), "yo");
    assert_eq!(server.count(), 2);
}

#[test]
fn servers_of_http_1_0_are_understood() {
    let endings = ["content-length: 20\r\n", ""];
    for length in endings {
        let server = Server::start(move |_, to| {
            to.raw(format!("HTTP/1.0 200 OK\r\n{length}\r\n{YO}"))?;
            // Without a promise to keep it, a connection of HTTP/1.0 is over after the answer.
            match length {
                "" => to.hang_up(),
                _ => to.stall(),
            }
        });
        assert_eq!(YO.len(), 20);
        let client = client(json!({}));
        for _ in 0..3 {
            assert_eq!(ask(&client, &plain(&server)).unwrap(), "yo");
        }
        assert_eq!(server.count(), 3, "{length:?}");
    }
}

#[test]
fn hints_before_the_answer_are_no_answer() {
    for hint in ["100 Continue", "102 Processing", "103 Early Hints"] {
        let server = Server::start(move |_, to| {
            to.raw(format!("HTTP/1.1 {hint}\r\n\r\n"))?;
            to.pause(Duration::from_millis(20))?;
            to.reply(200, YO)
        });
        let client = client(json!({}));
        for _ in 0..2 {
            assert_eq!(ask(&client, &plain(&server)).expect(hint), "yo");
        }
    }
}

#[test]
fn a_time_out_of_its_own_for_connecting_does_not_cost_the_pool() {
    let server = Server::always(200, YO);
    let client = client(json!({"connect_timeout": 3}));
    let mut request = plain(&server);
    for seconds in [1, 2, 3] {
        request["connect_timeout"] = json!(seconds);
        ask(&client, &request).unwrap();
        ask(&client, &plain(&server)).unwrap();
    }
    assert_eq!(server.count(), 1);
}

#[test]
fn a_name_with_several_addresses_is_tried_at_each() {
    // `localhost` may be ::1 first, where this server does not listen.
    let server = Server::always(200, YO);
    let base = format!("http://localhost:{}/generate", server.address.port());
    let client = client(json!({"api_base": base}));
    let request = json!({"model": "triton/m", "prompt": "hi"});
    assert_eq!(ask(&client, &request).unwrap(), "yo");
}

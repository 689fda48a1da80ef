//! Time-outs: each ends a call when it says, names itself, and tells how long it was.

use crate::alone;
use crate::ask::{ask, calm, client, fails, is, plain, prompt, takes, with};
use crate::http;
use crate::server::{Full, Peer, Server, YO};
use mishikallm::Status;
use serde_json::json;
use std::io;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// The beginning of an answer that will be 20 bytes long.
fn begin(to: &mut Peer) -> io::Result<()> {
    to.raw(http::head(200, &[("content-length", "20")]))?;
    to.raw("\r\n")
}

/// A byte at a time, for ever.
fn trickle(to: &mut Peer, head: &str) -> io::Result<()> {
    to.raw(head)?;
    loop {
        to.pause(50 * MS)?;
        to.raw(" ")?;
    }
}

#[test]
fn a_try_may_take_its_timeout() {
    let _calm = calm();
    for seconds in [0.05, 0.2, 0.7] {
        let server = Server::silent();
        let request = with(plain(&server), json!({"timeout": seconds}));
        let error = takes(seconds, || fails(&client(json!({})), &request));
        let words = ["(timeout)", &format!("within {seconds} s")];
        is(&error, Status::Deadline, 408, &words);
        assert!(error.is_retryable());
    }
}

#[test]
fn a_timeout_of_the_configuration_holds_and_a_requests_own_beats_it() {
    let _calm = calm();
    let server = Server::silent();
    let client = client(json!({"timeout": 0.2}));
    let error = takes(0.2, || fails(&client, &plain(&server)));
    is(&error, Status::Deadline, 408, &["within 0.2 s (timeout)"]);
    let own = with(plain(&server), json!({"timeout": 0.4}));
    let error = takes(0.4, || fails(&client, &own));
    is(&error, Status::Deadline, 408, &["within 0.4 s (timeout)"]);
}

#[test]
fn each_prompt_of_several_has_the_whole_timeout() {
    let _calm = calm();
    // All of them together take longer: five prompts are five requests.
    let server = Server::start(|_, to| {
        to.pause(150 * MS)?;
        to.reply(200, YO)
    });
    let more = json!({"timeout": 0.4, "prompt": ["a", "b", "c", "d", "e"]});
    let request = with(plain(&server), more);
    assert_eq!(ask(&client(json!({})), &request).unwrap(), "yo");
    assert_eq!(server.posts().len(), 5);
}

#[test]
fn a_look_up_takes_of_the_same_time() {
    let _calm = calm();
    let server = Server::start(|_, to| {
        to.pause(150 * MS)?;
        to.reply(404, r#"{"error":"Not Found"}"#)
    });
    let request = with(prompt(&server.url()), json!({"timeout": 0.2}));
    let error = takes(0.2, || fails(&client(json!({})), &request));
    is(&error, Status::Deadline, 408, &["within 0.2 s (timeout)"]);
}

#[test]
fn a_connection_that_does_not_come_about_ends_with_connect_timeout() {
    let _calm = calm();
    let full = Full::new();
    let base = format!("http://{}/generate", full.address);
    let request = with(prompt(&base), json!({"connect_timeout": 0.3, "timeout": 5}));
    let error = takes(0.3, || fails(&client(json!({})), &request));
    is(
        &error,
        Status::Deadline,
        408,
        &["within 0.3 s (connect_timeout)"],
    );
    // Nothing was sent yet, so it may be tried again.
    assert!(error.is_retryable());

    let configured = client(json!({"connect_timeout": 0.2}));
    let error = takes(0.2, || fails(&configured, &prompt(&base)));
    is(
        &error,
        Status::Deadline,
        408,
        &["within 0.2 s (connect_timeout)"],
    );
}

#[test]
fn the_shorter_of_connect_timeout_and_timeout_ends_a_connection_that_does_not_come_about() {
    let _calm = calm();
    let full = Full::new();
    let base = format!("http://{}/generate", full.address);
    let request = with(prompt(&base), json!({"connect_timeout": 5, "timeout": 0.3}));
    let error = takes(0.3, || fails(&client(json!({})), &request));
    is(&error, Status::Deadline, 408, &["within 0.3 s (timeout)"]);
}

#[test]
fn a_server_that_is_looked_up_and_cannot_be_reached_costs_connect_timeout_once() {
    let _calm = calm();
    let full = Full::new();
    let request = prompt(&format!("http://{}", full.address));
    let request = with(request, json!({"connect_timeout": 0.3}));
    let error = takes(0.3, || fails(&client(json!({})), &request));
    is(
        &error,
        Status::Deadline,
        408,
        &["within 0.3 s (connect_timeout)"],
    );
}

#[test]
fn a_silent_server_ends_with_idle_timeout() {
    let _calm = calm();
    let silences: [fn(&mut Peer) -> io::Result<()>; 3] = [
        |_| Ok(()),
        |to| to.raw("HTTP/1.1 200 OK\r\ncontent-le"),
        |to| {
            begin(to)?;
            to.raw(&YO[..5])
        },
    ];
    for (i, silence) in silences.into_iter().enumerate() {
        let server = Server::start(move |_, to| {
            silence(to)?;
            to.stall()
        });
        let request = with(plain(&server), json!({"idle_timeout": 0.2, "timeout": 5}));
        let error = takes(0.2, || fails(&client(json!({})), &request));
        let words = ["silent for 0.2 s (idle_timeout)"];
        is(&error, Status::Deadline, 408, &words);
        assert!(error.is_retryable(), "silence {i}");
    }
}

#[test]
fn a_server_that_is_never_silent_for_long_still_has_to_end_in_time() {
    let _calm = calm();
    let heads = [
        "HTTP/1.1 200 OK\r\nx-slow: ",
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1000\r\n",
    ];
    for head in heads {
        let server = Server::start(move |_, to| trickle(to, head));
        let request = with(plain(&server), json!({"idle_timeout": 0.2, "timeout": 0.6}));
        let error = takes(0.6, || fails(&client(json!({})), &request));
        is(&error, Status::Deadline, 408, &["within 0.6 s (timeout)"]);
    }
}

#[test]
fn a_slow_answer_within_its_time_is_an_answer() {
    let server = Server::start(|_, to| {
        begin(to)?;
        for byte in YO.bytes() {
            to.pause(20 * MS)?;
            to.raw([byte])?;
        }
        Ok(())
    });
    let request = with(plain(&server), json!({"idle_timeout": 1, "timeout": 5}));
    assert_eq!(ask(&client(json!({})), &request).unwrap(), "yo");
}

#[test]
fn a_server_that_reads_nothing_ends_with_the_timeout() {
    let _calm = calm();
    let server = Server::connections(|peer, _| peer.pause(Duration::from_secs(10)));
    let much = "x".repeat(10 << 20);
    let request = with(plain(&server), json!({"timeout": 0.5, "prompt": much}));
    let began = Instant::now();
    let error = fails(&client(json!({})), &request);
    is(&error, Status::Deadline, 408, &["within 0.5 s (timeout)"]);
    // Reading a request of this size takes its own time, before the clock of the call starts.
    let took = began.elapsed();
    assert!((500 * MS..5000 * MS).contains(&took), "{took:?}");
}

#[test]
fn a_refusal_of_a_large_request_is_seen_while_it_is_still_being_sent() {
    let refusal = http::reply(413, &[], r#"{"error":"payload too large"}"#);
    // In order, then at once: with what was not read, the second one's end is a reset.
    for in_order in [true, false] {
        let refusal = refusal.clone();
        let server = Server::connections(move |mut peer, _| {
            http::Request::read_head(peer.reader())?;
            peer.raw(&refusal)?;
            if in_order {
                peer.socket().shutdown(std::net::Shutdown::Write)?;
                io::copy(peer.reader(), &mut io::sink())?;
            }
            Ok(())
        });
        let much = "x".repeat(10 << 20);
        let request = with(plain(&server), json!({"timeout": 20, "prompt": much}));
        let error = fails(&client(json!({})), &request);
        is(&error, Status::Server, 413, &["payload too large"]);
    }
}

#[test]
fn a_process_that_is_stopped_for_a_moment_goes_on_waiting() {
    // On a socket with a time-out, SIGSTOP and SIGCONT interrupt the system call.
    const NAME: &str = "timeouts::a_process_that_is_stopped_for_a_moment_goes_on_waiting";
    if let Some(base) = alone::told() {
        let request = with(prompt(&base), json!({"timeout": 10, "idle_timeout": 10}));
        assert_eq!(ask(&client(json!({})), &request).unwrap(), "yo");
        return;
    }
    let server = Server::start(|_, to| {
        to.pause(400 * MS)?;
        to.reply(200, YO)
    });
    let child = alone::start(NAME, &server.endpoint(), &[]);
    server.until(|seen| seen.requests.len() == 1);
    for signal in ["-STOP", "-CONT", "-STOP", "-CONT"] {
        thread::sleep(30 * MS);
        let pid = child.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status();
        assert!(status.expect("kill").success());
    }
    alone::succeeds(child);
}

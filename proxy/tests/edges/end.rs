//! SIGTERM and SIGINT: what is under way ends whole, what is new goes elsewhere, and a second signal waits for nothing.

use super::*;
use running::client::Connection;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

/// Streams a token, and the next one when it is told to.
pub fn streaming() -> (Upstream, Sender<()>) {
    let (go_on, goes_on) = channel();
    let goes_on: Arc<Mutex<Receiver<()>>> = Arc::new(Mutex::new(goes_on));
    let upstream = Upstream::new(move |mut peer| {
        while let Some((path, _)) = peer.request() {
            if path.ends_with("generate") {
                peer.reply(200, &json!({"text_output": "yes"}));
                continue;
            }
            peer.open_stream();
            peer.token("first ");
            if goes_on.lock().unwrap().recv().is_ok() {
                peer.token("last");
                peer.end_stream();
            }
        }
    });
    (upstream, go_on)
}

/// A stream of which the head has come.
fn open(proxy: &Proxy) -> Connection {
    let mut connection = Connection::open(&proxy.host).expect("it listens");
    connection
        .send(&chat_request(&json!({"stream": true})))
        .expect("sent");
    assert_eq!(connection.head().expect("an answer").status, 200);
    connection
}

/// Waits until nobody can connect.
pub fn is_left(proxy: &Proxy) {
    while TcpStream::connect(&proxy.host).is_ok() {
        thread::yield_now();
    }
}

#[test]
fn a_stream_ends_whole_and_others_are_refused() {
    for signal in ["TERM", "INT"] {
        let (upstream, go_on) = streaming();
        let mut proxy = proxy(one(&upstream), json!({}), &[]);
        let mut idle = Connection::open(&proxy.host).expect("it listens");
        idle.send(&chat_request(&json!({}))).expect("sent");
        assert_eq!(said(&idle.read("POST").expect("an answer")), "yes");
        let mut stream = open(&proxy);
        proxy.signal(signal);
        is_left(&proxy);
        // Who waits for nothing is let go at once.
        assert_eq!(idle.some(&mut [0; 1]).expect("closed, not reset"), 0);
        assert!(proxy.runs());
        go_on.send(()).expect("the stream waits");
        let text = String::from_utf8(stream.rest()).expect("UTF-8");
        assert!(
            text.contains("\"first \"") && text.contains("\"last\""),
            "{text}"
        );
        assert!(text.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{text}");
        assert_eq!(proxy.ends(), Some(0), "{}", proxy.log());
    }
}

/// It says that no other one can follow on its connection.
#[test]
fn an_answer_under_way_is_the_last_of_its_connection() {
    let (told, tells) = channel();
    let (go_on, goes_on) = channel::<()>();
    let goes_on = Arc::new(Mutex::new(goes_on));
    let upstream = Upstream::new(move |mut peer| {
        while peer.request().is_some() {
            told.send(()).expect("the test waits");
            goes_on.lock().unwrap().recv().expect("the test goes on");
            peer.reply(200, &json!({"text_output": "yes"}));
        }
    });
    let mut proxy = proxy(one(&upstream), json!({}), &[]);
    let mut connection = Connection::open(&proxy.host).expect("it listens");
    connection.send(&chat_request(&json!({}))).expect("sent");
    tells.recv().expect("it is asked");
    proxy.signal("TERM");
    is_left(&proxy);
    go_on.send(()).expect("the answer waits");
    let answer = connection.read("POST").expect("an answer");
    assert_eq!(said(&answer), "yes");
    assert_eq!(answer.headers["connection"], "close");
    assert_eq!(connection.some(&mut [0; 1]).expect("closed, not reset"), 0);
    assert_eq!(proxy.ends(), Some(0));
}

#[test]
fn a_second_signal_waits_for_nothing() {
    let (upstream, _go_on) = streaming();
    let mut proxy = proxy(one(&upstream), json!({}), &[]);
    let stream = open(&proxy);
    proxy.signal("TERM");
    is_left(&proxy);
    assert!(proxy.runs());
    proxy.signal("TERM");
    assert_eq!(proxy.ends(), Some(0));
    drop(stream);
}

#[test]
fn what_takes_too_long_is_given_up() {
    let (upstream, _go_on) = streaming();
    let patient = json!({"general_settings": {"drain_seconds": 3600}});
    let mut proxy = proxy(one(&upstream), patient, &[]);
    // What is read again holds here too.
    let hasty = json!({"general_settings": {"drain_seconds": 0.2}});
    std::fs::write(proxy.config_path(), config(one(&upstream), hasty)).expect("a file");
    proxy.signal("HUP");
    proxy.says("holds from now on", 1);
    let mut stream = open(&proxy);
    proxy.signal("TERM");
    assert_eq!(proxy.ends(), Some(0));
    assert!(
        proxy
            .log()
            .contains("requests under way were given up after 0.2 s"),
        "{}",
        proxy.log()
    );
    let text = String::from_utf8_lossy(&stream.rest()).into_owned();
    assert!(
        text.contains("\"first \"") && !text.contains("[DONE]"),
        "{text}"
    );
}

/// A client that was let in is answered; any other can go elsewhere, for nothing of its request was taken.
#[test]
fn under_load_a_client_is_answered_or_not_let_in() {
    let upstream = saying("yes");
    let ask = |host: &str| -> std::io::Result<Response> {
        let mut connection = Connection::open(host)?;
        connection.send(&chat_request(&json!({})))?;
        connection.read("POST")
    };
    for _ in 0..5 {
        let mut proxy = proxy(one(&upstream), json!({}), &[]);
        let host = proxy.host.clone();
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let host = host.clone();
                thread::spawn(move || {
                    loop {
                        match ask(&host) {
                            Ok(answer) => assert_eq!(said(&answer), "yes"),
                            Err(why) => break why.kind(),
                        }
                    }
                })
            })
            .collect();
        while few_were_answered(&proxy) {
            thread::yield_now();
        }
        proxy.signal("TERM");
        for client in clients {
            let why = client.join().expect("each is answered");
            // The kernel resets whoever comes in the moment in which the door is shut.
            let outside = [ErrorKind::ConnectionRefused, ErrorKind::ConnectionReset];
            assert!(outside.contains(&why), "{why:?}");
        }
        assert_eq!(proxy.ends(), Some(0), "{}", proxy.log());
    }
}

/// Whether not many were answered yet.
fn few_were_answered(proxy: &Proxy) -> bool {
    let answer = ask(&proxy.host, "GET", "/metrics", &[], b"").expect("an answer");
    let text = answer.text();
    let mut lines = text
        .lines()
        .filter(|line| line.starts_with("mishikallm_requests_total{"));
    let count = lines
        .next()
        .and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    count.unwrap_or_default() < 100.0
}

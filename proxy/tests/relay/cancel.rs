//! A client that hangs up ends the request at the server, at once.

use super::*;
use std::sync::mpsc::channel;

#[test]
fn while_the_answer_is_awaited() {
    let (upstream, tells) = silent();
    let proxy = proxy(&upstream);
    let client = chat(&proxy, json!({}));
    assert_eq!(tells.recv().unwrap(), "asked");
    drop(client);
    assert_eq!(tells.recv().unwrap(), "closed");
}

#[test]
fn in_the_middle_of_a_stream() {
    let (told, tells) = channel();
    let upstream = Upstream::new(move |mut peer| {
        if peer.request().is_some() {
            peer.open_stream();
            peer.token("a");
            peer.wait_for_close();
            told.send("closed").unwrap();
        }
    });
    let proxy = proxy(&upstream);
    let mut client = chat(&proxy, json!({"stream": true}));
    client.head().unwrap();
    assert!(client.chunk().unwrap().contains("\"a\""));
    drop(client);
    assert_eq!(tells.recv().unwrap(), "closed");
}

#[test]
fn before_the_first_chunk_of_a_stream() {
    let (told, tells) = channel();
    let upstream = Upstream::new(move |mut peer| {
        if peer.request().is_some() {
            peer.open_stream();
            told.send("open").unwrap();
            peer.wait_for_close();
            told.send("closed").unwrap();
        }
    });
    let proxy = proxy(&upstream);
    let client = chat(&proxy, json!({"stream": true}));
    assert_eq!(tells.recv().unwrap(), "open");
    drop(client);
    assert_eq!(tells.recv().unwrap(), "closed");
}

#[test]
fn a_stream_that_has_said_enough_is_closed_at_the_server() {
    let (told, tells) = channel();
    let upstream = Upstream::new(move |mut peer| {
        if peer.request().is_some() {
            peer.open_stream();
            peer.token("all STOP more");
            peer.wait_for_close();
            told.send("closed").unwrap();
        }
    });
    let proxy = proxy(&upstream);
    let mut client = chat(&proxy, json!({"stream": true, "stop": "STOP"}));
    let answer = client.read("POST").unwrap();
    let body = answer.text();
    assert_eq!(answer.status, 200);
    assert!(
        body.ends_with("data: [DONE]\n\n") && !body.contains("more"),
        "{body}"
    );
    assert_eq!(tells.recv().unwrap(), "closed");
}

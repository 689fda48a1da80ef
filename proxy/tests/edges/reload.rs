//! SIGHUP: the configuration is read again, whatever is under way.

use super::*;
use running::client::Connection;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

const HOLDS: &str = "holds from now on";
const HELD: &str = "the one before still holds";

/// Longer than anything needs, and shorter than a connection to a server is kept that nobody uses.
const GIVE_UP: Duration = Duration::from_secs(10);

/// Writes a configuration, and has it read; so many of them were taken before.
#[track_caller]
fn change(proxy: &Proxy, config: &str, before: usize) {
    fs::write(proxy.config_path(), config).expect("a file");
    proxy.signal("HUP");
    proxy.says(HOLDS, before + 1);
}

#[test]
fn no_request_fails_while_the_configuration_changes() {
    let (a, b) = (saying("a"), saying("b"));
    let proxy = proxy(one(&a), json!({}), &[]);
    let (ends, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|number| {
                let (proxy, ends, asked) = (&proxy, &ends, &asked);
                scope.spawn(move || {
                    let mut kept = Connection::open(&proxy.host).expect("it listens");
                    while !ends.load(Ordering::Relaxed) {
                        let answer = match number % 2 {
                            0 => chat(proxy, &json!({})),
                            _ => {
                                kept.send(&chat_request(&json!({}))).expect("it is kept");
                                kept.read("POST").expect("an answer")
                            }
                        };
                        assert!(["a", "b"].contains(&&*said(&answer)));
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for turn in 0..20 {
            let (upstream, word) = if turn % 2 == 0 { (&b, "b") } else { (&a, "a") };
            change(&proxy, &config(one(upstream), json!({})), turn);
            // From the line in the log on.
            assert_eq!(said(&chat(&proxy, &json!({}))), word);
        }
        ends.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .for_each(|client| client.join().expect("no request fails"));
    });
    assert!(asked.load(Ordering::Relaxed) > 20);
}

#[test]
fn a_stream_under_way_goes_on_and_the_next_request_meets_the_new_configuration() {
    let (go_on, goes_on) = channel::<()>();
    let goes_on = std::sync::Arc::new(Mutex::new(goes_on));
    let before = Upstream::new(move |mut peer| {
        if peer.request().is_some() {
            peer.open_stream();
            peer.token("first ");
            goes_on.lock().unwrap().recv().unwrap();
            peer.token("last");
            peer.end_stream();
        }
    });
    let key = |key: &str| json!({"general_settings": {"master_key": key}});
    let local = ["--host", "127.0.0.1"];
    let proxy = proxy(one(&before), key("sk-the-key-that-was"), &local);
    let by = |key: &str, stream: bool| {
        let bearer = vec![("authorization".to_owned(), format!("Bearer {key}"))];
        request("POST", CHAT, &bearer, &body(&json!({"stream": stream})))
    };
    let mut streams = Connection::open(&proxy.host).expect("it listens");
    streams
        .send(&by("sk-the-key-that-was", true))
        .expect("sent");
    assert_eq!(streams.head().expect("an answer").status, 200);
    let after = saying("after");
    change(&proxy, &config(one(&after), key("sk-the-key-that-is")), 0);
    go_on.send(()).expect("the stream waits");
    let mut text = String::new();
    while !text.contains("[DONE]") {
        let mut some = [0; 4096];
        let count = streams.some(&mut some).expect("more");
        assert!(count > 0, "{text}");
        text += &String::from_utf8_lossy(&some[..count]);
    }
    assert!(
        text.contains("\"first \"") && text.contains("\"last\""),
        "{text}"
    );
    let mut connection = Connection::open(&proxy.host).expect("it listens");
    connection
        .send(&by("sk-the-key-that-was", false))
        .expect("sent");
    assert_eq!(connection.read("POST").expect("an answer").status, 401);
    connection
        .send(&by("sk-the-key-that-is", false))
        .expect("sent");
    assert_eq!(said(&connection.read("POST").expect("an answer")), "after");
}

#[test]
fn what_is_wrong_changes_nothing_and_is_said() {
    let upstream = saying("as before");
    let good = json!({"general_settings": {"master_key": "sk-a-key-of-some-length"}});
    // Where others reach it.
    let proxy = proxy(one(&upstream), good.clone(), &[]);
    let asks = || {
        let bearer = [(
            "authorization".to_owned(),
            "Bearer sk-a-key-of-some-length".to_owned(),
        )];
        ask(&proxy.host, "POST", CHAT, &bearer, &body(&json!({}))).expect("an answer")
    };
    let mut list = one(&upstream);
    list[0]["mishikallm_params"]["timeout"] = json!("soon");
    for (number, (wrong, words)) in [
        ("{".to_owned(), "config.yaml"),
        (String::new(), "model_list"),
        (config(json!([]), good.clone()), "model_list"),
        (config(list, good.clone()), "mishikallm_params.timeout"),
        (config(one(&upstream), json!({"general_settings": {"master_key": 5}})), "general_settings.master_key"),
        (config(one(&upstream), json!({"general_settings": {"master_key": "os.environ/NOT_THERE"}})), "NOT_THERE"),
        (config(one(&upstream), json!({"mishikallm_settings": {"tls": {"ca_file": "/nowhere.pem"}}, "general_settings": good["general_settings"]})), "/nowhere.pem"),
        // It would be open to everybody, at an address that was chosen for one with a key.
        (config(one(&upstream), json!({})), "master_key"),
    ]
    .into_iter()
    .enumerate()
    {
        let told = proxy.log().len();
        fs::write(proxy.config_path(), &wrong).expect("a file");
        proxy.signal("HUP");
        let log = proxy.says(HELD, number + 1);
        let why = &log[told..];
        assert!(why.contains(" ERROR ") && why.contains(words), "{wrong}\n{why}");
        assert!(!why.contains("sk-a-key") && !why.contains(HOLDS), "{why}");
        assert_eq!(said(&asks()), "as before");
    }
    fs::remove_file(proxy.config_path()).expect("it was there");
    proxy.signal("HUP");
    proxy.says("cannot be read", 1);
    assert_eq!(said(&asks()), "as before");
    // And then it is right again.
    let after = saying("after");
    change(&proxy, &config(one(&after), good), 0);
    assert_eq!(said(&asks()), "after");
}

/// Where `--host` says that others may reach it, it is let be, and said.
#[test]
fn a_key_that_is_gone_is_said() {
    let upstream = saying("yes");
    let closed = json!({"general_settings": {"master_key": "sk-a-key-of-some-length"}});
    let proxy = proxy(one(&upstream), closed, &["--host", "0.0.0.0"]);
    assert_eq!(chat(&proxy, &json!({})).status, 401);
    change(&proxy, &config(one(&upstream), json!({})), 0);
    proxy.says(
        " WARN there is no master key: anyone who reaches 0.0.0.0:",
        1,
    );
    assert_eq!(said(&chat(&proxy, &json!({}))), "yes");
}

/// Connections to servers are the configuration's, and go with it.
#[test]
fn what_was_is_let_go() {
    let upstream = saying("yes");
    let proxy = proxy(one(&upstream), json!({}), &["--num_workers", "1"]);
    let descriptors = || {
        let folder = format!("/proc/{}/fd", proxy.id());
        fs::read_dir(folder).expect("it runs").count()
    };
    assert_eq!(said(&chat(&proxy, &json!({}))), "yes");
    let before = descriptors();
    for turn in 0..30 {
        change(&proxy, &config(one(&upstream), json!({})), turn);
        assert_eq!(said(&chat(&proxy, &json!({}))), "yes");
    }
    // Connections of clients that have only just left, and of what was until now, may not be closed yet.
    let until = Instant::now() + GIVE_UP;
    while descriptors() > before {
        let after = descriptors();
        assert!(
            Instant::now() < until,
            "{before} descriptors, and then {after}"
        );
        thread::yield_now();
    }
}

/// As a supervisor may do that has only just seen the port open.
#[test]
fn a_signal_at_the_very_start_is_no_end() {
    let upstream = saying("yes");
    for _ in 0..10 {
        let mut proxy = proxy(one(&upstream), json!({}), &[]);
        proxy.signal("HUP");
        proxy.says(HOLDS, 1);
        assert!(proxy.runs());
    }
}

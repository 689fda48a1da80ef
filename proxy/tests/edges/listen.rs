//! Where the proxy listens, and what it says where it cannot.

use super::*;
use running::client::Connection;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

fn arguments(more: &[&str]) -> Command {
    let mut command = running::command();
    command.args([
        "--model",
        "triton/m",
        "--api_base",
        "http://127.0.0.1:1/x/generate",
    ]);
    command.args(more);
    command
}

/// It ends by itself.
fn output(more: &[&str]) -> Output {
    arguments(more).output().expect("the command runs")
}

/// The command, and the first line that it says, after which nobody listens to it; killed when it is dropped.
struct Begun(Child, String);

impl Begun {
    fn new(more: &[&str]) -> Begun {
        let mut child = arguments(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut out = child.stdout.take().expect("a pipe");
        let mut line = Vec::new();
        let mut byte = [0; 1];
        while out.read(&mut byte).expect("it says something") == 1 && byte[0] != b'\n' {
            line.push(byte[0]);
        }
        Begun(child, String::from_utf8(line).expect("UTF-8"))
    }

    /// Host and port of the URL that it names.
    fn host(&self) -> &str {
        self.1
            .split("http://")
            .nth(1)
            .unwrap_or_else(|| panic!("no URL: {}", self.1))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_port_that_is_taken_is_an_error_that_says_so() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let output = output(&["--port", &port]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    let place = format!(
        "cannot listen at 127.0.0.1:{port}: another program does; --port takes another port"
    );
    assert!(said.contains(&place), "{said}");
    // It does not say that it listens.
    assert!(
        output.stdout.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn a_name_is_listened_at_where_clients_of_either_kind_look() {
    let begun = Begun::new(&["--host", "localhost", "--port", "0"]);
    let port = begun.host().rsplit(':').next().expect("a port");
    TcpStream::connect(format!("127.0.0.1:{port}")).expect("it listens");
    TcpStream::connect(format!("localhost:{port}")).expect("it listens");
}

#[test]
fn an_address_of_another_machine_is_an_error_that_says_so() {
    for (host, word) in [
        ("192.0.2.1", "cannot listen at 192.0.2.1:0: "),
        (
            "no such host",
            "--host: expected an address of this machine, got \"no such host\"",
        ),
        ("", "--host: expected an address of this machine, got \"\""),
    ] {
        let output = output(&["--host", host, "--port", "0"]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn port_0_is_one_that_is_free_and_is_named() {
    let (one, two) = (Begun::new(&["--port", "0"]), Begun::new(&["--port", "0"]));
    assert_ne!(one.host(), two.host());
    for begun in [one, two] {
        assert!(!begun.host().ends_with(":0"), "{}", begun.1);
        let answer = ask(begun.host(), "GET", "/health/liveness", &[], b"").expect("an answer");
        assert_eq!(answer.status, 200);
    }
}

/// More clients than it may have open: some wait, and it goes on with them as soon as others leave.
#[test]
fn without_descriptors_clients_wait() {
    let upstream = saying("yes");
    // A connection to the server may have to wait as well.
    let retries = json!({"router_settings": {"num_retries": 3}});
    let proxy = proxy(one(&upstream), retries, &["--num_workers", "1"]);
    let id = proxy.id().to_string();
    let limited = Command::new("prlimit")
        .args(["--pid", &id, "--nofile=48:48"])
        .status();
    assert!(limited.expect("prlimit can be started").success());
    let clients: Vec<_> = (0..100)
        .map(|_| Connection::open(&proxy.host).expect("it listens"))
        .collect();
    let mut waits = Connection::open(&proxy.host).expect("it listens");
    waits.send(&chat_request(&json!({}))).expect("sent");
    drop(clients);
    assert_eq!(said(&waits.read("POST").expect("an answer")), "yes");
    assert_eq!(said(&chat(&proxy, &json!({}))), "yes");
}

/// A pager or a log's collector that has ended.
#[test]
fn a_log_that_nobody_reads_is_no_end() {
    let port = running::free_port().to_string();
    let mut command = arguments(&["--port", &port, "--detailed_debug"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    drop((child.stdout.take(), child.stderr.take()));
    let host = format!("127.0.0.1:{port}");
    while TcpStream::connect(&host).is_err() {
        let ended = child.try_wait().expect("a child");
        assert!(ended.is_none(), "it ended: {ended:?}");
        std::thread::yield_now();
    }
    let begun = Begun(child, String::new());
    for _ in 0..2 {
        let answer = ask(&host, "POST", CHAT, &[], &body(&json!({}))).expect("an answer");
        // Its one server is not there.
        assert_eq!(answer.status, 503);
    }
    drop(begun);
}

#[test]
fn it_listens_at_addresses_of_ipv6() {
    if TcpListener::bind("[::1]:0").is_err() {
        return; // this machine has none
    }
    for host in ["::1", "[::1]", "::"] {
        let begun = Begun::new(&["--host", host, "--port", "0"]);
        let (address, port) = begun.host().rsplit_once(':').expect("a port");
        assert_eq!(address, format!("[{}]", host.trim_matches(['[', ']'])));
        let answer = ask(
            &format!("[::1]:{port}"),
            "GET",
            "/health/liveness",
            &[],
            b"",
        )
        .expect("an answer");
        assert_eq!(answer.status, 200);
        // Its own questions find it there.
        let health = running::command()
            .args(["--health", "--host", host, "--port", port])
            .output();
        let said = health.expect("the command runs").stdout;
        assert!(String::from_utf8_lossy(&said).contains("unhealthy_count"));
    }
}

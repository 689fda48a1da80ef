//! A real Redis: a server of the test's own in a temporary folder, with a password.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::{Folder, GIVE_UP};

/// What it wants to hear.
pub const PASSWORD: &str = "hunter2@redis";

/// As a URL has it.
const PASSWORD_IN_URL: &str = "hunter2%40redis";

/// Runs the server until it is told to stop it, or until the test's process ends, however it does.
const KEEPER: &str = r#"
"$@" &
server=$!
read -r _
kill -s KILL "$server" 2>/dev/null
"#;

/// A server. It and its folder are gone when this is dropped, and when the test's process ends.
pub struct Redis {
    /// Where it listens, at 127.0.0.1.
    pub port: u16,
    tls: Option<[String; 2]>,
    folder: Folder,
    keeper: Mutex<Option<Child>>,
}

impl Redis {
    /// A new one, with nothing in it.
    #[track_caller]
    pub fn start() -> Redis {
        Redis::with(None)
    }

    /// One that speaks TLS alone, with this certificate and its key, both as PEM.
    #[track_caller]
    pub fn with_tls(certificate: &str, key: &str) -> Redis {
        Redis::with(Some([certificate, key]))
    }

    #[track_caller]
    fn with(pems: Option<[&str; 2]>) -> Redis {
        let folder = Folder::new();
        let tls = pems.map(|pems| {
            let mut files = ["certificate.pem", "key.pem"].into_iter().zip(pems);
            let mut write = || {
                let (name, pem) = files.next().expect("there are two");
                let path = folder.0.join(name);
                fs::write(&path, pem).expect("a file");
                path.display().to_string()
            };
            [write(), write()]
        });
        let mut server = Redis {
            port: 0,
            tls,
            folder,
            keeper: Mutex::new(None),
        };
        for _ in 0..10 {
            // Somebody may take it meanwhile.
            let free = TcpListener::bind("127.0.0.1:0").and_then(|at| at.local_addr());
            server.port = free.expect("a port").port();
            if server.run() {
                return server;
            }
        }
        panic!("Redis does not start:\n{}", server.log());
    }

    /// With the password.
    pub fn url(&self) -> String {
        format!("redis://:{PASSWORD_IN_URL}@127.0.0.1:{}", self.port)
    }

    /// What a command answers, as `redis-cli` shows it to programs.
    #[track_caller]
    pub fn says(&self, command: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &self.port.to_string()]).args(command);
        cli.env("REDISCLI_AUTH", PASSWORD);
        let output = cli.output().expect("redis-cli can be started");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Ends it as a power failure would. Its port stays; what it knew is gone.
    pub fn stop(&self) {
        let keeper = self
            .keeper
            .lock()
            .expect("no test panics in between")
            .take();
        if let Some(mut keeper) = keeper {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }

    /// Runs it again, with nothing in it.
    #[track_caller]
    pub fn restart(&self) {
        self.stop();
        let until = Instant::now() + GIVE_UP;
        while !self.run() {
            assert!(Instant::now() < until, "it does not start:\n{}", self.log());
        }
    }

    /// Holds it still, so that it takes connections and says nothing, until [`Redis::resume`].
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let id = fs::read_to_string(self.folder.0.join("id")).expect("it runs");
        let status = Command::new("kill").args(["-s", name, id.trim()]).status();
        assert!(status.expect("kill can be started").success());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.0.join("log")).unwrap_or_default()
    }

    /// Whether it takes connections.
    fn run(&self) -> bool {
        let folder = self.folder.0.display().to_string();
        let port = self.port.to_string();
        let id = self.folder.0.join("id").display().to_string();
        let log = self.folder.0.join("log").display().to_string();
        let _ = fs::remove_file(&id);
        let _ = fs::remove_file(&log);
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh", "redis-server", "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--appendonly", "no", "--dir", &folder]);
        command.args([
            "--requirepass",
            PASSWORD,
            "--pidfile",
            &id,
            "--logfile",
            &log,
        ]);
        match &self.tls {
            None => command.args(["--port", &port]),
            Some([certificate, key]) => {
                command.args([
                    "--port",
                    "0",
                    "--tls-port",
                    &port,
                    "--tls-auth-clients",
                    "no",
                ]);
                command.args(["--tls-cert-file", certificate, "--tls-key-file", key])
            }
        };
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut keeper = command.spawn().expect("sh can be started");
        let until = Instant::now() + Duration::from_secs(10);
        while !self.is_there(&id) {
            let has_ended = self.log().contains("exiting") || !is_installed();
            if has_ended || Instant::now() > until {
                drop(keeper.stdin.take());
                let _ = keeper.wait();
                assert!(
                    is_installed(),
                    "Redis is not installed. On Debian: sudo apt-get install redis-server"
                );
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        *self.keeper.lock().expect("no test panics in between") = Some(keeper);
        true
    }

    /// It has written its number, and answers. One of TLS is not asked.
    fn is_there(&self, id: &str) -> bool {
        if !fs::read_to_string(id).is_ok_and(|id| id.trim().parse::<u32>().is_ok()) {
            return false;
        }
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return false;
        };
        if self.tls.is_some() {
            return true;
        }
        let _ = stream.write_all(b"PING\r\n");
        let _ = stream.shutdown(Shutdown::Write);
        let mut said = String::new();
        let _ = stream.read_to_string(&mut said);
        said.starts_with("-NOAUTH")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

fn is_installed() -> bool {
    let asked = Command::new("redis-server").arg("--version").output();
    asked.is_ok_and(|output| output.status.success())
}

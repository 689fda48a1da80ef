//! What the proxy's tests share: the command `mishikallm`, started with a configuration on a port of its own and stopped again, its
//! client, and servers behind it.

#[path = "../../../tests/client/certificates.rs"]
pub mod certificates;
pub mod client;
#[path = "../../../tests/parity/common/mod.rs"]
pub mod common;
pub mod postgres;
pub mod redis;
pub mod settings;
pub mod upstream;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// It is ready in milliseconds; a busy machine may need longer.
const GIVE_UP: Duration = Duration::from_secs(30);

/// A running proxy. It and its folder are gone when this is dropped.
pub struct Proxy {
    /// Its host and port.
    pub host: String,
    child: Child,
    folder: Folder,
}

impl Proxy {
    /// With this `config.yaml`.
    pub fn with_config(yaml: &str) -> Proxy {
        Proxy::start(Some(yaml), &[], &[]).unwrap_or_else(|why| panic!("{why}"))
    }

    /// With a `config.yaml` or without, more arguments and more environment; the error says what the command said.
    pub fn start(
        yaml: Option<&str>,
        arguments: &[String],
        environment: &[(String, String)],
    ) -> Result<Proxy, String> {
        let folder = Folder::new();
        let mut all = Vec::new();
        if let Some(yaml) = yaml {
            let path = folder.0.join("config.yaml");
            fs::write(&path, yaml).map_err(|why| why.to_string())?;
            all.extend(["--config".to_string(), path.display().to_string()]);
        }
        all.extend_from_slice(arguments);
        // The system gives it a port that nobody else has, and it says which.
        all.extend(["--port".to_string(), "0".to_string()]);
        let child = spawn(&all, environment, &folder.0)?;
        let mut proxy = Proxy {
            host: String::new(),
            child,
            folder,
        };
        proxy.host = format!("127.0.0.1:{}", proxy.becomes_ready()?);
        Ok(proxy)
    }

    /// Its port.
    fn becomes_ready(&mut self) -> Result<String, String> {
        let until = Instant::now() + GIVE_UP;
        loop {
            let log = self.log();
            let said = log.split_once(" listens at ").and_then(|(_, rest)| {
                let (url, _) = rest.split_once('\n')?;
                url.rsplit(':').next().map(str::to_owned)
            });
            if let Some(port) = said {
                return Ok(port);
            }
            if let Some(status) = self.child.try_wait().map_err(|why| why.to_string())? {
                return Err(format!("it ended with {status}:\n{}", self.log()));
            }
            if Instant::now() > until {
                return Err(format!("it does not listen:\n{log}"));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// What it has written so far, to both of its outputs.
    pub fn log(&self) -> String {
        fs::read(self.folder.0.join("log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Where its `config.yaml` is.
    pub fn config_path(&self) -> PathBuf {
        self.folder.0.join("config.yaml")
    }

    /// Writes another `config.yaml`, and has it read.
    pub fn reload(&self, yaml: &str) {
        fs::write(self.config_path(), yaml).expect("a file");
        let id = self.id().to_string();
        let status = Command::new("kill").args(["-HUP", &id]).status();
        assert!(status.expect("kill runs").success());
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A number out of `/proc/ID/status`: `VmRSS` in kB, `Threads`.
    pub fn status(&self, name: &str) -> usize {
        let path = format!("/proc/{}/status", self.id());
        let text = fs::read_to_string(path).expect("the proxy runs");
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("no {name} in {text}"))
    }

    /// Sends it a signal: `HUP`, `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.expect("kill can be started").success());
    }

    /// The log, as soon as it has this so many times in it.
    #[track_caller]
    pub fn says(&self, what: &str, times: usize) -> String {
        let until = Instant::now() + GIVE_UP;
        loop {
            let log = self.log();
            if log.matches(what).count() >= times {
                return log;
            }
            assert!(
                Instant::now() < until,
                "{what} is not {times} times in\n{log}"
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until it has ended by itself; its exit code, `None` where a signal killed it.
    #[track_caller]
    pub fn ends(&mut self) -> Option<i32> {
        let until = Instant::now() + GIVE_UP;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code();
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.log());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(
    arguments: &[String],
    environment: &[(String, String)],
    folder: &Path,
) -> Result<Child, String> {
    let log = fs::File::create(folder.join("log")).map_err(|why| why.to_string())?;
    command()
        .args(arguments)
        // The keys that the tester may have are not for a test.
        .env("XDG_DATA_HOME", folder.join("data"))
        .env("XDG_STATE_HOME", folder.join("state"))
        .envs(environment.iter().cloned())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(log.try_clone().map_err(|why| why.to_string())?)
        .stdout(log)
        .spawn()
        .map_err(|why| format!("cannot start it: {why}"))
}

/// The command. Nothing of the tester's environment reaches it that could change what it does.
pub fn command() -> Command {
    // Another build, such as one that is optimised, can be named.
    let named = std::env::var_os("MISHIKALLM_BINARY");
    let mut command = Command::new(named.map_or_else(built, PathBuf::from));
    for (name, _) in std::env::vars_os() {
        let lower = name.to_string_lossy().to_ascii_lowercase();
        if lower.starts_with("mishikallm")
            || lower.ends_with("_proxy")
            || matches!(&*lower, "rust_log" | "database_url")
        {
            command.env_remove(&name);
        }
    }
    command
}

/// Cargo builds it for every test, and says where it is; older ones leave it above the test.
fn built() -> PathBuf {
    if let Some(told) = std::env::var_os("CARGO_BIN_EXE_mishikallm") {
        return told.into();
    }
    let test = std::env::current_exe().expect("a path");
    let folder = test.ancestors().nth(2).expect("the folder above deps");
    folder.join("mishikallm")
}

/// A port that nobody listens on. The system hands them out in turn, so that it is not given away before it is used.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound port").port()
}

/// A folder that is gone when this is dropped.
pub struct Folder(pub PathBuf);

impl Folder {
    /// An empty one.
    pub fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "mishikallm-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder for the test");
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

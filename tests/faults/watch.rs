//! A process for each test: what it leaves behind can be counted there, and nobody else's sockets are counted with it.

use crate::alone;
use std::any::type_name;
use std::fs;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long sockets and threads may take to go once nobody holds them.
const SOON: Duration = Duration::from_secs(2);

/// Set: tables are printed.
const TABLE: &str = "FAULTS_TABLE";

/// Runs a test in a process of its own, and sees that no socket and no thread of the library is left when it is over.
#[track_caller]
pub fn alone<T: FnOnce()>(test: T) {
    if alone::told().is_some() {
        keep_time();
        let before = Held::now();
        test();
        before.is_all_that_is_held();
        return;
    }
    // A closure is called after the function that it stands in.
    let name = type_name::<T>().trim_end_matches("::{{closure}}");
    let name = name.split_once("::").map_or(name, |(_crate, name)| name);
    // A test that fails says where by itself, and one that wants a panic is not to wait for the names of functions.
    let child = alone::start(name, "run", &[("RUST_BACKTRACE", "0")]);
    let output = child.wait_with_output().expect("the child's output");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let passed = output.status.success() && text.contains("1 passed");
    assert!(passed, "{text}");
    let rows: Vec<&str> = text.lines().filter(|l| l.starts_with('|')).collect();
    if !rows.is_empty() {
        // Not `println!`, which is kept from those who ran the test.
        let _ = writeln!(io::stdout(), "\n### {name}\n\n{}", rows.join("\n"));
    }
}

/// The longest time that the machine has let a thread of this process wait for its turn, in nanoseconds.
static LATEST: AtomicU64 = AtomicU64::new(0);

/// Sees how late threads are woken here: on a busy machine a test of time measures that, too.
fn keep_time() {
    const TICK: Duration = Duration::from_millis(5);
    thread::spawn(|| {
        loop {
            let began = Instant::now();
            thread::sleep(TICK);
            let late = began.elapsed().saturating_sub(TICK).as_nanos();
            LATEST.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    });
}

/// What a test of time leaves to the machine.
pub fn machine() -> Duration {
    // A wait may be several: of the thread that ends it, of the one that waits, of the server's, and of all that they wake.
    8 * Duration::from_nanos(LATEST.load(Ordering::Relaxed))
}

/// Prints a table where it is wanted.
pub fn print(table: impl FnOnce() -> String) {
    if std::env::var_os(TABLE).is_some() {
        println!("\n{}", table());
    }
}

/// What this process holds of the system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    pub sockets: usize,
    /// Threads that run submitted calls.
    pub threads: usize,
}

impl Held {
    pub fn now() -> Held {
        Held {
            sockets: sockets(),
            threads: threads(),
        }
    }

    /// Waits until no more is held than then.
    #[track_caller]
    pub fn is_all_that_is_held(self) {
        let until = Instant::now() + SOON;
        loop {
            let now = Held::now();
            if now.sockets <= self.sockets && now.threads <= self.threads {
                return;
            }
            assert!(
                Instant::now() < until,
                "left behind: {now:?} after {self:?}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn sockets() -> usize {
    let is_socket = |file: &fs::DirEntry| {
        fs::read_link(file.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
    };
    let files = fs::read_dir("/proc/self/fd").expect("this process's files");
    files.flatten().filter(is_socket).count()
}

fn threads() -> usize {
    let is_ours = |task: &fs::DirEntry| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "mishikallm")
    };
    let tasks = fs::read_dir("/proc/self/task").expect("this process's threads");
    tasks.flatten().filter(is_ours).count()
}

/// The most memory that this process ever had, in bytes.
pub fn most_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("this process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<usize>().ok());
    kilobytes.expect("its peak") << 10
}

//! The server's log, where a model says that it noticed that its client has gone.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs, process, thread};

/// What a model wrote of a cancel.
#[derive(Clone, Copy, Debug)]
pub struct Cancelled {
    /// How many tokens it had made.
    pub tokens: u64,
    /// When it noticed, in milliseconds since 1970.
    at: f64,
}

/// A request's own label, by which its line in the log is found: many tests run at once.
pub fn label(test: &str) -> String {
    static LABELS: AtomicU32 = AtomicU32::new(0);
    format!(
        "{test}-{}-{}",
        process::id(),
        LABELS.fetch_add(1, Ordering::Relaxed)
    )
}

/// What the log says now of the requests with this label.
pub fn look(label: &str) -> Vec<Cancelled> {
    let path =
        env::var("TRITON_LOG").expect("TRITON_LOG is not set: `tests/triton/triton run` sets it");
    let log = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    let whose = format!("({label})");
    let lines = log.lines().filter(|line| line.contains(&whose));
    lines.map(Cancelled::read).collect()
}

/// Waits until the log has it; `None`: it never has, as where the request did not reach the model before it was cancelled.
pub fn wait(label: &str) -> Option<Cancelled> {
    wait_for(label, 1).first().copied()
}

/// Waits until the log has so many; fewer: it never has.
pub fn wait_for(label: &str, count: usize) -> Vec<Cancelled> {
    let mut seen = Vec::new();
    for _ in 0..500 {
        seen = look(label);
        if seen.len() >= count {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    seen
}

impl Cancelled {
    fn read(line: &str) -> Cancelled {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |word| words[words.iter().position(|w| *w == word).unwrap() + 1];
        Cancelled {
            tokens: after("after").parse().unwrap(),
            at: after("at").parse::<f64>().unwrap() * 1e3,
        }
    }

    /// Milliseconds from `since` until the model noticed.
    pub fn after(&self, since: SystemTime) -> f64 {
        self.at - since.duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1e3
    }
}

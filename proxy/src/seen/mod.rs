//! What is seen of requests: the log.

mod record;

use mishikallm::log::{self, Level};
use std::sync::atomic::{AtomicBool, Ordering};

pub use record::{Outcome, Record};

static TELLS: AtomicBool = AtomicBool::new(false);

/// Whether each request is told, and what goes to Triton for it: never a key, a header's value or a text.
pub fn set_level(requests: bool, exchanges: bool) {
    TELLS.store(requests || exchanges, Ordering::Relaxed);
    if exchanges {
        let target = |level: Level, line: &str| eprintln!("{level:?}: {line}");
        log::set(Some(Box::new(target)), Some(Level::Debug));
    }
}

/// A request is over. Called once for each, also when its client hung up.
pub fn finished(record: &Record) {
    if TELLS.load(Ordering::Relaxed) {
        eprintln!("{}", line(record));
    }
}

fn line(record: &Record) -> String {
    let took = record.began.elapsed();
    let outcome = match record.outcome {
        Outcome::HungUp => "the client hung up".to_owned(),
        Outcome::Answered => "answered".to_owned(),
        Outcome::Failed(kind, status) => format!("{status} {kind}"),
    };
    let first = record.first_chunk.map_or(String::new(), |at| {
        let first = at.saturating_duration_since(record.began);
        format!(", first chunk after {:.1} ms", first.as_secs_f64() * 1e3)
    });
    let tokens = record.usage.map_or(String::new(), |usage| {
        format!(", {} tokens", usage.total_tokens)
    });
    format!(
        "{} {} \"{}\" at {}: {outcome} in {:.1} ms ({:.1} ms of them Triton's){first}{tokens}, {} retries, {} fallbacks",
        record.id,
        record.operation.name(),
        record.group.escape_debug(),
        match record.deployment.as_str() {
            "" => "none",
            id => id,
        },
        took.as_secs_f64() * 1e3,
        record.upstream.as_secs_f64() * 1e3,
        record.retries,
        record.fallbacks,
    )
}

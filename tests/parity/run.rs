//! Runs vectors: a server for each, a few at a time, the report in the order of the file.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::judge::{self, Outcome};
use crate::placeholders::{CLOSED_PORT, UPSTREAM, fill};
use crate::reply::Script;
use crate::server::{Bound, ClosedPort};
use crate::vector::{self, Vector};

/// How a vector's operation and request (as JSON) reach the library.
pub type Call = fn(&str, &str) -> Outcome;

const AT_A_TIME: usize = 4;
/// No vector needs this long.
const GIVE_UP: Duration = Duration::from_secs(60);

/// All vectors of the file. Panics when one is not understood, whether or not it runs.
pub fn load() -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("sdk.json")).expect("sdk.json is JSON");
    let vectors = vectors.as_array().expect("sdk.json is a list").clone();
    let unread = |raw: &Value| {
        Vector::read(raw)
            .err()
            .map(|why| format!("{}: {why}", raw["id"]))
    };
    let unread: Vec<String> = vectors.iter().filter_map(unread).collect();
    assert!(
        unread.is_empty(),
        "vectors that are not understood:\n{}",
        unread.join("\n")
    );
    let wanted = std::env::var("PARITY_ONLY").unwrap_or_default();
    vectors
        .into_iter()
        .filter(|raw| raw["id"].as_str().is_some_and(|id| id.contains(&wanted)))
        .collect()
}

/// Runs the vectors with a stream, or those without, and says so in one line. Panics when one fails or none runs.
pub fn all(vectors: &[Value], streams: bool, call: Call) {
    let (run, left): (Vec<&Value>, Vec<&Value>) = vectors
        .iter()
        .partition(|raw| vector::streams(raw) == streams);
    let failed: Vec<String> = outcomes(&run, call).into_iter().flatten().collect();
    let kind = |kind: &str| run.iter().filter(|raw| raw["kind"] == kind).count();
    let (matching, improved) = (kind("match"), kind("improve"));
    let mut report: String = failed.iter().map(|line| format!("FAIL {line}\n")).collect();
    report += &format!(
        "parity: {} vectors ran ({matching} match, {improved} improve)",
        run.len()
    );
    report += &match streams {
        true => ", all of them streaming".to_string(),
        false => format!(", {} streaming left to the stream test", left.len()),
    };
    // Not by println!, which is hidden when a test passes.
    writeln!(std::io::stdout().lock(), "{report}").expect("stdout");
    assert_eq!(
        matching + improved,
        run.len(),
        "a vector of an unknown kind"
    );
    assert!(!run.is_empty(), "no vector ran");
    assert!(
        failed.is_empty(),
        "{} of {} vectors failed",
        failed.len(),
        run.len()
    );
}

/// One entry for each vector, in order: nothing, or the line that says what is wrong.
fn outcomes(vectors: &[&Value], call: Call) -> Vec<Option<String>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(vec![None; vectors.len()]);
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(raw) = vectors.get(at) else { break };
                    let failed = one(raw, call).err();
                    results.lock().expect("no panic in between")[at] = failed;
                }
            });
        }
    });
    results.into_inner().expect("no panic in between")
}

/// Runs one vector against a server of its own.
pub fn one(raw: &Value, call: Call) -> Result<(), String> {
    let (bound, closed) = (Bound::new(), ClosedPort::new());
    let raw = fill(
        raw,
        &[(UPSTREAM, &bound.host()), (CLOSED_PORT, &closed.host)],
    );
    let mut vector = Vector::read(&raw)?;
    let server = bound.serve(
        Script::new(std::mem::take(&mut vector.replies)),
        vector.lookups.clone(),
    );
    let started = Instant::now();
    let outcome = guarded(call, vector.operation.clone(), vector.request.to_string());
    let took = started.elapsed();
    let problems = match outcome {
        Ok(outcome) => judge::problems(&vector, &server.posts(), &outcome, took),
        Err(problem) => vec![problem],
    };
    if problems.is_empty() {
        return Ok(());
    }
    let line = format!("{} ({}): {}", vector.id, vector.kind, problems.join("; "));
    Err(if vector.why.is_empty() {
        line
    } else {
        format!("{line} [why: {}]", vector.why)
    })
}

/// The call in a thread of its own, so that one that panics or never returns is told by its vector's name.
fn guarded(call: Call, operation: String, request: String) -> Result<Outcome, String> {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || done.send(call(&operation, &request)));
    outcome.recv_timeout(GIVE_UP).map_err(|why| match why {
        RecvTimeoutError::Timeout => format!("the call has not returned within {GIVE_UP:?}"),
        RecvTimeoutError::Disconnected => "the call panicked".to_string(),
    })
}

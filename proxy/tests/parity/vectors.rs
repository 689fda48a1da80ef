//! Runs the vectors: an upstream and a proxy for each, a few at a time, the report in the order of the file.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::judge::{self, Seen};
use crate::stage::{KEY, Stage, load};
use crate::vector::{Http, Request, Task};
use running::client::{Connection, ask, request};
use running::common::http::Response;

/// They wait more than they work.
const AT_A_TIME: usize = 8;

/// Those that are requests of ours. Panics when one fails or none runs.
pub fn all() {
    let vectors = load();
    let wanted = std::env::var("PARITY_ONLY").unwrap_or_default();
    let (run, sdk): (Vec<&Value>, Vec<&Value>) = vectors
        .iter()
        .filter(|raw| raw["id"].as_str().is_some_and(|id| id.contains(&wanted)))
        .partition(|raw| raw.get("sdk_call").is_none());
    let failed: Vec<String> = outcomes(&run).into_iter().flatten().collect();
    let mut report: String = failed.iter().map(|line| format!("FAIL {line}\n")).collect();
    report += &format!(
        "parity: {} vectors ran, {} failed, {} left to the test of OpenAI's SDK",
        run.len(),
        failed.len(),
        sdk.len()
    );
    // Not by println!, which is hidden when a test passes.
    writeln!(std::io::stdout().lock(), "{report}").expect("stdout");
    assert!(!run.is_empty(), "no vector ran");
    assert!(
        failed.is_empty(),
        "{} of {} vectors failed",
        failed.len(),
        run.len()
    );
}

/// One entry for each vector, in order: nothing, or the line that says what is wrong.
fn outcomes(vectors: &[&Value]) -> Vec<Option<String>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(vec![None; vectors.len()]);
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(raw) = vectors.get(at) else { break };
                    let failed = one(raw).err();
                    results.lock().expect("no panic in between")[at] = failed;
                }
            });
        }
    });
    results.into_inner().expect("no panic in between")
}

/// Runs one vector.
fn one(raw: &Value) -> Result<(), String> {
    let told = |problem: String| format!("{} ({}): {problem}", raw["id"], raw["kind"]);
    let stage = Stage::new(raw).map_err(told)?;
    let Task::Http(http) = &stage.vector.task else {
        unreachable!("calls in the SDK are another test's");
    };
    let problems = played(&stage, http).unwrap_or_else(|problem| vec![problem]);
    if problems.is_empty() {
        return Ok(());
    }
    let mut line = told(problems.join("; "));
    if !stage.vector.why.is_empty() {
        line += &format!(" [why: {}]", stage.vector.why);
    }
    Err(line)
}

fn played(stage: &Stage, http: &Http) -> Result<Vec<String>, String> {
    let send = |request: &Request| {
        ask(
            &stage.proxy.host,
            &request.method,
            &request.path,
            &request.headers,
            &request.body,
        )
        .map_err(|why| format!("no answer to {} {}: {why}", request.method, request.path))
    };
    for request in &http.before {
        send(request)?;
    }
    let already = stage.server.posts().len();
    let mut answers: Vec<Response> = Vec::new();
    let mut last_posts = 0;
    let mut problems = Vec::new();
    if let Some(seconds) = http.closes_after {
        hang_up(stage, http, seconds)?;
        let within = http.response.closed_within.unwrap_or_default();
        if !stage.server.has_been_left(Duration::from_secs_f64(within)) {
            problems.push(format!(
                "the upstream's connection is still open {within} s after the client's is closed"
            ));
        }
    } else {
        for _ in 0..http.times {
            let before = stage.server.posts().len();
            answers.push(send(&http.request)?);
            last_posts = stage.server.posts().len() - before;
        }
    }
    let posts = stage.server.posts();
    let seen = Seen {
        answers: &answers,
        posts: &posts[already..],
        last_posts,
        secrets: &judge::secrets(stage.vector.config.as_ref(), KEY),
        internal: &[stage.server.host.clone(), stage.closed.host.clone()],
        log: &stage.proxy.log(),
    };
    problems.extend(judge::problems(&stage.vector, http, &seen));
    Ok(problems)
}

/// Reads for that long, then closes the connection in the middle of the answer.
fn hang_up(stage: &Stage, http: &Http, seconds: f64) -> Result<(), String> {
    let wrong = |why: std::io::Error| format!("the stream that is to be left: {why}");
    let sent = &http.request;
    let mut connection = Connection::open(&stage.proxy.host).map_err(wrong)?;
    connection
        .send(&request(
            &sent.method,
            &sent.path,
            &sent.headers,
            &sent.body,
        ))
        .map_err(wrong)?;
    let head = connection.head().map_err(wrong)?;
    if head.status != 200 {
        return Err(format!(
            "the stream that is to be left has status {}",
            head.status
        ));
    }
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < until {
        if connection.some(&mut [0; 1024]).map_err(wrong)? == 0 {
            return Err("the stream ended before it was left".to_string());
        }
    }
    Ok(())
}

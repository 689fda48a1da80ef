//! The vectors of `proxy.json` that are calls in OpenAI's Python SDK: made by that SDK, against the command, before the fake upstream.

#[path = "../parity/stage.rs"]
mod stage;
#[path = "../parity/vector.rs"]
mod vector;
#[path = "../parity/yaml.rs"]
mod yaml;

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use running::common::sent;
use stage::{KEY, Stage, load};
use vector::Task;

/// Where the SDK's part is.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/proxy/sdk/run");

/// What an expectation's words say of the POSTs: how many there are, and what the last one's parameters hold.
fn posts(id: &str) -> (usize, Value) {
    match id {
        "A.openai_sdk.model_retrieve" | "A.openai_sdk.model_retrieve_unknown" => (0, json!({})),
        "A.openai_sdk.wrong_key" => (0, json!({})),
        "A.openai_sdk.chat_err429" | "A.openai_sdk.chat_err503" => (3, json!({})),
        // The error is the first event, so that the other attempts meet it too.
        "A.openai_sdk.stream_firsterr" => (3, json!({})),
        "A.openai_sdk.chat_temperature" => (1, json!({"temperature": 0.2})),
        "A.openai_sdk.chat_extra_body" => (1, json!({"top_k": 4})),
        _ => (1, json!({})),
    }
}

#[test]
fn vectors() {
    let raws: Vec<Value> = load()
        .into_iter()
        .filter(|raw| raw.get("sdk_call").is_some())
        .collect();
    let stages: Vec<Stage> = raws
        .iter()
        .map(|raw| Stage::new(raw).unwrap_or_else(|why| panic!("{}: {why}", raw["id"])))
        .collect();
    let calls: Vec<Value> = stages
        .iter()
        .map(|stage| match &stage.vector.task {
            Task::Sdk { call, expect } => {
                json!({"id": stage.vector.id, "call": call, "expect": expect})
            }
            Task::Http(_) => unreachable!("it has a sdk_call"),
        })
        .collect();
    let mut problems = told(&json!(calls));
    for stage in &stages {
        let (count, parameters) = posts(&stage.vector.id);
        let posts = stage.server.posts();
        if posts.len() != count {
            let told = format!("expected {count} POSTs, got {}", posts.len());
            problems.push(format!("{}: {told}", stage.vector.id));
        }
        for (name, value) in parameters.as_object().into_iter().flatten() {
            let body = posts
                .last()
                .map(|post| sent::body(post).unwrap_or_default());
            let got = &body.unwrap_or_default()["parameters"][name];
            if got != value {
                problems.push(format!("{}: {name} is {got}", stage.vector.id));
            }
        }
        if stage.proxy.log().contains(KEY) {
            problems.push(format!("{}: the log holds the key", stage.vector.id));
        }
    }
    let summary = format!("sdk: {} vectors ran", stages.len());
    writeln!(std::io::stdout().lock(), "{summary}").expect("stdout");
    assert!(!stages.is_empty(), "no vector ran");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What the SDK's part says: a line for each vector that failed. It has to have run all, and to know no others.
fn told(calls: &Value) -> Vec<String> {
    let mut child = Command::new(PROGRAM)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests/proxy/sdk/run can be started");
    let mut input = child.stdin.take().expect("a pipe");
    input
        .write_all(calls.to_string().as_bytes())
        .expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "tests/proxy/sdk/run failed: {text}"
    );
    let results: Value = serde_json::from_str(&text).expect("it prints JSON");
    let ids = |list: &Value| -> Vec<String> {
        list.as_array()
            .into_iter()
            .flatten()
            .map(|one| one["id"].to_string())
            .collect()
    };
    assert_eq!(ids(&results), ids(calls), "it ran others");
    results
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| Some(format!("{}: {}", one["id"], one["problem"].as_str()?)))
        .collect()
}

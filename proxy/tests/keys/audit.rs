//! The audit: who did what, in the log that everyone has, and no secret in it.

use super::*;

/// The lines of the audit.
fn lines(stage: &Stage, times: usize) -> Vec<String> {
    let log = stage.proxy.says(" audit ", times);
    let lines = log.lines().filter(|line| line.contains(" audit "));
    lines.map(str::to_owned).collect()
}

#[test]
fn each_call_leaves_a_line() {
    let stage = Stage::sqlite();
    let told = stage.does(
        "/key/generate",
        json!({"max_budget": 47110.25, "key_alias": "anns"}),
    );
    let (key, hash) = (
        told["key"].as_str().unwrap(),
        told["token"].as_str().unwrap(),
    );
    stage.gets(&format!("/key/info?key={key}"));
    stage.does(
        "/key/update",
        json!({"key": key, "rpm_limit": 815815815, "metadata": {"note": "a-private-note"}}),
    );
    stage.ask(
        MASTER,
        "POST",
        "/key/block",
        &json!({"key": "sk-of-nobody-at-all"}),
    );
    stage.does(&format!("/key/{key}/regenerate"), json!({}));
    stage.does("/team/new", json!({"team_id": "core"}));
    let lines = lines(&stage, 6);
    for (line, parts) in lines.iter().zip([
        &["key/generate", hash, "key_alias,max_budget", "status=200"][..],
        &["key/info", hash, "status=200"],
        &["key/update", hash, "rpm_limit,metadata", "status=200"],
        &["key/block", "status=404"],
        &["key/{key}/regenerate", hash, "status=200"],
        &["team/new", "core", "team_id", "status=200"],
    ]) {
        for part in parts.iter().chain(&["the master key", "call=", " INFO "]) {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }
    let log = stage.proxy.log();
    for secret in [
        key,
        "sk-of-nobody",
        MASTER,
        "47110.25",
        "815815815",
        "a-private-note",
    ] {
        assert!(!log.contains(secret), "{secret} is in\n{log}");
    }
}

#[test]
fn those_that_are_refused_as_well() {
    let stage = Stage::sqlite();
    let plain = stage.key(json!({"key_alias": "anns"}));
    stage.ask(&plain, "POST", "/key/generate", &json!({}));
    stage.ask(
        "sk-of-nobody-at-all",
        "POST",
        "/key/delete",
        &json!({"keys": [plain]}),
    );
    let lines = lines(&stage, 3);
    assert!(
        lines[1].contains("anns") && lines[1].contains("status=403"),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].contains("unknown key") && lines[2].contains("status=401"),
        "{}",
        lines[2]
    );
    let log = stage.proxy.log();
    assert!(
        !log.contains(&plain) && !log.contains("sk-of-nobody"),
        "{log}"
    );
}

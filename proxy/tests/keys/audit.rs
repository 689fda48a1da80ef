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
    let lines = lines(&stage, 5);
    for (line, parts) in lines.iter().zip([
        &["key/generate", hash, "key_alias,max_budget", "status=200"][..],
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

#[test]
fn who_only_looks_is_no_news_unless_it_is_refused() {
    let stage = Stage::sqlite();
    let plain = stage.key(json!({"key_alias": "anns"}));
    for _ in 0..3 {
        stage.gets("/key/list");
        stage.ask(&plain, "GET", "/key/info", &Value::Null);
    }
    stage.ask(&plain, "GET", "/key/list", &Value::Null);
    let lines = lines(&stage, 2);
    assert_eq!(lines.len(), 2, "{lines:?}");
    for part in ["key/list", "anns", "status=403", " INFO "] {
        assert!(lines[1].contains(part), "{part} is not in {}", lines[1]);
    }
}

/// A proxy with such settings, and the file that it keeps keys in.
fn proxy(general: Value, arguments: &[&str]) -> (Proxy, Folder) {
    let folder = Folder::new();
    let mut general = general;
    general["database_url"] = json!(format!("sqlite://{}", folder.0.join("keys.db").display()));
    let model = entry("m", "triton/m", "http://127.0.0.1:1/x/generate");
    let config = json!({"model_list": [model], "general_settings": general}).to_string();
    let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
    let proxy = Proxy::start(Some(&config), &arguments, &[]);
    (proxy.unwrap_or_else(|why| panic!("{why}")), folder)
}

/// Its one line in the audit, in which all of these are.
#[track_caller]
fn says(proxy: &Proxy, parts: &[&str]) {
    let log = proxy.says(" audit ", 1);
    let line = log.lines().find(|line| line.contains(" audit "));
    let line = line.expect("a line");
    for part in parts {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

fn bearer() -> [(String, String); 1] {
    [("authorization".to_owned(), format!("Bearer {MASTER}"))]
}

#[test]
fn with_debug_who_looks_is_told_too() {
    let (proxy, _folder) = proxy(json!({"master_key": MASTER}), &["--debug"]);
    ask(&proxy.host, "GET", "/key/list", &bearer(), b"").expect("an answer");
    says(&proxy, &["DEBUG", "key/list", "status=200"]);
}

#[test]
fn what_does_not_come_to_the_database_leaves_a_line_too() {
    let stage = Stage::sqlite();
    let plain = stage.key(json!({"key_alias": "anns"}));
    stage.ask(MASTER, "GET", "/key/delete", &Value::Null);
    stage.does("/key/update", json!({"key": plain, "duration": "1s"}));
    // It is looked up while it holds, and known from then on.
    stage.ask(&plain, "GET", "/key/info", &Value::Null);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    stage.ask(&plain, "POST", "/key/generate", &json!({}));
    let lines = lines(&stage, 4);
    for (line, parts) in lines[1..].iter().zip([
        &["key/delete", "the master key", "status=405"][..],
        &["key/update", "the master key", "status=200"],
        &["key/generate", "anns", "status=401"],
    ]) {
        for part in parts {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }
}

#[test]
fn a_body_that_is_too_long_leaves_a_line_too() {
    let general = json!({"master_key": MASTER, "max_request_size_mb": 0.001});
    let (proxy, _folder) = proxy(general, &[]);
    let body = [b'x'; 2_000];
    let told = ask(&proxy.host, "POST", "/key/generate", &bearer(), &body).expect("an answer");
    assert_eq!(told.status, 413);
    says(&proxy, &["the master key", "key/generate", "status=413"]);
}

#[test]
fn where_there_is_no_master_key_anyone_was_refused() {
    let (proxy, _folder) = proxy(json!({}), &[]);
    let told = ask(&proxy.host, "POST", "/key/generate", &[], b"{}").expect("an answer");
    assert_eq!(told.status, 400);
    says(&proxy, &["anyone", "key/generate", "status=400"]);
}

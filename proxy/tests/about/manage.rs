//! `mishikallm key` and `team`, beside a server that answers as a proxy would, and remembers what it was asked.

use super::*;
use std::io::Write;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};

const MASTER: &str = "sk-a-key-of-some-length";
const MADE: &str = "sk-0123456789abcdefghij";
/// What the answers have for its hash.
const HASH: &str = "b5e1ae0e2f4b8a5cfa2b7b2e7a5f6b36dd2e0c1e1f5f7d8a9f1c2b3a4d5e6f70";

type Asked = Arc<Mutex<Vec<(String, String, String)>>>;

/// A server that gives these answers to what begins so; anything else is a 404.
struct Fake {
    upstream: Upstream,
    asked: Asked,
}

impl Fake {
    fn new(answers: Vec<(&'static str, u16, Value)>) -> Fake {
        let asked = Asked::default();
        let remembered = asked.clone();
        let upstream = Upstream::new(move |mut peer| {
            while let Some((path, header, body)) = peer.whole_request() {
                let answer = answers.iter().find(|(begin, ..)| path.starts_with(begin));
                remembered.lock().unwrap().push((path, header, body));
                match answer {
                    Some((_, status, answer)) => peer.reply(*status, answer),
                    None => peer.reply(404, &json!({"error": {"message": "no such route"}})),
                }
            }
        });
        Fake { upstream, asked }
    }

    /// The paths, and the bodies that were not empty.
    fn asked(&self) -> Vec<(String, Value)> {
        let asked = self.asked.lock().unwrap();
        let asked = asked.iter().map(|(path, _, body)| {
            let body = serde_json::from_str(body).unwrap_or(Value::Null);
            (path.clone(), body)
        });
        asked.collect()
    }

    fn port(&self) -> String {
        self.upstream.port.to_string()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "")
    }

    /// With this on the standard input.
    fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = running::command();
        command.args(arguments).args(["--port", &self.port()]);
        command.env("MISHIKALLM_MASTER_KEY", MASTER);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command runs");
        // Who asks for nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().expect("it ends")
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Holds it to a success, and gives what it printed.
#[track_caller]
fn printed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", err(output));
    out(output)
}

fn key(alias: &str, hash: &str) -> Value {
    json!({"token": hash, "key_name": "sk-...ghij", "key_alias": alias, "models": [], "spend": 0.5, "blocked": false, "expires": null})
}

fn list(keys: Vec<Value>, page: u64, pages: u64) -> Value {
    json!({"keys": keys, "total_count": 2, "current_page": page, "total_pages": pages})
}

fn made() -> Value {
    with(
        key("alice", HASH),
        &json!({"key": MADE, "max_budget": 5.0, "budget_duration": "30d", "rpm_limit": 60}),
    )
}

#[test]
fn a_new_key_stands_alone_on_the_standard_output() {
    let fake = Fake::new(vec![("/key/generate", 200, made())]);
    let output = fake.run(&[
        "key",
        "create",
        "--alias",
        "alice",
        "--models",
        "chat, triton/*",
        "--duration",
        "90d",
        "--max-budget",
        "5",
        "--budget_duration",
        "30d",
        "--rpm-limit",
        "60",
        "--tpm_limit",
        "none",
        "--max-parallel-requests",
        "4",
        "--user",
        "u",
        "--metadata",
        r#"{"for": "tests"}"#,
        "--allowed-routes",
        "/v1/models",
    ]);
    assert_eq!(printed(&output), format!("{MADE}\n"));
    let said = err(&output);
    assert!(!said.contains(MADE) && said.contains(HASH), "{said}");
    for fact in [
        "alias ",
        "alice\n",
        "$0.5 of $5 / 30d\n",
        "60 rpm\n",
        "keep it",
    ] {
        assert!(said.contains(fact), "{fact}: {said}");
    }
    let body = json!({
        "key_alias": "alice", "duration": "90d", "user_id": "u", "allowed_routes": ["/v1/models"], "models": ["chat", "triton/*"],
        "max_budget": 5.0, "budget_duration": "30d", "rpm_limit": 60, "tpm_limit": null, "max_parallel_requests": 4,
        "metadata": {"for": "tests"},
    });
    assert_eq!(fake.asked(), [("/key/generate".to_owned(), body)]);
    let header = fake.asked.lock().unwrap()[0].1.clone();
    assert!(
        header.contains(&format!("authorization: bearer {MASTER}\r\n")),
        "{header}"
    );
}

#[test]
fn as_json_the_answer_is_as_it_came() {
    let page = list(vec![key("alice", HASH)], 1, 1);
    let fake = Fake::new(vec![
        ("/key/generate", 200, made()),
        ("/key/list", 200, page.clone()),
    ]);
    let output = fake.run(&["key", "create", "--json"]);
    assert_eq!(
        (printed(&output), err(&output)),
        (format!("{}\n", made()), String::new())
    );
    assert_eq!(fake.asked(), [("/key/generate".to_owned(), json!({}))]);
    assert_eq!(
        printed(&fake.run(&["key", "list", "--json"])),
        format!("{page}\n")
    );
}

/// Two pages, with one key on each.
fn two_pages() -> Vec<(&'static str, u16, Value)> {
    let (first, second) = (key("alice", HASH), key("bob\n\x1b[31m", "b5ff0000"));
    let second = with(
        second,
        &json!({"blocked": true, "models": ["chat"], "key_name": "sk-...wxyz"}),
    );
    vec![
        (
            "/key/list?return_full_object=true&sort_by=created_at&sort_order=asc&size=100&page=1&key_alias=",
            200,
            list(vec![], 1, 0),
        ),
        (
            "/key/list?return_full_object=true&sort_by=created_at&sort_order=asc&size=100&page=1",
            200,
            list(vec![first], 1, 2),
        ),
        (
            "/key/list?return_full_object=true&sort_by=created_at&sort_order=asc&size=100&page=2",
            200,
            list(vec![second], 2, 2),
        ),
    ]
}

#[test]
fn a_list_has_all_pages_in_columns() {
    let fake = Fake::new(two_pages());
    let expected = format!(
        "ALIAS  KEY         HASH          MODELS  SPEND  LIMITS  EXPIRES  STATE\n\
         alice  sk-...ghij  {}  all     $0.5   -       never    active\n\
         bob\u{fffd}\u{fffd}[31m  sk-...wxyz  b5ff0000      chat    $0.5   -       never    blocked\n",
        &HASH[..12]
    );
    assert_eq!(printed(&fake.run(&["key", "list"])), expected);
    assert_eq!(fake.asked().len(), 2);
    printed(&fake.run(&["key", "list", "--user", "a b"]));
    assert!(fake.asked()[2].0.ends_with("&user_id=a%20b"));
    let none = Fake::new(vec![("/key/list", 200, list(vec![], 1, 0))]);
    let output = none.run(&["key", "list"]);
    assert_eq!(
        (printed(&output), err(&output)),
        (String::new(), "there are no keys\n".to_owned())
    );
}

/// Runs it with a standard output that nobody reads any more when the answer comes.
fn unread(arguments: &[&str], answer: Value) -> Output {
    let (close, is_closed) = mpsc::channel::<()>();
    let is_closed = Arc::new(Mutex::new(is_closed));
    let upstream = Upstream::new(move |mut peer| {
        if peer.request().is_some() {
            is_closed.lock().unwrap().recv().unwrap();
            peer.reply(200, &answer);
        }
    });
    let mut command = running::command();
    command
        .args(arguments)
        .args(["--port", &upstream.port.to_string()]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command runs");
    drop(child.stdout.take());
    close.send(()).unwrap();
    child.wait_with_output().expect("it ends")
}

#[test]
fn a_reader_that_has_left_is_no_mistake_but_a_key_that_nobody_got_is() {
    let output = unread(&["key", "list"], list(vec![key("alice", HASH)], 1, 2));
    assert_eq!(
        (output.status.code(), err(&output)),
        (Some(0), String::new())
    );
    let output = unread(&["key", "create"], made());
    assert_eq!(output.status.code(), Some(1));
    let said = err(&output);
    assert!(
        said.contains(&HASH[..12]) && said.contains("delete it") && !said.contains(MADE),
        "{said}"
    );
}

#[test]
fn a_key_is_named_by_alias_hash_or_what_is_shown() {
    let mut answers = two_pages();
    let alias = "/key/list?return_full_object=true&sort_by=created_at&sort_order=asc&size=100&page=1&key_alias=alice";
    answers.insert(
        0,
        (
            alias,
            200,
            list(vec![key("alice2", "b5ff0001"), key("alice", HASH)], 1, 1),
        ),
    );
    answers.push(("/key/block", 200, json!({})));
    let fake = Fake::new(answers);
    for (name, token) in [
        ("alice", HASH),
        (HASH, HASH),
        (&HASH[..4], HASH),
        ("B5FF", "b5ff0000"),
        ("sk-...wxyz", "b5ff0000"),
    ] {
        let output = fake.run(&["key", "block", name]);
        assert!(printed(&output).starts_with("blocked: "));
        assert_eq!(
            fake.asked().pop().unwrap(),
            ("/key/block".to_owned(), json!({"key": token})),
            "{name}"
        );
    }
    // Both begin so; and nothing is blocked where one of several is not found.
    let before = fake.asked().len();
    for (names, why) in [
        (vec!["b5"], "no key has the alias \"b5\""),
        (
            vec!["alice", "carol"],
            "no key has the alias \"carol\", and no hash begins so",
        ),
        (vec!["-", "-"], "expected one - at most"),
    ] {
        let output = fake.run(&[vec!["key", "block"], names].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(err(&output).contains(why), "{}", err(&output));
    }
    assert!(
        fake.asked()[before..]
            .iter()
            .all(|(path, _)| path.starts_with("/key/list"))
    );
    let several = Fake::new(vec![
        (
            "/key/list?return_full_object=true&sort_by=created_at&sort_order=asc&size=100&page=1&key_alias=",
            200,
            list(vec![], 1, 0),
        ),
        (
            "/key/list",
            200,
            list(vec![key("a", "abcd1"), key("b", "abcd2")], 1, 1),
        ),
    ]);
    let output = several.run(&["key", "delete", "abcd"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains("means several keys: abcd1 (a), abcd2 (b)"),
        "{}",
        err(&output)
    );
}

#[test]
fn one_that_a_changing_list_tells_twice_is_one() {
    let one = key("a", "abcd1");
    let fake = Fake::new(vec![
        ("/key/list", 200, list(vec![one.clone(), one], 1, 1)),
        ("/key/block", 200, json!({})),
    ]);
    assert_eq!(
        printed(&fake.run(&["key", "block", "abcd"])),
        "blocked: a\n"
    );
}

#[test]
fn a_key_itself_is_taken_as_its_hash_and_best_from_the_standard_input() {
    let fake = Fake::new(vec![
        (
            "/key/info",
            200,
            json!({"key": "x", "info": key("alice", "x")}),
        ),
        ("/key/regenerate", 200, made()),
        ("/key/delete", 200, json!({"deleted_keys": ["x"]})),
    ]);
    let output = fake.run_with(&["key", "info", "-"], &format!("{MADE}\n"));
    assert!(
        printed(&output).contains("alias    alice\n"),
        "{}",
        out(&output)
    );
    assert_eq!(err(&output), "");
    let output = fake.run(&["key", "delete", MADE]);
    assert_eq!(printed(&output), "deleted: sk-...ghij\n");
    assert!(err(&output).contains("shell's history"), "{}", err(&output));
    let output = fake.run_with(&["key", "regenerate", "-"], MADE);
    assert_eq!(printed(&output), format!("{MADE}\n"));
    let output = fake.run(&["key", "info", "-"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains("the standard input: expected a key"),
        "{}",
        err(&output)
    );
    // The key itself went nowhere.
    let asked = format!("{:?}", fake.asked());
    assert!(
        !asked.contains(MADE) && asked.matches(&hash_of_made()).count() == 3,
        "{asked}"
    );
}

/// As the system's own tool has it.
fn hash_of_made() -> String {
    let mut sum = std::process::Command::new("sha256sum");
    let mut sum = sum
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sha256sum");
    sum.stdin
        .take()
        .unwrap()
        .write_all(MADE.as_bytes())
        .unwrap();
    let output = sum.wait_with_output().unwrap();
    out(&output)[..64].to_owned()
}

#[test]
fn changes_are_sent_and_then_told() {
    let fake = Fake::new(vec![
        ("/key/update", 200, json!({"key": HASH, "rpm_limit": null})),
        (
            "/key/info",
            200,
            json!({"key": HASH, "info": key("alice", HASH)}),
        ),
    ]);
    let output = fake.run(&["key", "update", HASH, "--rpm-limit", "none", "--alias", ""]);
    assert!(
        printed(&output).contains("state    active\n"),
        "{}",
        out(&output)
    );
    let (path, body) = fake.asked().swap_remove(0);
    assert_eq!(
        (path.as_str(), body),
        (
            "/key/update",
            json!({"key": HASH, "rpm_limit": null, "key_alias": null})
        )
    );
    let output = fake.run(&["key", "update", HASH, "--rpm-limit", "none", "--json"]);
    assert_eq!(
        printed(&output),
        format!("{}\n", json!({"key": HASH, "rpm_limit": null}))
    );
}

#[test]
fn teams_are_made_listed_changed_and_deleted() {
    let team = json!({
        "team_id": "t1", "team_alias": "research", "models": [], "spend": 1.0, "max_budget": 10.0, "blocked": false, "metadata": {},
    });
    let fake = Fake::new(vec![
        ("/team/new", 200, team.clone()),
        ("/team/list", 200, json!([team])),
        (
            "/team/info",
            200,
            json!({"team_id": "t1", "team_info": team, "keys": [{}, {}]}),
        ),
        ("/team/update", 200, json!({"data": team})),
        ("/team/delete", 200, json!({"deleted_teams": ["t1"]})),
        ("/team/block", 200, team.clone()),
        ("/key/generate", 200, made()),
    ]);
    let output = fake.run(&[
        "team",
        "create",
        "--alias",
        "research",
        "--max_budget",
        "10",
    ]);
    assert_eq!(printed(&output), "t1\n");
    assert!(err(&output).contains("$1 of $10"), "{}", err(&output));
    let expected = "ALIAS     ID  MODELS  SPEND      LIMITS  STATE\nresearch  t1  all     $1 of $10  -       active\n";
    assert_eq!(printed(&fake.run(&["team", "list"])), expected);
    let told = printed(&fake.run(&["team", "info", "research"]));
    assert!(
        told.contains("id      t1\n") && told.contains("keys    2\n"),
        "{told}"
    );
    printed(&fake.run(&["team", "update", "research", "--tpm-limit", "5"]));
    assert!(fake.asked().contains(&(
        "/team/update".to_owned(),
        json!({"team_id": "t1", "tpm_limit": 5})
    )));
    assert_eq!(
        printed(&fake.run(&["team", "block", "t1"])),
        "blocked: t1\n"
    );
    assert_eq!(
        printed(&fake.run(&["team", "delete", "t1", "research"])),
        "deleted: t1\n"
    );
    assert_eq!(fake.asked().pop().unwrap().1, json!({"team_ids": ["t1"]}));
    // A key's team may be named as people call it.
    printed(&fake.run(&["key", "create", "--team", "research"]));
    assert_eq!(fake.asked().pop().unwrap().1, json!({"team_id": "t1"}));
    let output = fake.run(&["key", "create", "--team", "sales"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains("no team has the id or the alias \"sales\""),
        "{}",
        err(&output)
    );
}

#[test]
fn what_was_spent_is_told_by_key_or_by_day() {
    let days = json!([{"startTime": "2026-01-30", "spend": 0.5, "models": {"chat": 0.5}}]);
    let fake = Fake::new(vec![
        ("/spend/keys", 200, json!([key("alice", HASH)])),
        (
            "/global/spend",
            200,
            json!({"spend": 0.75, "max_budget": 0.0}),
        ),
        ("/spend/logs", 200, days.clone()),
    ]);
    let told = printed(&fake.run(&["spend"]));
    assert!(
        told.contains("alice  sk-...ghij") && told.ends_with("in all:  $0.75\n"),
        "{told}"
    );
    let arguments = [
        "spend",
        "--key",
        HASH,
        "--start-date",
        "2026-01-01",
        "--end_date",
        "2026-01-31",
    ];
    let told = printed(&fake.run(&arguments));
    assert_eq!(
        told,
        "DAY         SPEND  MODELS\n2026-01-30  $0.5   chat $0.5\nin all:  $0.5\n"
    );
    let (path, _) = fake.asked().pop().unwrap();
    assert_eq!(
        path,
        format!(
            "/spend/logs?summarize=true&start_date=2026-01-01&end_date=2026-01-31&api_key={HASH}"
        )
    );
    let told = printed(&fake.run(&["spend", "--since", "2026-01-01", "--json"]));
    assert_eq!(told, format!("{days}\n"));
    let (path, _) = fake.asked().pop().unwrap();
    assert!(
        path.contains("start_date=2026-01-01&end_date=20") && !path.contains("api_key"),
        "{path}"
    );
    let output = fake.run(&["spend", "--since", "January"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err(&output).contains("expected a day, such as 2026-01-31"),
        "{}",
        err(&output)
    );
}

#[test]
fn where_the_proxy_is_may_stand_before_the_subcommand_or_behind_it() {
    let fake = Fake::new(vec![("/key/list", 200, list(vec![], 1, 0))]);
    let path = std::env::temp_dir().join(format!("manage-{}.yaml", std::process::id()));
    let list = json!([entry("llm", "triton/llm", "http://h/x/generate")]);
    let config = json!({"model_list": list, "general_settings": {"master_key": MASTER}});
    std::fs::write(&path, config.to_string()).unwrap();
    let (port, config) = (fake.port(), path.to_str().unwrap());
    let place = ["--host", "0.0.0.0", "-p", &port, "--config", config];
    for arguments in [
        [&place[..], &["key", "list"]].concat(),
        [&["key", "list"], &place[..]].concat(),
        [&place[..4], &["key"], &place[4..], &["list"]].concat(),
    ] {
        let output = running::command().args(&arguments).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            err(&output)
        );
        let (_, header, _) = fake.asked.lock().unwrap().pop().unwrap();
        assert!(header.contains(&format!("bearer {MASTER}")), "{header}");
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn what_is_refused_is_one_and_what_is_wrongly_written_is_two() {
    let refused = json!({"error": {"message": "rpm_limit: expected less", "type": "invalid_request_error", "param": "rpm_limit", "code": "400"}});
    let fake = Fake::new(vec![
        ("/key/generate", 400, refused),
        (
            "/key/list",
            401,
            json!({"error": {"message": "the key is not valid"}}),
        ),
        ("/key/info", 200, json!("no object")),
    ]);
    for (arguments, why) in [
        (
            &["key", "create"][..],
            "mishikallm: HTTP 400: rpm_limit: expected less\n",
        ),
        (
            &["key", "list"],
            "mishikallm: HTTP 401: the key is not valid; the key is taken from --config FILE",
        ),
        (&["team", "list"], "mishikallm: HTTP 404: no such route\n"),
    ] {
        let output = fake.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(err(&output).starts_with(why), "{}", err(&output));
        assert_eq!(out(&output), "");
    }
    let asked = fake.asked().len();
    for (arguments, why) in [
        (&["key"][..], "Usage: mishikallm key [OPTIONS] <COMMAND>"),
        (&["key", "block"], "<KEY>"),
        (&["key", "update", HASH], "required arguments"),
        (&["team", "update", "t"], "required arguments"),
        (
            &["key", "create", "--metadata", "[]"],
            "expected a JSON object",
        ),
        (
            &["key", "create", "--duration", "90"],
            "expected a number with s, m, h",
        ),
        (&["key", "create", "--max-budget=-1"], "expected dollars"),
        (
            &["key", "create", "--rpm-limit", "1.5"],
            "expected a whole number",
        ),
        (&["--health", "key", "list"], "--health stands alone"),
        (
            &["--validate_config", "key", "list"],
            "--validate_config stands alone",
        ),
    ] {
        let output = fake.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            err(&output)
        );
        assert!(err(&output).contains(why), "{}", err(&output));
    }
    assert_eq!(fake.asked().len(), asked);
    let port = running::free_port().to_string();
    let output = running::command()
        .args(["key", "list", "--port", &port])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains("is it running there?"),
        "{}",
        err(&output)
    );
}

//! `mishikallm key`, `team` and `spend`, beside a proxy with a database.

use super::*;
use running::client::{Connection, request};
use std::io::Write;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything needs.
const GIVE_UP: Duration = Duration::from_secs(30);

const MASTER: &str = "sk-a-master-key-of-some-length";

/// A proxy whose one model costs a dollar for each token of an answer, and answers with few of them.
fn proxy() -> Proxy {
    let upstream = Upstream::new(|mut peer| {
        while peer.request().is_some() {
            peer.reply(200, &json!({"text_output": "a model"}));
        }
    });
    let mut one = entry("m", "triton/m", &upstream.at("/x/generate"));
    one["mishikallm_params"]["output_cost_per_token"] = json!(1);
    let general = json!({"master_key": MASTER, "database_url": "sqlite:keys.db"});
    Proxy::with_config(&json!({"model_list": [one], "general_settings": general}).to_string())
}

fn run(proxy: &Proxy, arguments: &[&str], input: &str) -> Output {
    let port = proxy.host.rsplit_once(':').unwrap().1;
    let mut command = running::command();
    command.args(arguments).args(["--port", port]);
    command.env("MISHIKALLM_MASTER_KEY", MASTER);
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command runs");
    // Who asks for nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

/// What it prints, if all is done.
#[track_caller]
fn done(proxy: &Proxy, arguments: &[&str]) -> String {
    let output = run(proxy, arguments, "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Why nothing is.
#[track_caller]
fn refused(proxy: &Proxy, arguments: &[&str]) -> String {
    let output = run(proxy, arguments, "");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).expect("UTF-8")
}

/// The status of a chat with a key.
fn chat(proxy: &Proxy, key: &str) -> u16 {
    let body = running::settings::chat(&json!({"max_tokens": 3})).to_string();
    let headers = [("authorization".to_owned(), format!("Bearer {key}"))];
    let path = "/v1/chat/completions";
    ask(&proxy.host, "POST", path, &headers, body.as_bytes())
        .expect("an answer")
        .status
}

/// The same, as soon as this is in it: what was spent is in the database a moment after the answer.
#[track_caller]
fn told_when(proxy: &Proxy, arguments: &[&str], what: &str) -> String {
    let until = Instant::now() + GIVE_UP;
    loop {
        let told = done(proxy, arguments);
        if told.contains(what) {
            return told;
        }
        assert!(Instant::now() < until, "no {what} in\n{told}");
    }
}

#[test]
fn a_key_lives_from_create_to_delete() {
    let proxy = proxy();
    let made = done(
        &proxy,
        &[
            "key",
            "create",
            "--alias",
            "alice",
            "--models",
            "m",
            "--max-budget",
            "100",
            "--duration",
            "1h",
        ],
    );
    let key = made.trim_end();
    assert!(
        key.starts_with("sk-") && made.lines().count() == 1,
        "{made}"
    );
    assert_eq!(chat(&proxy, key), 200);

    let shown = format!("sk-...{}", &key[key.len() - 4..]);
    let told = told_when(&proxy, &["key", "info", "alice"], "spend    $2 of $100\n");
    assert!(
        told.contains(&format!("key      {shown}\n")) && told.contains("state    active\n"),
        "{told}"
    );
    let hash = told
        .lines()
        .find_map(|line| line.strip_prefix("hash     "))
        .expect("its hash");
    for name in [hash, &hash[..8], shown.as_str()] {
        assert_eq!(done(&proxy, &["key", "info", name]), told, "{name}");
    }
    let output = run(&proxy, &["key", "info", "-"], &made);
    assert_eq!(String::from_utf8_lossy(&output.stdout), told);
    let listed = done(&proxy, &["key", "list"]);
    assert!(
        listed.contains(&format!("alice  {shown}  {}  m", &hash[..12])),
        "{listed}"
    );

    assert_eq!(done(&proxy, &["key", "block", "alice"]), "blocked: alice\n");
    assert_eq!(chat(&proxy, key), 401);
    assert_eq!(
        done(&proxy, &["key", "unblock", hash]),
        format!("unblocked: {}\n", &hash[..12])
    );
    assert_eq!(chat(&proxy, key), 200);

    let told = done(
        &proxy,
        &[
            "key",
            "update",
            "alice",
            "--max-budget",
            "none",
            "--rpm-limit",
            "5",
            "--duration",
            "none",
        ],
    );
    assert!(
        told.contains("limits   5 rpm\n") && told.contains("expires  never\n"),
        "{told}"
    );
    let again = done(&proxy, &["key", "regenerate", "alice"]);
    assert_eq!(
        (chat(&proxy, key), chat(&proxy, again.trim_end())),
        (401, 200)
    );
    assert_eq!(
        done(&proxy, &["key", "delete", "alice"]),
        "deleted: alice\n"
    );
    assert_eq!(chat(&proxy, again.trim_end()), 401);
    assert!(
        refused(&proxy, &["key", "delete", "alice"]).contains("no key has the alias \"alice\"")
    );
    assert!(!proxy.log().contains(key));
}

#[test]
fn what_was_spent_is_told() {
    let proxy = proxy();
    let made = done(&proxy, &["key", "create", "--alias", "alice"]);
    assert_eq!(
        (chat(&proxy, made.trim_end()), chat(&proxy, MASTER)),
        (200, 200)
    );
    told_when(&proxy, &["spend"], "in all:  $4\n");
    // The keys were asked for before the sum, maybe too early.
    let told = done(&proxy, &["spend"]);
    assert!(
        told.contains("alice  sk-...") && told.contains("  $2\n"),
        "{told}"
    );
    let told = done(&proxy, &["spend", "--key", "alice"]);
    assert!(
        told.contains("  $2     m $2\n") && told.contains("in all:  $2\n"),
        "{told}"
    );
    assert_eq!(
        done(&proxy, &["spend", "--until", "2026-01-01"]),
        "in all:  $0\n"
    );
}

#[test]
fn what_the_proxy_refuses_is_told_in_its_words() {
    let proxy = proxy();
    done(&proxy, &["key", "create", "--alias", "alice"]);
    assert!(
        refused(&proxy, &["key", "create", "--alias", "alice"]).contains("key_alias: expected")
    );
    assert!(
        refused(&proxy, &["key", "create", "--allowed-routes", "x"])
            .contains("allowed_routes[0]: expected")
    );
    assert!(refused(&proxy, &["key", "info", &"0".repeat(64)]).contains("HTTP 404"));
    assert!(refused(&proxy, &["spend", "--key", "nobody"]).contains("no key has the alias"));
}

#[test]
fn a_list_goes_on_behind_its_first_page() {
    let proxy = proxy();
    let headers = [("authorization".to_owned(), format!("Bearer {MASTER}"))];
    let mut connection = Connection::open(&proxy.host).expect("a connection");
    for number in 0..101 {
        let body = json!({"key_alias": format!("number {number}")}).to_string();
        connection
            .send(&request("POST", "/key/generate", &headers, body.as_bytes()))
            .unwrap();
        assert_eq!(connection.json().0, 200);
    }
    let listed = done(&proxy, &["key", "list"]);
    assert_eq!(listed.lines().count(), 102, "{listed}");
    let mut aliases: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(alias, _)| alias)
        .collect();
    aliases.sort_unstable();
    aliases.dedup();
    assert_eq!(aliases.len(), 102);
    assert_eq!(done(&proxy, &["key", "list", "--json"]).lines().count(), 2);
}

#[test]
fn a_team_holds_for_its_keys() {
    let proxy = proxy();
    let id = done(
        &proxy,
        &[
            "team",
            "create",
            "--alias",
            "research",
            "--max-budget",
            "100",
            "--models",
            "m",
        ],
    );
    let key = done(&proxy, &["key", "create", "--team", "research"]);
    let key = key.trim_end();
    assert_eq!(chat(&proxy, key), 200);
    let told = done(&proxy, &["team", "info", id.trim_end()]);
    assert!(
        told.contains("keys    1\n") && told.contains("alias   research\n"),
        "{told}"
    );
    assert_eq!(
        done(&proxy, &["key", "list", "--team", "research"])
            .lines()
            .count(),
        2
    );
    done(&proxy, &["team", "block", "research"]);
    assert_eq!(chat(&proxy, key), 401);
    done(&proxy, &["team", "unblock", "research"]);
    assert_eq!(chat(&proxy, key), 200);
    let told = done(&proxy, &["team", "update", "research", "--rpm-limit", "60"]);
    assert!(told.contains("limits  60 rpm\n"), "{told}");
    assert!(done(&proxy, &["team", "list"]).contains("60 rpm"));
    done(&proxy, &["team", "delete", "research"]);
    assert_eq!(chat(&proxy, key), 401);
}

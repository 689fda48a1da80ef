//! `mishikallm key`: what is asked about virtual keys, and how the answers are told to people.

use super::http::Peer;
use super::list::{self, Pages, encoded};
use super::named::{self, Found};
use super::table::{self, Table};
use super::teams;
use super::words;
use super::{call, note, say, show};
use crate::cli::manage::{CreateKey, Form, KeyRules, Keys, ListKeys, OneKey, SomeKeys, UpdateKey};
use crate::keys::Time;
use http::Method;
use serde_json::{Map, Value, json};
use std::process::ExitCode;

/// Asks it.
pub async fn run(peer: &Peer, asked: &Keys) -> Result<ExitCode, String> {
    match asked {
        Keys::Create(asked) => create(peer, asked).await,
        Keys::List(asked) => list(peer, asked).await,
        Keys::Info(asked) => info(peer, asked).await,
        Keys::Update(asked) => update(peer, asked).await,
        Keys::Delete(asked) => delete(peer, asked).await,
        Keys::Block(asked) => each(peer, asked, "/key/block", "blocked").await,
        Keys::Unblock(asked) => each(peer, asked, "/key/unblock", "unblocked").await,
        Keys::Regenerate(asked) => regenerate(peer, asked).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

async fn create(peer: &Peer, asked: &CreateKey) -> Result<(), String> {
    let fields = Value::Object(fields(peer, &asked.rules).await?);
    let made = call(peer, Method::POST, "/key/generate", Some(&fields)).await?;
    hand_over(&made, asked.form)
}

/// A team may be named by its alias.
async fn fields(peer: &Peer, rules: &KeyRules) -> Result<Map<String, Value>, String> {
    let mut fields = rules.fields();
    if let Some(Value::String(team)) = fields.get_mut("team_id") {
        *team = teams::find(peer, team).await?;
    }
    Ok(fields)
}

async fn regenerate(peer: &Peer, asked: &OneKey) -> Result<(), String> {
    let Found { token, .. } = named::find(peer, &asked.key).await?;
    let body = json!({"key": token});
    let made = call(peer, Method::POST, "/key/regenerate", Some(&body)).await?;
    hand_over(&made, asked.form)
}

/// Prints a key that nobody will see again, and the rest beside it.
fn hand_over(made: &Value, form: Form) -> Result<(), String> {
    let key = made["key"].as_str();
    let key = key.ok_or("expected \"key\" in the proxy's answer")?;
    let line = match form.json {
        true => made.to_string(),
        false => words::clean(key),
    };
    say(&line).map_err(|why| {
        let hash = words::prefix(hash(made));
        format!(
            "a key was made, and {why}; its hash begins with {hash}: delete it, or regenerate it"
        )
    })?;
    if !form.json {
        let facts = table::facts(&facts(made, Time::now()));
        note(&format!("{facts}The key is not shown again: keep it."));
    }
    Ok(())
}

async fn list(peer: &Peer, asked: &ListKeys) -> Result<(), String> {
    let team = match &asked.team {
        Some(team) => Some(teams::find(peer, team).await?),
        None => None,
    };
    let filters = [
        ("team_id", team.as_deref()),
        ("user_id", asked.user.as_deref()),
    ];
    let mut pages = Pages::new(peer, &filters);
    let mut table = Table::new(COLUMNS);
    let mut has_any = false;
    while let Some(answer) = pages.next().await? {
        has_any |= !list::keys(&answer).is_empty();
        let lines = match asked.form.json {
            true => format!("{answer}\n"),
            false => {
                let now = Time::now();
                let rows = list::keys(&answer).iter().map(|key| row(key, now));
                table.lines(&rows.collect::<Vec<_>>())
            }
        };
        if !show(&lines)? {
            return Ok(());
        }
    }
    if !has_any && !asked.form.json {
        note("there are no keys");
    }
    Ok(())
}

async fn info(peer: &Peer, asked: &OneKey) -> Result<(), String> {
    let Found { token, .. } = named::find(peer, &asked.key).await?;
    tell(peer, &token, asked.form).await
}

async fn tell(peer: &Peer, token: &str, form: Form) -> Result<(), String> {
    let path = format!("/key/info?key={}", encoded(token));
    let answer = call(peer, Method::GET, &path, None).await?;
    show(&match form.json {
        true => format!("{answer}\n"),
        false => {
            let mut key = answer["info"].clone();
            if hash(&key).is_null() && key.is_object() {
                key["token"] = json!(token);
            }
            table::facts(&facts(&key, Time::now()))
        }
    })?;
    Ok(())
}

async fn update(peer: &Peer, asked: &UpdateKey) -> Result<(), String> {
    let Found { token, .. } = named::find(peer, &asked.key).await?;
    let mut fields = fields(peer, &asked.rules).await?;
    fields.insert("key".to_owned(), json!(token));
    let body = Value::Object(fields);
    let answer = call(peer, Method::POST, "/key/update", Some(&body)).await?;
    match asked.form.json {
        true => show(&format!("{answer}\n")).map(drop),
        false => tell(peer, &token, asked.form).await,
    }
}

async fn delete(peer: &Peer, asked: &SomeKeys) -> Result<(), String> {
    let keys = named::find_all(peer, &asked.keys).await?;
    let tokens: Vec<&str> = keys.iter().map(|key| key.token.as_str()).collect();
    let body = json!({"keys": tokens});
    let answer = call(peer, Method::POST, "/key/delete", Some(&body)).await?;
    show(&match asked.form.json {
        true => format!("{answer}\n"),
        false => keys.iter().map(|key| done("deleted", key)).collect(),
    })?;
    Ok(())
}

/// One request for each.
async fn each(peer: &Peer, asked: &SomeKeys, path: &str, is: &str) -> Result<(), String> {
    for key in named::find_all(peer, &asked.keys).await? {
        let body = json!({"key": key.token});
        let answer = call(peer, Method::POST, path, Some(&body)).await;
        let answer = answer.map_err(|why| format!("{}: {why}", key.called))?;
        show(&match asked.form.json {
            true => format!("{answer}\n"),
            false => done(is, &key),
        })?;
    }
    Ok(())
}

fn done(is: &str, key: &Found) -> String {
    format!("{is}: {}\n", key.called)
}

/// Of the list.
const COLUMNS: [&str; 8] = [
    "ALIAS", "KEY", "HASH", "MODELS", "SPEND", "LIMITS", "EXPIRES", "STATE",
];

/// Letters of an alias, or of the names of models, in the list.
const CELL: usize = 40;

fn row(key: &Value, now: Time) -> [String; 8] {
    [
        words::short(&words::text(&key["key_alias"]), CELL),
        words::text(&key["key_name"]),
        words::prefix(hash(key)),
        words::short(&words::list(&key["models"], "all"), CELL),
        words::spend(key),
        words::limits(key),
        words::expiry(key),
        words::state(key, now).to_owned(),
    ]
}

/// The reference has two names for it.
pub(super) fn hash(key: &Value) -> &Value {
    match &key["token"] {
        Value::Null => &key["token_id"],
        token => token,
    }
}

/// All that is known of a key; what it has not got is left out.
fn facts(key: &Value, now: Time) -> Vec<(&'static str, String)> {
    let all = [
        ("alias", words::text(&key["key_alias"])),
        ("key", words::text(&key["key_name"])),
        ("hash", words::text(hash(key))),
        ("state", words::state(key, now).to_owned()),
        ("models", words::list(&key["models"], "all")),
        ("spend", words::spend(key)),
        ("next period", words::time(&key["budget_reset_at"])),
        ("limits", words::limits(key)),
        ("expires", words::expiry(key)),
        ("team", words::text(&key["team_id"])),
        ("user", words::text(&key["user_id"])),
        (
            "routes",
            words::list(&key["allowed_routes"], words::NOTHING),
        ),
        ("metadata", words::text(&key["metadata"])),
        ("made", words::time(&key["created_at"])),
    ];
    let is_there = |(_, fact): &(&str, String)| fact != words::NOTHING;
    all.into_iter().filter(is_there).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        Time::parse("2026-01-31").unwrap()
    }

    #[test]
    fn a_row_tells_whose_key_it_is_and_what_is_left_of_it() {
        let key = json!({
            "token": "0123456789abcdef", "key_name": "sk-...wxyz", "key_alias": "alice", "models": ["chat", "triton/*"],
            "spend": 0.25, "max_budget": 5.0, "budget_duration": "30d", "rpm_limit": 60, "expires": "2026-03-01T00:00:00Z",
        });
        let expected = [
            "alice",
            "sk-...wxyz",
            "0123456789ab",
            "chat, triton/*",
            "$0.25 of $5 / 30d",
            "60 rpm",
            "2026-03-01 00:00",
            "active",
        ];
        assert_eq!(row(&key, now()), expected);
        let bare = json!({"token": "0123456789abcdef", "key_name": "sk-...wxyz", "blocked": true});
        let expected = [
            "-",
            "sk-...wxyz",
            "0123456789ab",
            "all",
            "$0",
            "-",
            "never",
            "blocked",
        ];
        assert_eq!(row(&bare, now()), expected);
    }

    #[test]
    fn facts_are_those_that_are_there() {
        let key = json!({
            "token_id": "abc", "key_name": "sk-...wxyz", "key_alias": null, "models": [], "spend": 0, "metadata": {"for": "tests"},
            "team_id": "t", "allowed_routes": [], "created_at": "2026-01-30T10:11:12Z",
        });
        let facts = table::facts(&facts(&key, now()));
        let expected = "key       sk-...wxyz\nhash      abc\nstate     active\nmodels    all\nspend     $0\nexpires   never\n\
            team      t\nmetadata  {\"for\":\"tests\"}\nmade      2026-01-30 10:11\n";
        assert_eq!(facts, expected);
    }
}

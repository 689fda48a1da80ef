//! `mishikallm team`: what is asked about teams, and how the answers are told to people.

use super::http::Peer;
use super::list::encoded;
use super::table::{self, Table};
use super::words;
use super::{call, note, say, show};
use crate::cli::manage::{CreateTeam, Form, OneTeam, SomeTeams, Teams, UpdateTeam};
use http::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Asks it.
pub async fn run(peer: &Peer, asked: &Teams) -> Result<ExitCode, String> {
    match asked {
        Teams::Create(asked) => create(peer, asked).await,
        Teams::List(form) => list(peer, *form).await,
        Teams::Info(asked) => info(peer, asked).await,
        Teams::Update(asked) => update(peer, asked).await,
        Teams::Delete(asked) => delete(peer, asked).await,
        Teams::Block(asked) => each(peer, asked, "/team/block", "blocked").await,
        Teams::Unblock(asked) => each(peer, asked, "/team/unblock", "unblocked").await,
    }?;
    Ok(ExitCode::SUCCESS)
}

async fn create(peer: &Peer, asked: &CreateTeam) -> Result<(), String> {
    let fields = Value::Object(asked.fields());
    let made = call(peer, Method::POST, "/team/new", Some(&fields)).await?;
    let id = made["team_id"].as_str();
    let id = id.ok_or("/team/new: expected \"team_id\" in the proxy's answer")?;
    match asked.form.json {
        true => say(&made.to_string()),
        false => {
            say(&words::clean(id))?;
            note(table::facts(&facts(&made)).trim_end());
            Ok(())
        }
    }
}

async fn list(peer: &Peer, form: Form) -> Result<(), String> {
    let all = all(peer).await?;
    if form.json {
        return show(&format!("{}\n", Value::Array(all))).map(drop);
    }
    match all.as_slice() {
        [] => note("there are no teams"),
        all => {
            let rows: Vec<_> = all.iter().map(row).collect();
            show(&Table::new(COLUMNS).lines(&rows))?;
        }
    }
    Ok(())
}

/// Teams on a page.
const PAGE: usize = 100;

/// All teams, page by page.
async fn all(peer: &Peer) -> Result<Vec<Value>, String> {
    let mut all: Vec<Value> = Vec::new();
    for page in 1.. {
        let path = format!("/team/list?page={page}&page_size={PAGE}");
        let answer = call(peer, Method::GET, &path, None).await?;
        let some = teams(&answer);
        let is_last = some.len() != PAGE;
        let before = all.len();
        // Of a list that changes meanwhile one may come twice; of a server that knows no pages all of them do.
        let is_new = |team: &&Value| all.iter().all(|known| known["team_id"] != team["team_id"]);
        let new: Vec<Value> = some.iter().filter(is_new).cloned().collect();
        all.extend(new);
        if is_last || all.len() == before {
            break;
        }
    }
    Ok(all)
}

/// Those of a list.
fn teams(answer: &Value) -> &[Value] {
    let list = answer.as_array().or(answer["teams"].as_array());
    list.map_or(&[], Vec::as_slice)
}

/// The id of the team that is named so.
///
/// Errors: there is none, there are several, or the proxy does not answer.
pub async fn find(peer: &Peer, name: &str) -> Result<String, String> {
    choose(&all(peer).await?, name)
}

fn choose(all: &[Value], name: &str) -> Result<String, String> {
    let ids = |field: &str| {
        let named = all.iter().filter(|team| team[field] == name);
        named.filter_map(|team| team["team_id"].as_str()).collect()
    };
    let by_id: Vec<&str> = ids("team_id");
    let found = match by_id.is_empty() {
        true => ids("team_alias"),
        false => by_id,
    };
    let name = words::clean(name);
    match found.as_slice() {
        [id] => Ok((*id).to_owned()),
        [] => Err(format!(
            "no team has the id or the alias \"{name}\": mishikallm team list shows them"
        )),
        several => Err(format!(
            "\"{name}\" is the alias of several teams: expected an id, one of {}",
            words::clean(&several.join(", "))
        )),
    }
}

async fn info(peer: &Peer, asked: &OneTeam) -> Result<(), String> {
    let id = find(peer, &asked.team).await?;
    tell(peer, &id, asked.form).await
}

async fn tell(peer: &Peer, id: &str, form: Form) -> Result<(), String> {
    let path = format!("/team/info?team_id={}", encoded(id));
    let answer = call(peer, Method::GET, &path, None).await?;
    show(&match form.json {
        true => format!("{answer}\n"),
        false => {
            let mut all = facts(&answer["team_info"]);
            if let Some(keys) = answer["keys"].as_array() {
                all.push(("keys", keys.len().to_string()));
            }
            table::facts(&all)
        }
    })?;
    Ok(())
}

async fn update(peer: &Peer, asked: &UpdateTeam) -> Result<(), String> {
    let id = find(peer, &asked.team).await?;
    let mut fields = asked.fields();
    fields.insert("team_id".to_owned(), json!(id));
    let body = Value::Object(fields);
    let answer = call(peer, Method::POST, "/team/update", Some(&body)).await?;
    match asked.form.json {
        true => show(&format!("{answer}\n")).map(drop),
        false => tell(peer, &id, asked.form).await,
    }
}

/// Nothing is done where one of them is not found.
async fn ids(peer: &Peer, names: &[String]) -> Result<Vec<String>, String> {
    let all = all(peer).await?;
    let mut ids = Vec::new();
    for name in names {
        let id = choose(&all, name)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

async fn delete(peer: &Peer, asked: &SomeTeams) -> Result<(), String> {
    let ids = ids(peer, &asked.teams).await?;
    let body = json!({"team_ids": ids});
    let answer = call(peer, Method::POST, "/team/delete", Some(&body)).await?;
    show(&match asked.form.json {
        true => format!("{answer}\n"),
        false => ids.iter().map(|id| done("deleted", id)).collect(),
    })?;
    Ok(())
}

/// One request for each.
async fn each(peer: &Peer, asked: &SomeTeams, path: &str, is: &str) -> Result<(), String> {
    for id in ids(peer, &asked.teams).await? {
        let body = json!({"team_id": id});
        let answer = call(peer, Method::POST, path, Some(&body)).await;
        let answer = answer.map_err(|why| format!("{}: {why}", words::clean(&id)))?;
        show(&match asked.form.json {
            true => format!("{answer}\n"),
            false => done(is, &id),
        })?;
    }
    Ok(())
}

fn done(is: &str, id: &str) -> String {
    format!("{is}: {}\n", words::clean(id))
}

/// Of the list.
const COLUMNS: [&str; 6] = ["ALIAS", "ID", "MODELS", "SPEND", "LIMITS", "STATE"];

/// Letters of an alias, or of the names of models, in the list.
const CELL: usize = 40;

fn row(team: &Value) -> [String; 6] {
    [
        words::short(&words::text(&team["team_alias"]), CELL),
        words::text(&team["team_id"]),
        words::short(&words::list(&team["models"], "all"), CELL),
        words::spend(team),
        words::limits(team),
        words::state(team, crate::keys::Time(0)).to_owned(),
    ]
}

/// All that is known of a team; what it has not got is left out.
fn facts(team: &Value) -> Vec<(&'static str, String)> {
    let [alias, id, _, spend, limits, state] = row(team);
    let all = [
        ("alias", alias),
        ("id", id),
        ("state", state),
        ("models", words::list(&team["models"], "all")),
        ("spend", spend),
        ("next period", words::time(&team["budget_reset_at"])),
        ("limits", limits),
        ("metadata", words::text(&team["metadata"])),
        ("made", words::time(&team["created_at"])),
    ];
    let is_there = |(_, fact): &(&str, String)| fact != words::NOTHING;
    all.into_iter().filter(is_there).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_is_named_by_its_id_or_by_an_alias_that_no_other_has() {
        let all = [
            json!({"team_id": "1", "team_alias": "a"}),
            json!({"team_id": "2", "team_alias": "b"}),
            json!({"team_id": "3", "team_alias": "b"}),
            json!({"team_id": "a", "team_alias": null}),
        ];
        assert_eq!(choose(&all, "1").as_deref(), Ok("1"));
        assert_eq!(choose(&all, "a").as_deref(), Ok("a"));
        assert!(choose(&all, "b").unwrap_err().ends_with("one of 2, 3"));
        assert!(choose(&all, "c\n").unwrap_err().contains("\"c\u{fffd}\""));
        assert_eq!(choose(&all[..1], "a").as_deref(), Ok("1"));
    }

    #[test]
    fn a_row_tells_what_a_team_may_use() {
        let team = json!({
            "team_id": "t", "team_alias": "research", "models": ["chat"], "spend": 1.5, "max_budget": 10, "blocked": false,
            "max_parallel_requests": 4,
        });
        let expected = [
            "research",
            "t",
            "chat",
            "$1.5 of $10",
            "4 at once",
            "active",
        ];
        assert_eq!(row(&team), expected);
        assert_eq!(teams(&json!({"teams": [team.clone()]})).len(), 1);
        assert_eq!(teams(&json!([team])).len(), 1);
        assert!(teams(&Value::Null).is_empty());
    }
}

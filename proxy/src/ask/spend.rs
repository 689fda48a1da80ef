//! `mishikallm spend`: by key since ever, or by day.

use super::call;
use super::http::Peer;
use super::keys::hash;
use super::list::encoded;
use super::named;
use super::table::{self, Table};
use super::words;
use super::{note, show};
use crate::cli::manage::Spend;
use crate::keys::Time;
use http::Method;
use serde_json::Value;
use std::process::ExitCode;

/// Days that are told where it is not said how many.
const DAYS: i64 = 30;

const DAY: i64 = 86_400_000;

/// Asks it.
pub async fn run(peer: &Peer, asked: &Spend) -> Result<ExitCode, String> {
    match (&asked.key, &asked.start, &asked.end) {
        (None, None, None) => by_key(peer, asked).await,
        _ => by_day(peer, asked).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

async fn by_key(peer: &Peer, asked: &Spend) -> Result<(), String> {
    let keys = call(peer, Method::GET, "/spend/keys", None).await?;
    let total = call(peer, Method::GET, "/global/spend", None).await?;
    show(&match asked.form.json {
        true => format!("{keys}\n{total}\n"),
        false => keys_and_total(&keys, &total),
    })?;
    Ok(())
}

fn keys_and_total(keys: &Value, total: &Value) -> String {
    let keys = keys.as_array().into_iter().flatten();
    let spent = keys.filter(|key| amount(key) > 0.0);
    let rows = spent.map(|key| {
        [
            words::short(&words::text(&key["key_alias"]), 40),
            words::text(&key["key_name"]),
            words::prefix(hash(key)),
            words::dollars(amount(key)),
        ]
    });
    let mut table = Table::new(["ALIAS", "KEY", "HASH", "SPEND"]);
    table.lines(&rows.collect::<Vec<_>>()) + &in_all(amount(total))
}

fn in_all(spend: f64) -> String {
    table::facts(&[("in all:", words::dollars(spend))])
}

fn amount(of: &Value) -> f64 {
    of["spend"].as_f64().unwrap_or(0.0)
}

async fn by_day(peer: &Peer, asked: &Spend) -> Result<(), String> {
    let (start, end) = days(asked, Time::now());
    let mut path = format!("/spend/logs?summarize=true&start_date={start}&end_date={end}");
    if let Some(key) = &asked.key {
        let found = named::find(peer, key).await?;
        path += &format!("&api_key={}", encoded(&found.token));
    }
    let answer = call(peer, Method::GET, &path, None).await?;
    match asked.form.json {
        true => show(&format!("{answer}\n"))?,
        false => show(&days_and_total(&answer))?,
    };
    if !asked.form.json {
        note(&format!("from {start} to {end}, in UTC"));
    }
    Ok(())
}

/// The first and the last day that are asked for.
fn days(asked: &Spend, now: Time) -> (String, String) {
    let day = |time: Time| time.text().chars().take("2026-01-31".len()).collect();
    let end: String = asked.end.clone().unwrap_or_else(|| day(now));
    let start = asked.start.clone().unwrap_or_else(|| {
        let last = Time::parse(&end).unwrap_or(now);
        day(Time(last.0.saturating_sub((DAYS - 1) * DAY)))
    });
    (start, end)
}

fn days_and_total(days: &Value) -> String {
    let days: Vec<&Value> = days.as_array().into_iter().flatten().collect();
    let spent = days.iter().filter(|day| amount(day) > 0.0);
    let rows = spent.map(|day| {
        let models = day["models"].as_object().into_iter().flatten();
        let models = models.map(|(model, spend)| {
            let spend = words::dollars(spend.as_f64().unwrap_or(0.0));
            format!("{} {spend}", words::clean(model))
        });
        [
            words::text(&day["startTime"]),
            words::dollars(amount(day)),
            models.collect::<Vec<_>>().join(", "),
        ]
    });
    let lines = Table::new(["DAY", "SPEND", "MODELS"]).lines(&rows.collect::<Vec<_>>());
    lines + &in_all(days.iter().map(|day| amount(day)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn thirty_days_are_told_where_none_are_named() {
        let now = Time::parse("2026-03-01T10:00:00Z").unwrap();
        let of = |start: Option<&str>, end: Option<&str>| {
            let spend = Spend {
                key: None,
                start: start.map(str::to_owned),
                end: end.map(str::to_owned),
                form: Default::default(),
            };
            let (start, end) = days(&spend, now);
            format!("{start} {end}")
        };
        assert_eq!(of(None, None), "2026-01-31 2026-03-01");
        assert_eq!(of(None, Some("2026-01-30")), "2026-01-01 2026-01-30");
        assert_eq!(of(Some("2026-02-02"), None), "2026-02-02 2026-03-01");
    }

    #[test]
    fn who_spent_nothing_is_not_told() {
        let keys = json!([
            {"token": "0123456789abcdef", "key_name": "sk-...wxyz", "key_alias": "alice", "spend": 1.5},
            {"token": "fedcba9876543210", "key_name": "sk-...abcd", "key_alias": null, "spend": 0.0},
        ]);
        let told = keys_and_total(&keys, &json!({"spend": 2.0}));
        let expected = "ALIAS  KEY         HASH          SPEND\nalice  sk-...wxyz  0123456789ab  $1.5\nin all:  $2\n";
        assert_eq!(told, expected);
        assert_eq!(keys_and_total(&json!([]), &Value::Null), "in all:  $0\n");
    }

    #[test]
    fn days_add_up() {
        let days = json!([
            {"startTime": "2026-01-30", "spend": 0.5, "models": {"chat": 0.25, "em\u{1b}bed": 0.25}},
            {"startTime": "2026-01-31", "spend": 0.0, "models": {}},
            {"startTime": "2026-02-01", "spend": 0.25, "models": {"chat": 0.25}},
        ]);
        let expected = "DAY         SPEND  MODELS\n2026-01-30  $0.5   chat $0.25, em\u{fffd}bed $0.25\n\
            2026-02-01  $0.25  chat $0.25\nin all:  $0.75\n";
        assert_eq!(days_and_total(&days), expected);
    }
}

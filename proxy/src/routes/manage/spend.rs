//! What was spent: single requests, days, keys, and all together.

use super::MASTER;
use super::desk::{Caller, Desk};
use super::fault::{not_yours, of_store};
use super::query::{self, Page, Query};
use super::shown::object;
use crate::keys::{Money, Time, Token};
use crate::spend::report::{self, By, Filter, Sum};
use crate::spend::row::Row;
use mishikallm::Result;
use serde_json::{Map, Value, json};

/// Days that are told at once.
const DAYS: i64 = 3_660;

const DAY: i64 = 86_400_000;

/// `/spend/logs`: requests, the newest first, or sums for each day of a time; and how many there are.
pub async fn logs(desk: &Desk<'_>, caller: Caller<'_>, query: &Query) -> Result<(Value, u64)> {
    let filter = filter(desk, caller, query)?;
    let by_day = query.switch("summarize", true)?;
    match (filter.start, filter.end) {
        (Some(_), Some(end)) if by_day => {
            let days = days(desk, filter, end).await?;
            let total = days.as_array().map_or(0, Vec::len);
            Ok((days, total as u64))
        }
        _ => {
            let page = Page::of_long(query)?;
            let work = move |pool| report::logs(pool, filter, page.page, page.size);
            let logs = desk.store.report(work).await.map_err(of_store)?;
            Ok((logs.rows.iter().map(row).collect(), logs.total))
        }
    }
}

/// `/spend/logs/v2`: the same requests, page by page.
pub async fn pages(desk: &Desk<'_>, caller: Caller<'_>, query: &Query) -> Result<Value> {
    let filter = filter(desk, caller, query)?;
    let page = Page::read(query, ("page_size", 50))?;
    let work = move |pool| report::logs(pool, filter, page.page, page.size);
    let logs = desk.store.report(work).await.map_err(of_store)?;
    Ok(json!({
        "data": logs.rows.iter().map(row).collect::<Value>(),
        "total": logs.total,
        "page": page.page,
        "page_size": page.size,
        "total_pages": page.count(logs.total),
    }))
}

/// `/spend/keys`: those that spent most first.
pub async fn keys(desk: &Desk<'_>) -> Result<Value> {
    let now = desk.now;
    let work = move |pool| report::keys(pool, now, query::MOST);
    let keys = desk.store.report(work).await.map_err(of_store)?;
    let told = keys.iter().map(|key| {
        json!({
            "token": key.token,
            "key_name": key.key_name,
            "key_alias": key.key_alias,
            "team_id": key.team_id,
            "user_id": key.user_id,
            "spend": key.spend,
        })
    });
    Ok(told.collect())
}

/// `/global/spend`: the reference's limit for all together is none here, which it tells as zero.
pub async fn total(desk: &Desk<'_>) -> Result<Value> {
    let spend = desk.store.run(report::total).await.map_err(of_store)?;
    Ok(json!({"spend": spend, "max_budget": 0.0}))
}

fn filter(desk: &Desk<'_>, caller: Caller<'_>, query: &Query) -> Result<Filter> {
    let text = |name: &str| query.text(name).map(str::to_owned);
    let named = query.text("api_key");
    let of_master = named.is_some_and(|key| key == MASTER || desk.is_master(key));
    let mut token = named.filter(|_| !of_master).map(Token::named);
    if let Caller::Own(key) = caller {
        if of_master || token.is_some_and(|token| token != key.token) {
            return Err(not_yours("api_key"));
        }
        token = Some(key.token);
    }
    let status = query.word("status_filter", &["success", "failure"])?;
    let end = query.text("end_date");
    Ok(Filter {
        request_id: text("request_id"),
        token,
        of_master,
        team_id: text("team_id"),
        user_id: text("user_id"),
        end_user: text("end_user"),
        model_group: text("model"),
        start: query
            .text("start_date")
            .map(|at| time("start_date", at))
            .transpose()?,
        // A day is wholly meant.
        end: end
            .map(|at| time("end_date", at).map(|time| after(at, time)))
            .transpose()?,
        has_failed: status.map(|at| at == 1),
    })
}

fn time(field: &str, text: &str) -> Result<Time> {
    let text = text.trim();
    let iso = match text.split_once(' ') {
        // The reference's own form, in UTC.
        Some((day, time)) => format!("{day}T{time}Z"),
        None => text.to_owned(),
    };
    let expected = "a date such as 2026-01-31, or 2026-01-31 23:59:59 in UTC";
    Time::parse(&iso).ok_or_else(|| super::fields::change::told(field, expected, "another text"))
}

/// The first moment that a time is over which a request ends with: a day, or a second.
fn after(text: &str, time: Time) -> Time {
    match text.trim().len() <= "2026-01-31".len() {
        true => Time(time.0.saturating_add(DAY)),
        false => Time(time.0.saturating_add(1)),
    }
}

/// Sums of days on which something was spent, and of those that follow.
async fn days(desk: &Desk<'_>, filter: Filter, end: Time) -> Result<Value> {
    let mut sums = Vec::new();
    for by in [By::Key, By::User, By::Model] {
        let filter = filter.clone();
        let work = move |pool| report::sums(pool, filter, vec![By::Day, by]);
        sums.push(desk.store.report(work).await.map_err(of_store)?);
    }
    let [keys, users, models] = [&sums[0], &sums[1], &sums[2]];
    Ok(by_day(
        keys,
        users,
        models,
        Time(end.0.min(desk.now.0 + DAY)),
    ))
}

/// Each of the sums is of a day and something else.
fn by_day(keys: &[Sum], users: &[Sum], models: &[Sum], end: Time) -> Value {
    let mut days: Vec<(String, Money, Map<String, Value>)> = Vec::new();
    for sum in keys {
        let [day, key] = &sum.of[..] else { continue };
        if days.last().is_none_or(|last| last.0 != *day) {
            days.push((day.clone(), Money::ZERO, Map::new()));
        }
        if let Some((_, spend, entries)) = days.last_mut() {
            *spend += sum.spend;
            let key = if key.is_empty() { MASTER } else { key };
            entries.insert(key.to_owned(), json!(sum.spend));
        }
    }
    let of = |sums: &[Sum], day: &str| -> Value {
        let own = sums
            .iter()
            .filter(|sum| sum.of.first().is_some_and(|d| d == day));
        let named = own.filter_map(|sum| Some((sum.of.get(1)?.clone(), json!(sum.spend))));
        Value::Object(named.collect())
    };
    let last = days.last().map(|(day, ..)| day.clone());
    let mut told: Vec<Value> = days
        .into_iter()
        .map(|(day, spend, mut entries)| {
            entries.extend(object(json!({
            "startTime": day, "spend": spend, "users": of(users, &day), "models": of(models, &day),
        })));
            Value::Object(entries)
        })
        .collect();
    if let Some(last) = last.and_then(|day| Time::parse(&day)) {
        let next = (1..DAYS).map(|n| Time(last.0.saturating_add(n * DAY)));
        told.extend(next.take_while(|at| *at < end).map(|at| {
            let day = &at.text()[.."2026-01-31".len()];
            json!({"startTime": day, "spend": 0.0, "users": {}, "models": {}})
        }));
    }
    Value::Array(told)
}

/// A request, with the reference's names.
fn row(row: &Row<'_>) -> Value {
    let token = row.token.map(|token| token.to_string());
    json!({
        "request_id": row.request_id,
        "call_type": row.call_type,
        "api_key": token.as_deref().unwrap_or(MASTER),
        "spend": row.spend,
        "total_tokens": row.prompt_tokens.saturating_add(row.completion_tokens),
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "startTime": row.started_at,
        "endTime": row.ended_at,
        "completionStartTime": row.first_chunk_at,
        "model": row.model,
        "model_group": row.model_group,
        "model_id": row.model_id,
        "user": row.user_id,
        "team_id": row.team_id,
        "end_user": row.end_user,
        "status": if row.status < 400 { "success" } else { "failure" },
        "metadata": {"status_code": row.status},
        "cache_hit": "False",
        "request_tags": [],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(day: &str, of: &str, dollars: f64) -> Sum {
        Sum {
            of: vec![day.to_owned(), of.to_owned()],
            requests: 1,
            prompt_tokens: 1,
            completion_tokens: 1,
            spend: Money::from_dollars(dollars).unwrap(),
        }
    }

    #[test]
    fn days_are_told_as_the_reference_tells_them() {
        let keys = [sum("2026-01-30", "k1", 0.5), sum("2026-01-30", "", 0.25)];
        let users = [sum("2026-01-30", "ann", 0.75)];
        let models = [sum("2026-01-30", "m", 0.75)];
        let told = by_day(&keys, &users, &models, Time::parse("2026-02-01").unwrap());
        let expected = json!([
            {
                "startTime": "2026-01-30", "spend": 0.75, "k1": 0.5, "mishikallm_proxy_master_key": 0.25,
                "users": {"ann": 0.75}, "models": {"m": 0.75},
            },
            {"startTime": "2026-01-31", "spend": 0.0, "users": {}, "models": {}},
        ]);
        assert_eq!(told, expected);
        assert_eq!(by_day(&[], &[], &[], Time(5)), json!([]));
    }

    #[test]
    fn a_day_at_the_end_is_wholly_meant() {
        let end = |text: &str| after(text, time("end_date", text).unwrap());
        assert_eq!(end("2026-01-31"), Time::parse("2026-02-01").unwrap());
        let second = Time::parse("2026-01-31T23:59:59Z").unwrap();
        assert_eq!(end("2026-01-31 23:59:59"), Time(second.0 + 1));
        assert_eq!(
            time("start_date", "today").unwrap_err().param(),
            Some("start_date")
        );
    }

    #[test]
    fn a_request_is_told_with_the_references_names() {
        let of = Row {
            request_id: "r".into(),
            token: Some(Token::of(b"k")),
            prompt_tokens: 3,
            completion_tokens: 4,
            spend: Money::from_dollars(0.5).unwrap(),
            status: 499,
            ..Row::default()
        };
        let told = row(&of);
        assert_eq!(
            (&told["total_tokens"], &told["spend"]),
            (&json!(7), &json!(0.5))
        );
        assert_eq!(told["api_key"], Token::of(b"k").to_string());
        assert_eq!(told["status"], "failure");
        assert_eq!(
            row(&Row::default())["api_key"],
            "mishikallm_proxy_master_key"
        );
    }
}

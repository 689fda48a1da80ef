//! How keys and teams are told to people: money, limits, times, states. What others have written is made harmless for a terminal.

use crate::keys::Time;
use serde_json::Value;

/// Nothing is there.
pub const NOTHING: &str = "-";

/// A text on one line, without what moves a terminal's cursor or turns the line around.
pub fn clean(text: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let harmless = |c: char| match c.is_control() || turns(c) {
        true => char::REPLACEMENT_CHARACTER,
        false => c,
    };
    text.chars().map(harmless).collect()
}

/// A text out of JSON; what is no text is as JSON has it.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) => clean(text),
        Value::Object(object) if object.is_empty() => NOTHING.to_owned(),
        other => clean(&other.to_string()),
    }
}

/// At most so many characters.
pub fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

/// The first letters of a hash: enough to name it by.
pub fn prefix(hash: &Value) -> String {
    clean(hash.as_str().unwrap_or(NOTHING))
        .chars()
        .take(12)
        .collect()
}

/// Dollars, as exactly as a millionth.
pub fn dollars(amount: f64) -> String {
    let text = format!("{amount:.6}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        "0" | "-0" if amount > 0.0 => "<$0.000001".to_owned(),
        "-0" => "$0".to_owned(),
        text => format!("${text}"),
    }
}

/// What was spent of what may be spent.
pub fn spend(of: &Value) -> String {
    let spent = dollars(of["spend"].as_f64().unwrap_or(0.0));
    match (
        of["max_budget"].as_f64(),
        of["budget_duration"].as_str().map(clean),
    ) {
        (None, _) => spent,
        (Some(most), None) => format!("{spent} of {}", dollars(most)),
        (Some(most), Some(each)) => format!("{spent} of {} / {each}", dollars(most)),
    }
}

/// Its limits, in few letters.
pub fn limits(of: &Value) -> String {
    let limit = |field: &str, unit: &str| of[field].as_u64().map(|n| format!("{n} {unit}"));
    let all = [
        limit("rpm_limit", "rpm"),
        limit("tpm_limit", "tpm"),
        limit("max_parallel_requests", "at once"),
    ];
    join(all.into_iter().flatten(), NOTHING)
}

/// All of a list; an empty one is `none`.
pub fn list(names: &Value, none: &str) -> String {
    join(names.as_array().into_iter().flatten().map(text), none)
}

fn join(texts: impl Iterator<Item = String>, none: &str) -> String {
    match texts.collect::<Vec<_>>().join(", ") {
        empty if empty.is_empty() => none.to_owned(),
        texts => texts,
    }
}

/// A time to the minute, in UTC.
pub fn time(value: &Value) -> String {
    let Some(written) = value.as_str() else {
        return text(value);
    };
    match Time::parse(written).map(|time| time.text()) {
        Some(time) if time.len() > "2026-01-31T23:59".len() => {
            time[.."2026-01-31T23:59".len()].replace('T', " ")
        }
        _ => clean(written),
    }
}

/// When it is refused.
pub fn expiry(of: &Value) -> String {
    match &of["expires"] {
        Value::Null => "never".to_owned(),
        at => time(at),
    }
}

/// Whether it is taken.
pub fn state(of: &Value, now: Time) -> &'static str {
    let expires = of["expires"].as_str().and_then(Time::parse);
    match expires {
        _ if of["blocked"] == true => "blocked",
        Some(at) if at <= now => "expired",
        _ => "active",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_others_wrote_moves_no_cursor() {
        assert_eq!(
            text(&json!("a\x1b[2J\nb\u{202e}c")),
            "a\u{fffd}[2J\u{fffd}b\u{fffd}c"
        );
        assert_eq!(text(&json!("Zoë")), "Zoë");
        assert_eq!(text(&json!({"a": 1})), "{\"a\":1}");
        for nothing in [json!(null), json!(""), json!({})] {
            assert_eq!(text(&nothing), "-");
        }
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(short("abc", 3), "abc");
        assert_eq!(short("äbcd", 3), "äb…");
        assert_eq!(prefix(&json!("0123456789abcdef")), "0123456789ab");
        assert_eq!(prefix(&Value::Null), "-");
    }

    #[test]
    fn money_is_told_as_exactly_as_people_read_it() {
        for (amount, text) in [
            (0.0, "$0"),
            (-0.0, "$0"),
            (5.0, "$5"),
            (10.0, "$10"),
            (1.25, "$1.25"),
            (0.000_012, "$0.000012"),
            (1e-9, "<$0.000001"),
            (-0.5, "$-0.5"),
        ] {
            assert_eq!(dollars(amount), text);
        }
        assert_eq!(spend(&json!({"spend": 0.1})), "$0.1");
        assert_eq!(spend(&json!({"spend": 1, "max_budget": 5})), "$1 of $5");
        let each = json!({"spend": null, "max_budget": 5, "budget_duration": "30d"});
        assert_eq!(spend(&each), "$0 of $5 / 30d");
    }

    #[test]
    fn limits_are_those_that_are_there() {
        let all = json!({"rpm_limit": 60, "tpm_limit": null, "max_parallel_requests": 5});
        assert_eq!(limits(&all), "60 rpm, 5 at once");
        assert_eq!(limits(&json!({})), "-");
        assert_eq!(list(&json!(["a", "b"]), "all"), "a, b");
        assert_eq!(list(&json!([]), "all"), "all");
        assert_eq!(list(&Value::Null, "all"), "all");
    }

    #[test]
    fn a_key_is_active_until_it_expires_or_is_blocked() {
        let now = Time::parse("2026-01-31T12:00:00Z").unwrap();
        let key = |expires: Value, blocked: Value| json!({"expires": expires, "blocked": blocked});
        let (past, then) = (
            json!("2026-01-31T12:00:00Z"),
            json!("2026-01-31T12:00:01.5Z"),
        );
        assert_eq!(state(&key(Value::Null, Value::Null), now), "active");
        assert_eq!(state(&key(then.clone(), json!(false)), now), "active");
        assert_eq!(state(&key(past, json!(false)), now), "expired");
        assert_eq!(state(&key(then.clone(), json!(true)), now), "blocked");
        assert_eq!(expiry(&key(then, json!(false))), "2026-01-31 12:00");
        assert_eq!(expiry(&json!({})), "never");
        assert_eq!(time(&json!("some day")), "some day");
    }
}

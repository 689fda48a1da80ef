//! What the options of keys and teams take, as the JSON that is sent. What is wrong is told before anything is sent.

use crate::keys::{Every, Time, duration, money};
use serde_json::{Value, json};

/// In place of a limit: there is none.
pub const NONE: &str = "none";

/// Dollars.
pub fn dollars(text: &str) -> Result<Value, String> {
    or_none(text, || match text.trim_start_matches('$').parse::<f64>() {
        Ok(n) if (0.0..=money::MOST_DOLLARS).contains(&n) => Ok(json!(n)),
        _ => Err(format!(
            "expected dollars, from 0 to {}, or none",
            money::MOST_DOLLARS
        )),
    })
}

/// A number of requests or tokens.
pub fn count(text: &str) -> Result<Value, String> {
    or_none(text, || match text.parse::<u64>() {
        Ok(n) if i64::try_from(n).is_ok() => Ok(json!(n)),
        _ => Err("expected a whole number, or none".to_owned()),
    })
}

/// A duration.
pub fn every(text: &str) -> Result<Value, String> {
    or_none(text, || match Every::parse(text) {
        Some(every) => Ok(json!(every.to_string())),
        None => Err(format!("expected {}, or none", duration::EXPECTED)),
    })
}

fn or_none(text: &str, read: impl Fn() -> Result<Value, String>) -> Result<Value, String> {
    match text {
        NONE => Ok(Value::Null),
        _ => read(),
    }
}

/// Names with commas between them.
pub fn names(text: &str) -> Result<Value, String> {
    let names = text.split(',').map(str::trim);
    Ok(names.filter(|name| !name.is_empty()).collect())
}

/// One name; an empty one is none.
pub fn name(text: &str) -> Result<Value, String> {
    match text.trim() {
        "" => Ok(Value::Null),
        name => Ok(json!(name)),
    }
}

/// An object.
pub fn object(text: &str) -> Result<Value, String> {
    let expected = "expected a JSON object, such as '{\"name\": \"value\"}'";
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(Value::Object(object)),
        Ok(_) => Err(expected.to_owned()),
        Err(e) => Err(format!(
            "{expected}; what stands at column {} is no JSON",
            e.column()
        )),
    }
}

/// A day, as `2026-01-31`.
pub fn day(text: &str) -> Result<String, String> {
    match Time::parse(text) {
        Some(_) if text.len() == "2026-01-31".len() => Ok(text.to_owned()),
        _ => Err("expected a day, such as 2026-01-31".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_numbers_or_none() {
        assert_eq!(dollars("0.5"), Ok(json!(0.5)));
        assert_eq!(dollars("$5"), Ok(json!(5.0)));
        assert_eq!(count("60"), Ok(json!(60)));
        assert_eq!(every("30d"), Ok(json!("30d")));
        for read in [dollars, count, every] {
            assert_eq!(read("none"), Ok(Value::Null));
            for wrong in ["", "-1", "nan", "x", "99999999999999999999"] {
                let why = read(wrong).unwrap_err();
                assert!(why.starts_with("expected "), "{wrong}: {why}");
            }
        }
    }

    #[test]
    fn names_stand_between_commas() {
        assert_eq!(names("a, b,"), Ok(json!(["a", "b"])));
        assert_eq!(names(""), Ok(json!([])));
        assert_eq!(name("a"), Ok(json!("a")));
        assert_eq!(name(""), Ok(Value::Null));
    }

    #[test]
    fn metadata_is_an_object() {
        assert_eq!(object(r#"{"a": 1}"#), Ok(json!({"a": 1})));
        assert!(object("[]").is_err());
        assert!(object("{a: 1}").unwrap_err().contains("column 2"));
    }

    #[test]
    fn a_day_has_no_hour() {
        assert_eq!(day("2026-01-31").as_deref(), Ok("2026-01-31"));
        assert!(day("2026-01-32").is_err() && day("2026-01-31T00:00:00Z").is_err());
    }
}

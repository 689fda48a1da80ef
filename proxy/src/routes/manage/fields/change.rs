//! What a request says of one field: nothing, that it be cleared, or what it shall be.

use mishikallm::json::{Fields, as_whole, kind};
use mishikallm::{Error, Result};
use serde_json::{Map, Value};

/// A field of a request. Where something new is made, cleared and absent come to the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Change<T> {
    /// It is absent.
    #[default]
    Keep,
    /// It is `null`, or an empty text.
    Clear,
    /// It is this.
    Set(T),
}

impl<T> Change<T> {
    /// Changes what may be absent.
    pub fn apply(self, to: &mut Option<T>) {
        match self {
            Change::Keep => {}
            Change::Clear => *to = None,
            Change::Set(value) => *to = Some(value),
        }
    }

    /// Changes what is always there; cleared it is empty.
    pub fn fill(self, to: &mut T)
    where
        T: Default,
    {
        match self {
            Change::Keep => {}
            Change::Clear => *to = T::default(),
            Change::Set(value) => *to = value,
        }
    }

    /// What it shall be, if that is said.
    pub fn value(self) -> Option<T> {
        match self {
            Change::Set(value) => Some(value),
            Change::Keep | Change::Clear => None,
        }
    }

    fn map<U>(self, f: impl FnOnce(T) -> Result<U>) -> Result<Change<U>> {
        Ok(match self {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(value) => Change::Set(f(value)?),
        })
    }
}

/// A mistake in a field: what was expected, and what came.
pub fn wrong(field: &str, expected: &str, got: &Value) -> Error {
    told(field, expected, &kind(got))
}

/// The same where the kind of what came does not say what is wrong with it.
pub fn told(field: &str, expected: &str, got: &str) -> Error {
    Error::argument(field, format!("{field}: expected {expected}, got {got}"))
}

/// A field that must be there.
pub fn needed<T>(field: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::argument(field, format!("{field}: expected it, got nothing")))
}

/// Takes a field as it is.
pub fn raw(fields: &mut Fields, field: &str) -> Change<Value> {
    let is_null = fields
        .iter()
        .any(|(key, value)| key == field && is_none(value));
    match fields.take(field) {
        _ if is_null => Change::Clear,
        Some(value) => Change::Set(value),
        None => Change::Keep,
    }
}

/// Forms send an empty text where there is nothing.
fn is_none(value: &Value) -> bool {
    matches!(value, Value::Null) || value.as_str() == Some("")
}

/// Takes a text of at most so many bytes, in one line.
pub fn text(fields: &mut Fields, field: &str, most: usize) -> Result<Change<String>> {
    raw(fields, field).map(|value| match value {
        Value::String(text) => line(field, text, most),
        other => Err(wrong(field, "a string", &other)),
    })
}

/// A text of at most so many bytes, in one line.
pub fn line(field: &str, text: String, most: usize) -> Result<String> {
    if text.len() > most {
        let expected = format!("at most {most} bytes");
        return Err(told(field, &expected, &text.len().to_string()));
    }
    match text.chars().any(char::is_control) {
        true => Err(told(field, "one line of text", "control characters")),
        false => Ok(text),
    }
}

/// Takes a whole number from zero on; the reference takes one in a text as well.
pub fn whole(fields: &mut Fields, field: &str, most: u64) -> Result<Change<u64>> {
    raw(fields, field).map(|value| {
        let number = match &value {
            Value::String(text) => text.trim().parse().ok(),
            other => as_whole(other),
        };
        number.filter(|n| *n <= most).ok_or_else(|| {
            let expected = format!("a whole number from 0 to {most}");
            wrong(field, &expected, &value)
        })
    })
}

/// Takes a number; the reference takes one in a text as well.
pub fn number(fields: &mut Fields, field: &str, expected: &str) -> Result<Change<f64>> {
    raw(fields, field).map(|value| {
        let number = match &value {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        };
        let number = number.filter(|n: &f64| n.is_finite());
        number.ok_or_else(|| wrong(field, expected, &value))
    })
}

/// Takes a switch; the reference takes one in a text as well.
pub fn switch(fields: &mut Fields, field: &str) -> Result<Change<bool>> {
    raw(fields, field).map(|value| match &value {
        Value::Bool(on) => Ok(*on),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(wrong(field, "true or false", &value)),
    })
}

/// Takes a list of texts, each of at most so many bytes; one text is a list of one.
pub fn texts(
    fields: &mut Fields,
    field: &str,
    count: usize,
    most: usize,
) -> Result<Change<Vec<String>>> {
    raw(fields, field).map(|value| {
        let items = match value {
            Value::Array(items) => items,
            text @ Value::String(_) => vec![text],
            other => return Err(wrong(field, "a list of strings", &other)),
        };
        if items.len() > count {
            let expected = format!("at most {count} entries");
            return Err(told(field, &expected, &items.len().to_string()));
        }
        let items = items.into_iter().enumerate();
        let read = items.map(|(i, item)| {
            let field = format!("{field}[{i}]");
            match item {
                Value::String(text) if !text.is_empty() => line(&field, text, most),
                Value::String(_) => Err(told(&field, "a string", "an empty one")),
                other => Err(wrong(&field, "a string", &other)),
            }
        });
        read.collect()
    })
}

/// Takes an object that is of at most so many bytes when it is written.
pub fn object(fields: &mut Fields, field: &str, most: usize) -> Result<Change<Map<String, Value>>> {
    raw(fields, field).map(|value| match value {
        Value::Object(map) => {
            let bytes = serde_json::to_string(&map).map_or(usize::MAX, |text| text.len());
            match bytes <= most {
                true => Ok(map),
                false => {
                    let expected = format!("an object of at most {most} bytes");
                    Err(told(field, &expected, &bytes.to_string()))
                }
            }
        }
        other => Err(wrong(field, "an object", &other)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        Fields::new(value.as_object().unwrap().clone())
    }

    #[test]
    fn absent_null_and_there_are_three_things() {
        for (body, expected) in [
            (json!({}), Change::Keep),
            (json!({"n": null}), Change::Clear),
            (json!({"n": ""}), Change::Clear),
            (json!({"n": 5}), Change::Set(5)),
            (json!({"n": "5"}), Change::Set(5)),
            (json!({"n": 5.0}), Change::Set(5)),
            (json!({"n": 0}), Change::Set(0)),
        ] {
            assert_eq!(whole(&mut fields(body), "n", 9).unwrap(), expected);
        }
    }

    #[test]
    fn a_mistake_tells_the_field_and_never_its_text() {
        for value in [
            json!(-1),
            json!(10),
            json!(1.5),
            json!("sk-secret"),
            json!([]),
        ] {
            let e = whole(&mut fields(json!({"n": value})), "n", 9).unwrap_err();
            assert_eq!((e.http_status(), e.param()), (400, Some("n")));
            assert!(
                e.message()
                    .starts_with("n: expected a whole number from 0 to 9"),
                "{e}"
            );
            assert!(!e.message().contains("secret"), "{e}");
        }
        let e = texts(&mut fields(json!({"l": ["a", 5]})), "l", 9, 9).unwrap_err();
        assert_eq!(e.message(), "l[1]: expected a string, got the number 5");
        let e = text(&mut fields(json!({"t": "two\nlines"})), "t", 99).unwrap_err();
        assert_eq!(
            e.message(),
            "t: expected one line of text, got control characters"
        );
    }

    #[test]
    fn what_is_too_long_is_refused() {
        assert!(text(&mut fields(json!({"t": "abcd"})), "t", 4).is_ok());
        assert!(text(&mut fields(json!({"t": "abcde"})), "t", 4).is_err());
        assert!(texts(&mut fields(json!({"l": ["a", "b"]})), "l", 1, 9).is_err());
        assert!(object(&mut fields(json!({"o": {"a": "b"}})), "o", 9).is_ok());
        assert!(object(&mut fields(json!({"o": {"a": "bc"}})), "o", 9).is_err());
    }

    #[test]
    fn changes_are_made_to_what_is_there() {
        let mut limit = Some(1);
        Change::Keep.apply(&mut limit);
        assert_eq!(limit, Some(1));
        Change::Set(2).apply(&mut limit);
        assert_eq!(limit, Some(2));
        Change::Clear.apply(&mut limit);
        assert_eq!(limit, None);
        let mut list = vec![1];
        Change::Clear.fill(&mut list);
        assert!(list.is_empty());
    }
}

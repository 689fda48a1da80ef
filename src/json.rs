//! Reading the caller's JSON: every mistake becomes an error that names the field, says what was expected and what came.
//!
//! What came is told by its kind, never by its text: a string may be a prompt or a key.

mod out;
mod pairs;

use crate::error::{Error, Result};
use crate::limits;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::fmt;

pub use out::{Out, is_plain};
pub use pairs::Pairs;

/// A JSON object whose known fields are taken out one by one; what is left belongs to somebody else.
///
/// A list, not a map: a request has a handful of fields and is asked for many that it does not have. What is left keeps
/// the caller's order.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    entries: Vec<(String, Value)>,
    /// The [`mark`] of each entry that was ever here: most keys that are asked for are not.
    marks: u64,
    /// Where the object stands, such as `triton.`; empty at the top.
    path: String,
    /// A field that is still text, see [`object_with_raw`].
    raw: Option<(String, Box<RawValue>)>,
}

/// One of 64 bits for a key. Two keys may have the same.
#[inline]
const fn mark(key: &str) -> u64 {
    let bytes = key.as_bytes();
    let n = match bytes {
        [] => 0,
        [first, .., last] => bytes.len() + 7 * *first as usize + 23 * *last as usize,
        [one] => *one as usize,
    };
    1 << (n % 64)
}

/// Says what a value is, for the end of an error message.
pub fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => format!("the boolean {b}"),
        Value::Number(n) => format!("the number {n}"),
        Value::String(_) => "a string".into(),
        Value::Array(a) if a.is_empty() => "an empty list".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

/// Parses `text` as one JSON object. `what` names it in messages, such as `request_json`.
pub fn object(what: &str, text: &str) -> Result<Fields> {
    object_with_raw(what, text, None)
}

/// The same, but the value of the field `raw` stays text until [`Fields::take_raw`]: its numbers keep all their digits, and
/// a list of millions becomes no tree of values.
pub fn object_with_raw(what: &str, text: &str, raw: Option<&str>) -> Result<Fields> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let top = TopSeed { raw }
        .deserialize(&mut deserializer)
        .and_then(|top| deserializer.end().map(|()| top));
    match top {
        Ok(Top::Object(entries, _)) if entries.len() > limits::FIELDS => Err(Error::argument(
            what,
            format!(
                "{what}: expected at most {} fields, got {}",
                limits::FIELDS,
                entries.len()
            ),
        )),
        Ok(Top::Object(entries, text)) => {
            let mut fields = Fields::from_entries(entries);
            fields.raw = raw.map(str::to_owned).zip(text);
            Ok(fields)
        }
        Ok(Top::Other(other)) => Err(Error::argument(
            what,
            format!("{what}: expected a JSON object, got {}", kind(&other)),
        )),
        // serde_json's own message tells line and column, and at most one character of the text.
        Err(e) if text.trim().is_empty() => {
            let _ = e;
            Err(Error::argument(
                what,
                format!("{what}: expected a JSON object, got an empty string"),
            ))
        }
        Err(e) => Err(Error::argument(
            what,
            format!(
                "{what}: not valid JSON: {} at line {} column {}",
                syntax(&e),
                e.line(),
                e.column()
            ),
        )),
    }
}

/// serde_json's complaint without its position. One about syntax tells what was expected, and nothing of the text.
fn syntax(e: &serde_json::Error) -> String {
    match e.classify() {
        Category::Syntax | Category::Eof => {
            let text = e.to_string();
            text.split(" at line ")
                .next()
                .unwrap_or("syntax error")
                .to_owned()
        }
        Category::Data | Category::Io => "syntax error".to_owned(),
    }
}

/// The top level of a text: an object's fields in their order and the one that stays text, or something else.
enum Top {
    Object(Vec<(String, Value)>, Option<Box<RawValue>>),
    Other(Value),
}

/// Reads the top level; the field `raw` stays text.
struct TopSeed<'a> {
    raw: Option<&'a str>,
}

impl<'de> DeserializeSeed<'de> for TopSeed<'_> {
    type Value = Top;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> std::result::Result<Top, D::Error> {
        struct TopVisitor<'a>(TopSeed<'a>);
        impl<'de> Visitor<'de> for TopVisitor<'_> {
            type Value = Top;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Top, A::Error> {
                // Room for a usual request: 16 would be more than what the allocator has at hand.
                let mut entries = Vec::with_capacity(8);
                let mut raw = None;
                while let Some(key) = map.next_key::<String>()? {
                    if self.0.raw == Some(key.as_str()) {
                        raw = Some(map.next_value()?);
                    } else {
                        entries.push((key, map.next_value()?));
                    }
                }
                Ok(Top::Object(entries, raw))
            }
            fn visit_unit<E>(self) -> std::result::Result<Top, E> {
                Ok(Top::Other(Value::Null))
            }
            fn visit_bool<E>(self, b: bool) -> std::result::Result<Top, E> {
                Ok(Top::Other(b.into()))
            }
            fn visit_i64<E>(self, n: i64) -> std::result::Result<Top, E> {
                Ok(Top::Other(n.into()))
            }
            fn visit_u64<E>(self, n: u64) -> std::result::Result<Top, E> {
                Ok(Top::Other(n.into()))
            }
            fn visit_f64<E>(self, n: f64) -> std::result::Result<Top, E> {
                Ok(Top::Other(n.into()))
            }
            fn visit_str<E>(self, s: &str) -> std::result::Result<Top, E> {
                Ok(Top::Other(s.into()))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> std::result::Result<Top, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Top::Other(Value::Array(items)))
            }
        }
        d.deserialize_any(TopVisitor(self))
    }
}

impl Fields {
    /// How many are left.
    pub(crate) fn count(&self) -> usize {
        self.entries.len() + usize::from(self.raw.is_some())
    }

    /// Wraps an object at the top level.
    pub fn new(map: Map<String, Value>) -> Fields {
        Fields::from_entries(map.into_iter().collect())
    }

    /// Of two fields of one name the later counts, as in every JSON library.
    fn from_entries(mut entries: Vec<(String, Value)>) -> Fields {
        let mut marks = 0;
        let mut i = entries.len();
        while i > 0 {
            i -= 1;
            let key = &entries[i].0;
            let bit = mark(key);
            let is_there =
                marks & bit != 0 && entries[i + 1..].iter().any(|(later, _)| later == key);
            match is_there {
                true => drop(entries.remove(i)),
                false => marks |= bit,
            }
        }
        Fields {
            entries,
            marks,
            path: String::new(),
            raw: None,
        }
    }

    /// Whether a key is surely not there: so it is of nearly all that a request is asked for.
    #[inline]
    fn lacks(&self, key: &str) -> bool {
        self.marks & mark(key) == 0
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|(k, _)| k == key)
    }

    /// The field's full name.
    fn name(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    fn wrong(&self, key: &str, expected: &str, got: &Value) -> Error {
        let name = self.name(key);
        Error::argument(
            &name,
            format!("{name}: expected {expected}, got {}", kind(got)),
        )
    }

    /// All fields that are left, in the caller's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries
            .iter()
            .map(|(key, value)| (key.as_str(), value))
    }

    /// Takes a field as it is; `null` counts as absent.
    #[inline]
    pub fn take(&mut self, key: &str) -> Option<Value> {
        match self.lacks(key) {
            true => None,
            false => self.take_if_there(key),
        }
    }

    fn take_if_there(&mut self, key: &str) -> Option<Value> {
        let i = self.position(key)?;
        Some(self.entries.remove(i).1).filter(|v| !v.is_null())
    }

    /// Takes a field as something else; what `convert` gives back was not `expected`.
    #[inline]
    fn take_as<T>(
        &mut self,
        key: &str,
        expected: &str,
        convert: impl FnOnce(Value) -> std::result::Result<T, Value>,
    ) -> Result<Option<T>> {
        if self.lacks(key) {
            return Ok(None);
        }
        match self.take_if_there(key).map(convert) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(other)) => Err(self.wrong(key, expected, &other)),
        }
    }

    /// Looks at a field without taking it; `null` counts as absent.
    #[inline]
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self.lacks(key) {
            true => None,
            false => self.get_if_there(key),
        }
    }

    fn get_if_there(&self, key: &str) -> Option<&Value> {
        let i = self.position(key)?;
        Some(&self.entries[i].1).filter(|v| !v.is_null())
    }

    /// Takes a field as text; `null` counts as absent.
    pub fn take_raw(&mut self, key: &str) -> Option<Box<RawValue>> {
        let value = self.take(key);
        let raw = self.raw.take_if(|(name, _)| name == key);
        match value {
            Some(value) => serde_json::value::to_raw_value(&value).ok(),
            None => raw.map(|(_, raw)| raw).filter(|raw| raw.get() != "null"),
        }
    }

    /// Puts fields where there are none; of two objects named in `merged` the fields together.
    pub fn fill(&mut self, defaults: &Map<String, Value>, merged: &str) {
        for (key, value) in defaults {
            let at = self.entries.iter().position(|(own, _)| own == key);
            match at.map(|at| &mut self.entries[at].1) {
                None | Some(Value::Null) => {
                    if let Some(at) = at {
                        self.entries.remove(at);
                    }
                    self.marks |= mark(key);
                    self.entries.push((key.clone(), value.clone()));
                }
                Some(Value::Object(own)) if key == merged => {
                    if let Value::Object(value) = value {
                        for (key, value) in value {
                            own.entry(key.clone()).or_insert_with(|| value.clone());
                        }
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// Puts a field in the place of one that may be there.
    pub fn set(&mut self, key: &str, value: Value) {
        self.entries.retain(|(own, _)| own != key);
        self.marks |= mark(key);
        self.entries.push((key.to_owned(), value));
    }

    /// What is still text in another object stands in this one too.
    pub fn with_raw_of(mut self, other: &Fields) -> Fields {
        self.raw = other.raw.clone();
        self
    }

    /// Takes a string.
    #[inline]
    pub fn string(&mut self, key: &str) -> Result<Option<String>> {
        self.take_as(key, "a string", |value| match value {
            Value::String(s) => Ok(s),
            other => Err(other),
        })
    }

    /// Takes a boolean.
    #[inline]
    pub fn boolean(&mut self, key: &str) -> Result<Option<bool>> {
        self.take_as(key, "true or false", |value| match value {
            Value::Bool(b) => Ok(b),
            other => Err(other),
        })
    }

    /// Takes a whole number of at least `least`. `3.0` is whole, `"3"` is no number.
    #[inline]
    pub fn whole(&mut self, key: &str, least: u64) -> Result<Option<u64>> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => match as_whole(&value) {
                Some(n) if n >= least => Ok(Some(n)),
                _ => Err(self.wrong(key, &format!("a whole number of at least {least}"), &value)),
            },
        }
    }

    /// Takes a list of strings; a bare string is a list of one.
    pub fn strings(&mut self, key: &str) -> Result<Option<Vec<String>>> {
        let expected = "a string or a list of strings";
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(s)) => Ok(Some(vec![s])),
            Some(Value::Array(items)) => {
                let mut strings = Vec::with_capacity(items.len());
                for (i, item) in items.into_iter().enumerate() {
                    match item {
                        Value::String(s) => strings.push(s),
                        other => {
                            return Err(self.wrong(&format!("{key}[{i}]"), "a string", &other));
                        }
                    }
                }
                Ok(Some(strings))
            }
            Some(other) => Err(self.wrong(key, expected, &other)),
        }
    }

    /// Takes an object.
    pub fn object(&mut self, key: &str) -> Result<Option<Fields>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields {
                path: format!("{}{key}.", self.path),
                ..Fields::new(map)
            })),
            Some(other) => Err(self.wrong(key, "an object", &other)),
        }
    }

    /// Checks that a field, if there, is a number, and leaves it in its place.
    pub fn check_number(&self, key: &str) -> Result<()> {
        match self.get(key) {
            None | Some(Value::Number(_)) => Ok(()),
            Some(other) => Err(self.wrong(key, "a number", other)),
        }
    }

    /// Checks that a field, if there, is a string, and leaves it in its place.
    pub fn check_string(&self, key: &str) -> Result<()> {
        match self.get(key) {
            None | Some(Value::String(_)) => Ok(()),
            Some(other) => Err(self.wrong(key, "a string", other)),
        }
    }

    /// Checks that a field, if there, is a boolean, and leaves it in its place.
    pub fn check_boolean(&self, key: &str) -> Result<()> {
        match self.get(key) {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(other) => Err(self.wrong(key, "true or false", other)),
        }
    }

    /// Checks that a field, if there, is an object, and leaves it in its place.
    pub fn check_object(&self, key: &str) -> Result<()> {
        match self.get(key) {
            None | Some(Value::Object(_)) => Ok(()),
            Some(other) => Err(self.wrong(key, "an object", other)),
        }
    }

    /// Checks that a field, if there, is a whole number, and leaves it in its place.
    pub fn check_whole(&self, key: &str) -> Result<()> {
        match self.get(key) {
            Some(Value::Number(n)) if n.is_i64() || n.is_u64() => Ok(()),
            None => Ok(()),
            Some(other) => Err(self.wrong(key, "a whole number", other)),
        }
    }

    /// Everything that is left, `null` too.
    pub fn all(self) -> Map<String, Value> {
        self.entries.into_iter().collect()
    }

    /// What nobody has taken, without nulls.
    pub fn rest(self) -> Map<String, Value> {
        self.entries
            .into_iter()
            .filter(|(_, v)| !v.is_null())
            .collect()
    }

    /// Fails on the first field that nobody has taken: for objects that have no room for others.
    pub fn no_more(self, known: &str) -> Result<()> {
        match self.entries.iter().find(|(_, v)| !v.is_null()) {
            None => Ok(()),
            Some((key, _)) => {
                let name = self.name(key);
                Err(Error::argument(
                    &name,
                    format!("{name}: unknown field; known here are {known}"),
                ))
            }
        }
    }
}

/// A number without a fraction, at or above zero.
pub fn as_whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(n) => n.as_u64().or_else(|| {
            let f = n.as_f64()?;
            // Above 2^53 a float no longer tells one whole number from the next.
            (f >= 0.0 && f.fract() == 0.0 && f <= 9007199254740992.0).then_some(f as u64)
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> Fields {
        object("request_json", json).unwrap()
    }

    #[test]
    fn mistakes_name_the_field_the_expectation_and_what_came() {
        let message = |json: &str| fields(json).whole("n", 1).unwrap_err().message().to_owned();
        assert_eq!(
            message(r#"{"n":"2"}"#),
            "n: expected a whole number of at least 1, got a string"
        );
        assert_eq!(
            message(r#"{"n":0}"#),
            "n: expected a whole number of at least 1, got the number 0"
        );
        assert_eq!(
            message(r#"{"n":3.7}"#),
            "n: expected a whole number of at least 1, got the number 3.7"
        );
        assert_eq!(
            message(r#"{"n":true}"#),
            "n: expected a whole number of at least 1, got the boolean true"
        );
    }

    #[test]
    fn a_string_is_never_quoted() {
        let e = fields(r#"{"stream":"sk-secret"}"#)
            .boolean("stream")
            .unwrap_err();
        assert!(!e.message().contains("secret"));
        let e = object("request_json", r#"{"a": sk-secret}"#).unwrap_err();
        assert!(!e.message().contains("secret"), "{e}");
    }

    #[test]
    fn nested_fields_have_full_names() {
        let mut f = fields(r#"{"triton":{"binary":1}}"#)
            .object("triton")
            .unwrap()
            .unwrap();
        assert_eq!(
            f.boolean("binary").unwrap_err().param(),
            Some("triton.binary")
        );
    }

    #[test]
    fn of_two_fields_of_one_name_the_later_counts() {
        let mut f = fields(r#"{"a":1,"b":2,"a":3,"a":4}"#);
        assert_eq!(f.whole("a", 0), Ok(Some(4)));
        assert_eq!(f.whole("a", 0), Ok(None));
        assert_eq!(f.whole("b", 0), Ok(Some(2)));
    }

    #[test]
    fn too_many_fields_are_refused() {
        let many: Vec<String> = (0..=limits::FIELDS)
            .map(|i| format!("\"k{i}\":1"))
            .collect();
        let e = object("request_json", &format!("{{{}}}", many.join(","))).unwrap_err();
        assert!(e.message().contains("at most"), "{e}");
    }

    #[test]
    fn what_is_no_object_is_told() {
        for (text, got) in [
            ("null", "null"),
            ("true", "the boolean true"),
            ("1", "the number 1"),
            ("-1", "the number -1"),
            ("1.5", "the number 1.5"),
            ("\"x\"", "a string"),
            ("[]", "an empty list"),
            ("[1]", "a list"),
            ("  ", "an empty string"),
        ] {
            let e = object("request_json", text).unwrap_err();
            assert!(e.message().ends_with(&format!("got {got}")), "{text}: {e}");
        }
    }

    #[test]
    fn one_field_may_stay_text() {
        let text = r#"{"a":1,"x":[0.10000000000000000001, 2],"x":[3.0]}"#;
        let mut f = object_with_raw("request_json", text, Some("x")).unwrap();
        let copy = Fields::new(Map::new()).with_raw_of(&f);
        assert_eq!(f.take_raw("x").unwrap().get(), "[3.0]");
        assert!(f.take_raw("x").is_none() && f.take_raw("a").unwrap().get() == "1");
        assert_eq!(copy.clone().take_raw("x").unwrap().get(), "[3.0]");
        let null = object_with_raw("request_json", r#"{"x":null}"#, Some("x"));
        assert!(null.unwrap().take_raw("x").is_none());
        for bad in [r#"{"x":[1,}"#, r#"{"x":1} 2"#] {
            let e = object_with_raw("request_json", bad, Some("x")).unwrap_err();
            assert!(e.message().contains("not valid JSON"), "{e}");
        }
    }

    #[test]
    fn null_is_absent() {
        assert_eq!(fields(r#"{"n":null}"#).whole("n", 1), Ok(None));
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_crash() {
        let text = format!("{{\"a\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let e = object("request_json", &text).unwrap_err();
        assert!(e.message().contains("recursion limit"), "{e}");
    }
}

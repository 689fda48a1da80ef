//! What management requests say, field by field. Pure: what is there already, the time and new ids are arguments.

pub mod change;
pub mod key;
pub mod limits;
pub mod refused;
pub mod team;
pub mod user;

use change::{Change, object, texts};
use mishikallm::Result;
use mishikallm::json::{Fields, object as parse};
use serde_json::{Map, Value};

/// Bytes of an id, an alias, or a model's name.
pub const NAME: usize = 256;

/// Names in a list.
const NAMES: usize = 1_000;

/// Bytes of `metadata`, as JSON.
const METADATA: usize = 16 << 10;

/// Keys, users or teams that one request names.
pub const AT_ONCE: usize = 500;

/// A request's body as fields; none is an object without fields.
///
/// Errors: it is no JSON object.
pub fn read(body: &[u8]) -> Result<Fields> {
    const WHAT: &str = "the request's body";
    match std::str::from_utf8(body) {
        Ok(text) if text.trim().is_empty() => Ok(Fields::default()),
        Ok(text) => parse(WHAT, text),
        Err(_) => Err(change::told(WHAT, "UTF-8", "other bytes")),
    }
}

/// Which of these fields a request has, for those who want to know what was changed: names alone.
pub fn named(fields: &Fields, known: &[&'static str]) -> Vec<&'static str> {
    let has = |name: &&'static str| fields.iter().any(|(key, _)| key == *name);
    known.iter().copied().filter(has).collect()
}

/// `models`: names, aliases and patterns of any kind.
fn models(fields: &mut Fields) -> Result<Change<Vec<String>>> {
    texts(fields, "models", NAMES, NAME)
}

/// What the owner notes; `tags` are a part of it, as in the reference.
#[derive(Clone, Debug, Default, PartialEq)]
struct Notes {
    metadata: Change<Map<String, Value>>,
    tags: Change<Vec<String>>,
}

impl Notes {
    fn take(fields: &mut Fields) -> Result<Notes> {
        Ok(Notes {
            metadata: object(fields, "metadata", METADATA)?,
            tags: texts(fields, "tags", NAMES, NAME)?,
        })
    }

    fn apply(self, metadata: &mut Map<String, Value>) {
        self.metadata.fill(metadata);
        match self.tags {
            Change::Keep => {}
            Change::Clear => drop(metadata.shift_remove("tags")),
            Change::Set(tags) => drop(metadata.insert("tags".to_owned(), tags.into())),
        }
    }
}

/// Takes a list of ids that must be there.
pub fn ids(fields: &mut Fields, field: &str) -> Result<Vec<String>> {
    let ids = texts(fields, field, AT_ONCE, NAME)?.value();
    let ids = change::needed(field, ids)?;
    match ids.is_empty() {
        true => Err(change::told(field, "at least one", "an empty list")),
        false => Ok(ids),
    }
}

/// Takes an id that must be there.
pub fn id(fields: &mut Fields, field: &str) -> Result<String> {
    let id = change::text(fields, field, NAME)?.value();
    change::needed(field, id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_body_is_an_object_or_nothing() {
        assert_eq!(read(b" ").unwrap().iter().count(), 0);
        assert_eq!(read(b"{\"a\":1}").unwrap().iter().count(), 1);
        for wrong in [&b"[]"[..], b"{", b"\xff"] {
            let e = read(wrong).unwrap_err();
            assert_eq!(e.http_status(), 400);
            assert!(e.message().starts_with("the request's body"), "{e}");
        }
    }

    #[test]
    fn tags_are_kept_among_the_metadata() {
        let mut metadata = Map::new();
        let mut body = read(br#"{"metadata":{"a":1},"tags":["x"]}"#).unwrap();
        Notes::take(&mut body).unwrap().apply(&mut metadata);
        assert_eq!(
            Value::from(metadata.clone()),
            json!({"a": 1, "tags": ["x"]})
        );
        let mut body = read(br#"{"tags":null}"#).unwrap();
        Notes::take(&mut body).unwrap().apply(&mut metadata);
        assert_eq!(Value::from(metadata), json!({"a": 1}));
    }

    #[test]
    fn ids_must_be_there() {
        for body in [
            &b"{}"[..],
            br#"{"keys":[]}"#,
            br#"{"keys":null}"#,
            br#"{"keys":[""]}"#,
        ] {
            let e = ids(&mut read(body).unwrap(), "keys").unwrap_err();
            assert!(e.message().starts_with("keys"), "{e}");
        }
        let one = ids(&mut read(br#"{"keys":"k"}"#).unwrap(), "keys");
        assert_eq!(one.unwrap(), ["k"]);
    }
}

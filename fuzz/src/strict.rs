//! JSON that everybody reads alike: one value and no more, and no key twice in an object.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::HashSet;
use std::fmt;

/// Reads JSON that the library wrote.
pub fn json(what: &str, text: &[u8]) -> Value {
    if let Err(e) = serde_json::from_slice::<Unique>(text) {
        panic!("{what} is no clean JSON: {e}: {}", text.escape_ascii());
    }
    serde_json::from_slice(text).unwrap()
}

struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Unique, D::Error> {
        d.deserialize_any(Unique)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Unique;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
        let mut seen = HashSet::new();
        while let Some((key, Unique)) = map.next_entry::<String, Unique>()? {
            if seen.contains(&key) {
                return Err(A::Error::custom(format!("key '{key}' is there twice")));
            }
            seen.insert(key);
        }
        Ok(self)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Unique, A::Error> {
        while seq.next_element::<Unique>()?.is_some() {}
        Ok(self)
    }
    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(self)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(self)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(self)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(self)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(self)
    }
    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(self)
    }
}

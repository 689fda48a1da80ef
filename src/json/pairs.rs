//! A JSON object on its way out, as a list: of a handful of fields one is found sooner by looking than by hashing.

use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Fields of an object, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs<'a>(Vec<(&'a str, Cow<'a, Value>)>);

impl<'a> Pairs<'a> {
    /// Sets a field; one of that name keeps its place.
    pub fn set(&mut self, key: &'a str, value: Cow<'a, Value>) {
        match self.0.iter_mut().find(|(k, _)| *k == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    /// Sets all of another object's fields.
    pub fn set_all(&mut self, map: &'a Map<String, Value>) {
        for (key, value) in map {
            self.set(key, Cow::Borrowed(value));
        }
    }

    /// Removes a field.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(k, _)| *k != key);
    }

    /// Removes what is `null`.
    pub fn remove_nulls(&mut self) {
        self.0.retain(|(_, value)| !value.is_null());
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (*key, &**value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_later_value_takes_the_earlier_ones_place() {
        let more = json!({"b": 3, "c": null});
        let mut pairs = Pairs::default();
        pairs.set("a", Cow::Owned(json!(1)));
        pairs.set("b", Cow::Owned(json!(2)));
        pairs.set_all(more.as_object().unwrap());
        let text = |pairs: &Pairs| serde_json::to_string(pairs).unwrap();
        assert_eq!(text(&pairs), r#"{"a":1,"b":3,"c":null}"#);
        pairs.remove("a");
        pairs.remove_nulls();
        assert_eq!(text(&pairs), r#"{"b":3}"#);
    }
}

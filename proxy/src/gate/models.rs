//! Which models a key may ask. Pure.

use mishikallm::plan::fleet::covers;
use serde_json::{Map, Value};

/// In a list of models: all that the proxy has.
pub const ALL: &str = "all-proxy-models";
/// In a key's list: those of its team.
pub const TEAMS: &str = "all-team-models";
/// In a list of models: none but those that are named beside it.
pub const NONE: &str = "no-default-models";

/// What a key's owner, its team or its user, and the key itself let through: a model has to be in each of these lists. No list is all models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(Vec<Vec<String>>);

impl Allowed {
    /// The key's list first, then those of its owners.
    pub fn new(lists: impl IntoIterator<Item = Vec<String>>) -> Allowed {
        let is_all = |list: &Vec<String>| {
            list.is_empty() || list.iter().any(|name| name == ALL || name == TEAMS)
        };
        Allowed(lists.into_iter().filter(|list| !is_all(list)).collect())
    }

    /// Whether a model may be asked: by the name that the request gives it, or by that of the configuration's entry that it leads to.
    pub fn has(&self, names: &[&str]) -> bool {
        let is_in = |list: &Vec<String>| {
            let mut pairs = list
                .iter()
                .flat_map(|of| names.iter().map(move |name| (of, *name)));
            pairs.any(|(of, name)| of == name || covers(of, name))
        };
        self.0.iter().all(is_in)
    }

    /// The list that holds, for an error; nothing where all models may be asked.
    pub fn told(&self) -> Option<String> {
        let names = self.0.iter().map(|list| list.join(", "));
        let names: Vec<String> = names.collect();
        (!names.is_empty()).then(|| names.join("; of these "))
    }
}

/// A key's own name for a model.
pub fn alias<'a>(aliases: &'a Map<String, Value>, model: &str) -> Option<&'a str> {
    aliases.get(model)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(lists: &[&[&str]]) -> Allowed {
        let own = |list: &&[&str]| list.iter().map(|&name| name.to_owned()).collect();
        Allowed::new(lists.iter().map(own))
    }

    #[test]
    fn a_model_is_in_each_list() {
        for (lists, name, may) in [
            (&[&[][..]][..], "a", true),
            (&[&["a", "b"]], "a", true),
            (&[&["a", "b"]], "c", false),
            (&[&["a", "b"], &["b"]], "a", false),
            (&[&["a", "b"], &[]], "a", true),
            (&[&[TEAMS], &["b"]], "a", false),
            (&[&[TEAMS], &["b"]], "b", true),
            (&[&["a", ALL]], "z", true),
            (&[&[NONE]], "a", false),
            (&[&["triton/*"]], "triton/x", true),
            (&[&["triton/*"]], "other/x", false),
        ] {
            assert_eq!(allowed(lists).has(&[name]), may, "{lists:?} {name}");
        }
    }

    #[test]
    fn a_model_goes_by_its_entrys_name_too() {
        let some = allowed(&[&["llm"]]);
        assert!(some.has(&["an-alias-of-it", "llm"]));
        assert!(!some.has(&["an-alias-of-it", "other"]));
    }

    #[test]
    fn an_error_tells_what_may_be_asked() {
        assert_eq!(allowed(&[&[]]).told(), None);
        assert_eq!(allowed(&[&["a", "b"]]).told().unwrap(), "a, b");
        assert_eq!(
            allowed(&[&["a", "b"], &["b"]]).told().unwrap(),
            "a, b; of these b"
        );
    }
}

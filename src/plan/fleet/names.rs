//! What a request may name as its model.

use crate::config::ClientConfig;
use crate::error::{Error, Result};
use crate::limits;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The deployments that one name stands for.
#[derive(Clone, Debug)]
pub struct Group {
    /// As the caller wrote it.
    name: String,
    /// The entry of the list: after aliases, with its `*`.
    entry: Arc<str>,
    members: Arc<[usize]>,
    /// What the `*` stands for.
    star: Option<String>,
}

impl Group {
    /// One deployment, by the name of its entry.
    pub(super) fn of_one(entry: &Arc<str>, at: usize) -> Group {
        Group {
            name: entry.to_string(),
            entry: entry.clone(),
            members: Arc::from([at]),
            star: None,
        }
    }

    /// The same, with what its `*` stands for.
    pub(super) fn with_star(self, star: &str) -> Group {
        Group {
            star: Some(star.to_owned()),
            ..self
        }
    }

    /// As the caller wrote it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name in the model list that covers it.
    pub fn entry(&self) -> &Arc<str> {
        &self.entry
    }

    /// Their places in the list; at least one.
    pub fn members(&self) -> &[usize] {
        &self.members
    }

    /// Those of its members that will do; all, where none would.
    pub(super) fn narrowed(self, will_do: impl Fn(&usize) -> bool) -> Group {
        let some: Vec<usize> = self
            .members
            .iter()
            .copied()
            .filter(|at| will_do(at))
            .collect();
        match some.is_empty() || some.len() == self.members.len() {
            true => self,
            false => Group {
                members: Arc::from(some),
                ..self
            },
        }
    }

    /// A deployment's model, with the text that the `*` stands for.
    pub fn target(&self, model: &str) -> String {
        match &self.star {
            Some(star) => model.replacen('*', star, 1),
            None => model.to_owned(),
        }
    }
}

/// All names of a configuration.
#[derive(Debug, Default)]
pub(super) struct Names {
    exact: BTreeMap<Arc<str>, Arc<[usize]>>,
    /// Those with a `*`, the most particular first.
    wild: Vec<(Arc<str>, Arc<[usize]>)>,
}

impl Names {
    pub(super) fn new(config: &ClientConfig) -> Result<Names> {
        let mut all: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, d) in config.deployments.iter().enumerate() {
            all.entry(&d.model_name).or_default().push(at);
        }
        let mut names = Names::default();
        for (name, members) in all {
            let (name, members) = (Arc::from(name), Arc::from(members));
            match str::contains(&name, '*') {
                true => names.wild.push((name, members)),
                false => drop(names.exact.insert(name, members)),
            }
        }
        names
            .wild
            .sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.check(config)?;
        Ok(names)
    }

    /// An alias, or a fallback, of a model that is not there is a mistake that shows on a bad day only.
    fn check(&self, config: &ClientConfig) -> Result<()> {
        let routing = &config.routing;
        let knows = |place: &str, name: &str| match self.group(name, config) {
            Some(_) => Ok(()),
            None => Err(Error::config(
                place,
                format!("{place}: expected a model_name of the model list, got \"{name}\""),
            )),
        };
        for (alias, to) in &routing.aliases {
            if self.exact.contains_key(alias.as_str()) {
                let place = format!("router_settings.model_group_alias.{alias}");
                let message = format!("{place}: the model list has a model of this name");
                return Err(Error::config(&place, message));
            }
            // No alias of an alias: two could go round in a circle.
            if routing.aliases.contains_key(&to.model) {
                let place = format!("router_settings.model_group_alias.{alias}");
                let message =
                    format!("{place}: expected a model_name of the model list, got another alias");
                return Err(Error::config(&place, message));
            }
            knows(
                &format!("router_settings.model_group_alias.{alias}"),
                &to.model,
            )?;
        }
        let lists = [
            ("fallbacks", &routing.fallbacks),
            (
                "context_window_fallbacks",
                &routing.context_window_fallbacks,
            ),
        ];
        for (key, list) in lists {
            for (name, others) in list {
                let place = format!("router_settings.{key}.{name}");
                knows(&place, name)?;
                let mut others = others.iter().enumerate();
                others.try_for_each(|(j, other)| knows(&format!("{place}[{j}]"), other))?;
            }
        }
        let defaults = &routing.default_fallbacks;
        defaults.iter().enumerate().try_for_each(|(j, other)| {
            knows(&format!("router_settings.default_fallbacks[{j}]"), other)
        })
    }

    pub(super) fn group(&self, model: &str, config: &ClientConfig) -> Option<Group> {
        let real = match config.routing.aliases.get(model) {
            Some(alias) => &alias.model,
            None => model,
        };
        let group = |entry: &Arc<str>, members: &Arc<[usize]>, star| Group {
            name: model.to_owned(),
            entry: entry.clone(),
            members: members.clone(),
            star,
        };
        if let Some((entry, members)) = self.exact.get_key_value(real) {
            return Some(group(entry, members, None));
        }
        if let Some(at) = config.deployments.iter().position(|d| d.id == real) {
            let d = &config.deployments[at];
            // One with a * has no model of its own.
            if !d.model.contains('*') {
                return Some(group(
                    &Arc::from(d.model_name.as_str()),
                    &Arc::from([at]),
                    None,
                ));
            }
        }
        self.wild.iter().find_map(|(entry, members)| {
            let star = covered(entry, real)?;
            Some(group(entry, members, Some(star.to_owned())))
        })
    }

    /// Names for a list of models: in the list's order, then the aliases.
    pub(super) fn told<'a>(&'a self, config: &'a ClientConfig) -> Vec<&'a str> {
        let mut told: Vec<&str> = Vec::new();
        for d in &config.deployments {
            if !d.model_name.contains('*') && !told.contains(&d.model_name.as_str()) {
                told.push(&d.model_name);
            }
        }
        let aliases = config.routing.aliases.iter();
        told.extend(
            aliases
                .filter(|(_, to)| !to.hidden)
                .map(|(alias, _)| alias.as_str()),
        );
        told
    }
}

/// What the `*` of a pattern stands for in a name; at least one character. A name that is too long is nobody's: it would be in
/// headers, in lines of the log and in each chunk of a stream.
pub(super) fn covered<'a>(pattern: &str, name: &'a str) -> Option<&'a str> {
    if name.len() > limits::NAME_BYTES {
        return None;
    }
    let (before, after) = pattern.split_once('*')?;
    let star = name.strip_prefix(before)?.strip_suffix(after)?;
    (!star.is_empty()).then_some(star)
}

/// Whether a name is one of those that a pattern with a `*` stands for.
pub fn covers(pattern: &str, name: &str) -> bool {
    covered(pattern, name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert_eq!(covered("triton/*", "triton/foo"), Some("foo"));
        assert_eq!(covered("*", "a/b"), Some("a/b"));
        assert_eq!(covered("a*z", "abcz"), Some("bc"));
        assert_eq!(covered("a*a", "a"), None);
        assert_eq!(covered("triton/*", "triton/"), None);
        assert_eq!(covered("triton/*", "other"), None);
    }

    #[test]
    fn a_name_that_is_too_long_is_nobodys() {
        let longest = "n".repeat(limits::NAME_BYTES);
        assert_eq!(covered("*", &longest), Some(&*longest));
        assert_eq!(covered("*", &format!("{longest}n")), None);
    }
}

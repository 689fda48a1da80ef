//! Which models a key of a team may have: the team's, or fewer.

/// The reference's words that stand for models: all of the proxy's.
pub const ALL: &str = "all-proxy-models";

/// All of the team's.
const ALL_OF_TEAM: &str = "all-team-models";

/// None but those that a team allows.
const NONE: &str = "no-default-models";

/// The first of a key's models that is not its team's.
pub fn beyond<'a>(key: &'a [String], team: &[String]) -> Option<&'a str> {
    let has_all = team.is_empty() || team.iter().any(|model| model == ALL);
    let is_fine = |model: &str| {
        has_all
            || matches!(model, ALL_OF_TEAM | NONE)
            || team.iter().any(|pattern| covers(pattern, model))
    };
    key.iter().map(String::as_str).find(|model| !is_fine(model))
}

/// Whether a name with a `*` covers another one, which may have some too.
fn covers(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            let Some(at) = rest.find(before) else {
                return false;
            };
            rest = &rest[at + before.len()..];
        }
    }
    match last {
        None => rest.is_empty(),
        Some(end) => rest.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_key_has_its_teams_models_or_fewer() {
        for (key, team, first) in [
            (&["any"][..], &[][..], None),
            (&["any"], &["a", "all-proxy-models"], None),
            (&[], &["a"], None),
            (&["a"], &["a", "b"], None),
            (&["all-team-models", "no-default-models"], &["a"], None),
            (&["a", "c"], &["a", "b"], Some("c")),
            (&["all-proxy-models"], &["a"], Some("all-proxy-models")),
            (&["*"], &["triton/*"], Some("*")),
            (&["triton/*", "triton/x"], &["triton/*"], None),
        ] {
            assert_eq!(beyond(&names(key), &names(team)), first, "{key:?} of {team:?}");
        }
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*", "a", true),
            ("*b", "ab", true),
            ("a*b", "aXb", true),
            ("a*b", "a", false),
            ("ab*ba", "aba", false),
            ("a*b*c", "abXbc", true),
            ("a*b*c", "acb", false),
        ] {
            assert_eq!(covers(pattern, name), expected, "{pattern} {name}");
        }
    }
}

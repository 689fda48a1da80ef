//! Which models a key of a team may have: the team's, or fewer.

use crate::gate::models::{ALL, NONE, TEAMS};
use mishikallm::plan::fleet::covers;

/// Which of a key's models is the first that is not its team's.
pub fn beyond(key: &[String], team: &[String]) -> Option<usize> {
    let has_all = team.is_empty() || team.iter().any(|model| model == ALL);
    let is_fine = |model: &str| {
        has_all
            || matches!(model, TEAMS | NONE)
            || team.iter().any(|of| of == model || covers(of, model))
    };
    key.iter().position(|model| !is_fine(model))
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
            (&["a", "c"], &["a", "b"], Some(1)),
            (&["all-proxy-models"], &["a"], Some(0)),
            (&["*"], &["triton/*"], Some(0)),
            (&["triton/*", "triton/x"], &["triton/*"], None),
        ] {
            assert_eq!(
                beyond(&names(key), &names(team)),
                first,
                "{key:?} of {team:?}"
            );
        }
    }
}

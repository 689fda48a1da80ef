//! What is known of a key that calls: its record, its owners', and what all of them may use.

use super::models::{self, Allowed};
use super::routes::{self, Purpose};
use crate::keys::{Key, Team, Time, User};
use crate::quota::Account;
use mishikallm::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A key, as it was found in the database.
#[derive(Debug)]
pub struct Pass {
    /// Its record.
    pub key: Key,
    /// Its team's, if it has one.
    pub team: Option<Team>,
    /// Those whose limits hold: the key's, and its team's or else its user's.
    pub accounts: Vec<Arc<Account>>,
    models: Allowed,
    /// Somebody changed something of it.
    is_stale: AtomicBool,
}

impl Pass {
    /// What follows from the records. `user` is looked at where there is no team.
    pub fn new(
        key: Key,
        team: Option<Team>,
        user: Option<&User>,
        accounts: Vec<Arc<Account>>,
    ) -> Pass {
        let owner = match (&team, user) {
            (Some(team), _) => Some(&team.models),
            (None, Some(user)) => Some(&user.models),
            (None, None) => None,
        };
        let lists = [Some(&key.models), owner].into_iter().flatten();
        Pass {
            models: Allowed::new(lists.cloned()),
            key,
            team,
            accounts,
            is_stale: AtomicBool::new(false),
        }
    }

    /// It is to be looked up again, if the database is there.
    pub fn turn_stale(&self) {
        self.is_stale.store(true, Ordering::Release);
    }

    /// Whether it may not be as it was found any more.
    pub fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Acquire)
    }

    /// Whether it holds now; `now` is asked where a key expires at all.
    ///
    /// Errors: HTTP 401.
    pub fn check(&self, now: impl FnOnce() -> Time) -> Result<(), Error> {
        let refused = |why: String| Err(Error::server(401, why));
        if self.key.blocked {
            return refused("the key is blocked".to_owned());
        }
        if let Some(expires) = self.key.expires.filter(|expires| *expires <= now()) {
            return refused(format!("the key expired at {}", expires.text()));
        }
        match &self.team {
            Some(team) if team.blocked => refused("the key's team is blocked".to_owned()),
            // It was made while the team was deleted: nothing limits it.
            None if self.key.team_id.is_some() => {
                refused("the key's team is not there any more".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether it may call a route.
    ///
    /// Errors: HTTP 403.
    pub fn check_route(&self, path: &str, purpose: Purpose) -> Result<(), Error> {
        match routes::allows(&self.key.allowed_routes, path, purpose) {
            true => Ok(()),
            false => Err(Error::server(403, match self.key.allowed_routes.is_empty() {
                true => format!("{path}: this key may ask models and read what it may use; this route needs the master key"),
                false => format!("{path}: this key may call {} alone", self.key.allowed_routes.join(", ")),
            })
            .with_code("route_access_denied")),
        }
    }

    /// The model that the key means by a name.
    pub fn meant<'a>(&'a self, model: &'a str) -> &'a str {
        models::alias(&self.key.aliases, model).unwrap_or(model)
    }

    /// Whether it may ask a model; `entry` is the configuration's name for it, where it has one.
    pub fn may_ask(&self, model: &str, entry: Option<&str>) -> bool {
        match entry {
            Some(entry) => self.models.has(&[model, entry]),
            None => self.models.has(&[model]),
        }
    }

    /// The error of a model that it may not ask.
    pub fn no_model(&self, field: &str, model: &str) -> Error {
        let may = self.models.told().unwrap_or_default();
        // A long one is not repeated.
        let named = match model.len() <= mishikallm::limits::NAME_BYTES {
            true => format!("\"{model}\""),
            false => "this one".to_owned(),
        };
        let message = format!("{field}: this key may not ask {named}; it may ask {may}");
        Error::server(403, message)
            .with_param(field)
            .with_code("key_model_access_denied")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Limits, Money, Token};
    use serde_json::{Map, json};

    fn key() -> Key {
        Key {
            token: Token::of(b"k"),
            key_name: "sk-...".to_owned(),
            key_alias: None,
            team_id: None,
            user_id: None,
            models: Vec::new(),
            aliases: Map::new(),
            limits: Limits {
                max_budget: Some(Money(1)),
                ..Limits::default()
            },
            metadata: Map::new(),
            allowed_routes: Vec::new(),
            blocked: false,
            expires: None,
            created_by: String::new(),
            created_at: Time(0),
            updated_at: Time(0),
        }
    }

    fn team(blocked: bool) -> Team {
        Team {
            team_id: "t".to_owned(),
            team_alias: None,
            models: vec!["a".to_owned()],
            limits: Limits::default(),
            metadata: Map::new(),
            members: Vec::new(),
            blocked,
            created_at: Time(0),
            updated_at: Time(0),
        }
    }

    fn why(key: Key, team: Option<Team>) -> Option<String> {
        let e = Pass::new(key, team, None, Vec::new())
            .check(|| Time(10))
            .err()?;
        assert_eq!(e.http_status(), 401);
        Some(e.message().to_owned())
    }

    #[test]
    fn a_key_is_refused_when_it_is_blocked_has_expired_or_its_team_is_so_or_gone() {
        let of_team = || Key {
            team_id: Some("t".to_owned()),
            ..key()
        };
        let expires = |at| Key {
            expires: Some(Time(at)),
            ..key()
        };
        let blocked = Key {
            blocked: true,
            ..key()
        };
        assert_eq!(why(key(), None), None);
        assert_eq!(why(expires(11), None), None);
        assert_eq!(why(of_team(), Some(team(false))), None);
        for (refused, part) in [
            (why(blocked, None), "is blocked"),
            (why(expires(10), None), "expired at 1970-01-01T00:00:00.01Z"),
            (why(of_team(), Some(team(true))), "team is blocked"),
            (why(of_team(), None), "team is not there any more"),
        ] {
            assert!(
                refused.as_ref().is_some_and(|why| why.contains(part)),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn a_key_asks_by_its_own_names_what_it_and_its_team_may() {
        let aliases = json!({"mine": "a"}).as_object().cloned().unwrap();
        let key = Key {
            team_id: Some("t".to_owned()),
            aliases,
            ..key()
        };
        let pass = Pass::new(key, Some(team(false)), None, Vec::new());
        assert_eq!((pass.meant("mine"), pass.meant("b")), ("a", "b"));
        assert!(pass.may_ask("a", None));
        assert!(pass.may_ask("an-alias", Some("a")));
        assert!(!pass.may_ask("b", None));
        let e = pass.no_model("model", "b");
        assert_eq!((e.http_status(), e.param()), (403, Some("model")));
        assert!(e.message().contains("it may ask a"), "{e}");
    }
}

//! What is known of a key that calls: its record, its owners', and what all of them may use.

use super::models::{self, Allowed};
use super::routes::{self, Purpose};
use crate::keys::{Key, Team, Time, User};
use crate::quota::Account;
use mishikallm::Error;
use std::sync::Arc;

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
        }
    }

    /// Whether it holds now.
    ///
    /// Errors: HTTP 401.
    pub fn check(&self, now: Time) -> Result<(), Error> {
        let refused = |why: String| Err(Error::server(401, why));
        if self.key.blocked {
            return refused("the key is blocked".to_owned());
        }
        if let Some(expires) = self.key.expires.filter(|expires| *expires <= now) {
            return refused(format!("the key expired at {}", expires.text()));
        }
        if self.team.as_ref().is_some_and(|team| team.blocked) {
            return refused("the key's team is blocked".to_owned());
        }
        Ok(())
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

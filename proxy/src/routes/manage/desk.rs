//! What the routes share: the database, the time, and who asks.

use super::fault::{of_store, unknown};
use super::fields::change::Change;
use super::fields::key::{KeyChange, beyond};
use super::models;
use super::shown::{self, Spent};
use super::table::Route;
use crate::gate::routes::{self, Purpose};
use crate::keys::{Key, Money, Scope, Time};
use crate::store::{Beside, Part, Store};
use mishikallm::Result;
use mishikallm::config::Secret;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value};
use std::collections::HashMap;
use subtle::ConstantTimeEq;

/// What answers are made of.
#[derive(Debug)]
pub struct Desk<'a> {
    /// Where keys are kept.
    pub store: &'a Store,
    /// The master key, which no other may be.
    pub master: &'a Secret,
    /// It is now.
    pub now: Time,
}

/// Who asks. The gate has found out who it is, and that they may call the route.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// Who has the master key.
    Master,
    /// Who has a key that may manage others.
    Manager(&'a Key),
    /// Who has a key that may ask of itself alone.
    Own(&'a Key),
}

impl Caller<'_> {
    /// Who has a key that the gate has let through to a route.
    pub fn of<'a>(key: &'a Key, route: &Route) -> Caller<'a> {
        let manages = routes::allows(&key.allowed_routes, "", Purpose::Management);
        match route.purpose() {
            Purpose::Management => Caller::Manager(key),
            // A key may read of itself what only some may read of all.
            _ if manages => Caller::Manager(key),
            _ => Caller::Own(key),
        }
    }
}

/// Which of a key's owners are to be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Owners {
    team: bool,
    user: bool,
}

impl Owners {
    /// All that it has.
    pub const ALL: Owners = Owners {
        team: true,
        user: true,
    };

    /// The team alone: the user is only about to be made.
    pub const TEAM: Owners = Owners {
        team: true,
        user: false,
    };

    /// Those that a change is about.
    pub fn of(change: &KeyChange) -> Owners {
        Owners {
            team: change.team_id != Change::Keep || change.models != Change::Keep,
            user: change.user_id != Change::Keep,
        }
    }

    /// Those of a key, which must not be deleted while it is written. In the order in which all lock them.
    pub fn scopes(self, key: &Key) -> Vec<Scope> {
        let user = key.user_id.clone().filter(|_| self.user);
        let team = key.team_id.clone().filter(|_| self.team);
        let both = [user.map(Scope::User), team.map(Scope::Team)];
        both.into_iter().flatten().collect()
    }
}

impl Desk<'_> {
    /// Whether a key is the master key.
    pub fn is_master(&self, key: &str) -> bool {
        let master = self.master.reveal().as_bytes();
        key.as_bytes().ct_eq(master).into()
    }

    /// Errors: a key's team or user is none, or it has models that its team has not.
    pub async fn check_owners(&self, key: &Key, owners: Owners) -> Result<()> {
        if let Some(id) = key.team_id.as_ref().filter(|_| owners.team) {
            let team = self.store.team(id.clone()).await.map_err(of_store)?;
            let team = team.ok_or_else(|| unknown("team_id", "team"))?;
            if let Some(at) = models::beyond(&key.models, &team.models) {
                return Err(beyond(at));
            }
        }
        if let Some(id) = key.user_id.as_ref().filter(|_| owners.user) {
            let user = self.store.user(id.clone()).await.map_err(of_store)?;
            user.ok_or_else(|| unknown("user_id", "user"))?;
        }
        Ok(())
    }

    /// What each of these spent in its present period. Who is not in it spent nothing.
    pub async fn spent(&self, scopes: Vec<Scope>) -> Result<HashMap<Scope, Spent>> {
        self.store.spent(scopes, self.now).await.map_err(of_store)
    }

    /// The same of one.
    pub async fn spent_of(&self, scope: Scope) -> Result<Spent> {
        let mut spent = self.spent(vec![scope.clone()]).await?;
        Ok(spent.remove(&scope).unwrap_or_default())
    }

    /// Keys with their hashes, and with what they spent.
    pub async fn with_tokens(&self, keys: &[Key]) -> Result<Vec<Map<String, Value>>> {
        let scopes = keys.iter().map(|key| Scope::Key(key.token)).collect();
        let spent = self.spent(scopes).await?;
        let told = keys.iter().map(|key| {
            let spent = spent.get(&Scope::Key(key.token)).copied();
            shown::key_with_token(key, spent.unwrap_or_default(), self.now)
        });
        Ok(told.collect())
    }

    /// Writes all of it, or nothing.
    pub async fn together(&self, parts: Vec<Part>) -> Result<()> {
        self.store.together(parts).await.map_err(of_store)
    }

    /// What happens beside a change: what was spent is set, where a request says it.
    pub fn beside(&self, of: Vec<Scope>, spend: Option<Money>) -> Beside {
        Beside {
            of,
            spend: spend.map(|spend| (spend, self.now)),
        }
    }
}

/// A new id, as the reference makes them: a UUID of chance.
///
/// Errors: the system has no random numbers.
pub fn fresh_id() -> Result<String> {
    let mut bytes = [0; 16];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| mishikallm::Error::server(500, "the system has no random numbers"))?;
    Ok(uuid(bytes))
}

/// Version 4, which says that it is of chance.
fn uuid(bytes: [u8; 16]) -> String {
    let mut n = u128::from_be_bytes(bytes);
    n = n & !(0xf << 76) | 0x4 << 76;
    n = n & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{n:032x}");
    let (a, b, c, d, e) = (
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    );
    format!("{a}-{b}-{c}-{d}-{e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_chance() {
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_ne!(fresh_id().unwrap(), fresh_id().unwrap());
    }

    #[test]
    fn a_change_is_about_the_owners_that_it_names() {
        let mut change = KeyChange::default();
        let owners = Owners::of(&change);
        assert!(!owners.team && !owners.user);
        change.models = Change::Set(Vec::new());
        assert!(Owners::of(&change).team);
    }
}

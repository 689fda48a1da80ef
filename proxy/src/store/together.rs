//! What is written together: all of it, or nothing, also where somebody else deletes a part of it meanwhile.

use super::failure::missing;
use super::records::lock;
use super::rows::{KeyRow, TeamRow, UserRow};
use super::{Result, Store, Tx, keys, scopes, teams, users};
use crate::keys::{Key, Limits, Member, Money, Scope, Team, Time, User};

/// What happens beside a change of a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beside {
    /// These teams and users have to be there: the record is to be theirs.
    pub of: Vec<Scope>,
    /// What was spent, where somebody sets it, and when they do.
    pub spend: Option<(Money, Time)>,
}

/// One part of what is written together.
#[derive(Clone, Debug)]
pub enum Part {
    /// This team or user has to be there. `Missing`: it is not.
    Of(Scope),
    /// A new key.
    Key(Box<Key>),
    /// A new user.
    User(Box<User>),
    /// A new team.
    Team(Box<Team>),
    /// Members come into a team; those that are in it stay as they are. `Missing`: there is no such team.
    Join {
        /// The team.
        team_id: String,
        /// Who comes.
        members: Vec<Member>,
        /// It is now.
        now: Time,
    },
    /// What was spent with a record that is new.
    Spend {
        /// Whose.
        of: Scope,
        /// So much.
        spend: Money,
        /// Of the record.
        limits: Limits,
        /// When it was made: now.
        since: Time,
    },
}

impl Store {
    /// Writes all of these in their order, or nothing.
    pub async fn together(&self, parts: Vec<Part>) -> Result<()> {
        let parts: Result<Vec<Written>> = parts.into_iter().map(Written::of).collect();
        self.write(parts?, |tx, parts| {
            Box::pin(async move {
                for part in parts {
                    part.write(tx).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

/// A part as it is written: nothing is wrong with its texts.
enum Written {
    Key(Box<Key>, Box<KeyRow>),
    User(Box<UserRow>),
    Team(Box<TeamRow>),
    Other(Part),
}

impl Written {
    fn of(part: Part) -> Result<Written> {
        Ok(match part {
            Part::Key(key) => {
                let row = KeyRow::of(&key)?;
                Written::Key(key, Box::new(row))
            }
            Part::User(user) => Written::User(Box::new(UserRow::of(&user)?)),
            Part::Team(team) => Written::Team(Box::new(TeamRow::of(&team)?)),
            other => Written::Other(other),
        })
    }

    async fn write(&self, tx: &mut Tx) -> sqlx::Result<()> {
        match self {
            Written::Key(key, row) => keys::insert(tx, key.token, row).await,
            Written::User(row) => users::insert(tx, row).await,
            Written::Team(row) => teams::insert(tx, row).await,
            Written::Other(Part::Of(scope)) => hold(tx, scope).await,
            Written::Other(Part::Join {
                team_id,
                members,
                now,
            }) => join(tx, team_id, members, *now).await,
            Written::Other(Part::Spend {
                of,
                spend,
                limits,
                since,
            }) => scopes::set(tx, of, *spend, (limits, *since), *since).await,
            // They are rows.
            Written::Other(Part::Key(_) | Part::User(_) | Part::Team(_)) => Ok(()),
        }
    }
}

impl Beside {
    /// Before the record itself is looked at.
    pub(super) async fn hold(&self, tx: &mut Tx) -> sqlx::Result<()> {
        for scope in &self.of {
            hold(tx, scope).await?;
        }
        Ok(())
    }
}

/// When the record is written; `period`: its limits, and when it was made.
pub(super) async fn beside(
    tx: &mut Tx,
    with: &Beside,
    of: &Scope,
    period: (&Limits, Time),
) -> sqlx::Result<()> {
    match with.spend {
        Some((spend, now)) => scopes::set(tx, of, spend, period, now).await,
        None => Ok(()),
    }
}

/// Nobody deletes it until this transaction ends.
async fn hold(tx: &mut Tx, scope: &Scope) -> sqlx::Result<()> {
    let (is_there, column) = match scope {
        Scope::Team(id) => (lock::<TeamRow>(tx, id).await?.is_some(), "team_id"),
        Scope::User(id) => (lock::<UserRow>(tx, id).await?.is_some(), "user_id"),
        Scope::Key(token) => {
            let there = lock::<KeyRow>(tx, &token.to_string()).await?;
            (there.is_some(), "token")
        }
    };
    match is_there {
        true => Ok(()),
        false => Err(missing(column)),
    }
}

async fn join(tx: &mut Tx, team_id: &str, members: &[Member], now: Time) -> sqlx::Result<()> {
    let team = lock::<TeamRow>(tx, team_id).await?;
    let mut team = team.ok_or_else(|| missing("team_id"))?;
    for member in members {
        if !team.members.iter().any(|m| m.user_id == member.user_id) {
            team.members.push(member.clone());
        }
    }
    team.updated_at = now;
    let row = TeamRow::of(&team).map_err(|_| missing("team_id"))?;
    teams::update(tx, &row).await
}

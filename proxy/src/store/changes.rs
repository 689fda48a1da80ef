//! What is written of keys, teams and users is told to all replicas, so that none goes by what it remembers of them.

use crate::keys::{Scope, Token};
use std::fmt::Write;

/// Where PostgreSQL says it.
pub(super) const CHANNEL: &str = "mishikallm_changes";

/// PostgreSQL carries less than 8000 bytes.
const LONGEST: usize = 7_900;

const ALL: &str = "all";

/// Before the scope that is gone.
const GONE: &str = "gone:";

/// What is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A key was made or changed.
    Key(Token),
    /// A team was.
    Team(String),
    /// A user was.
    User(String),
    /// It is deleted or blocked: what somebody remembers of it holds no more, whatever else becomes of the database.
    Gone(Scope),
    /// Anything: the connection was lost on which it is heard.
    All,
}

impl Change {
    /// As it goes to others: as a [`Scope`], which [`Change::heard`] reads.
    pub(super) fn payload(&self) -> String {
        let mut text = String::new();
        let scope = match self {
            Change::Key(token) => Scope::Key(*token),
            Change::Team(id) => Scope::Team(id.clone()),
            Change::User(id) => Scope::User(id.clone()),
            Change::Gone(scope) => {
                text.push_str(GONE);
                scope.clone()
            }
            Change::All => return ALL.to_owned(),
        };
        let _ = write!(text, "{scope}");
        match text.len() <= LONGEST {
            true => text,
            false => ALL.to_owned(),
        }
    }

    /// What nobody understands may be anything.
    pub(super) fn heard(payload: &str) -> Change {
        if let Some(scope) = payload.strip_prefix(GONE).and_then(Scope::parse) {
            return Change::Gone(scope);
        }
        match Scope::parse(payload) {
            Some(Scope::Key(token)) => Change::Key(token),
            Some(Scope::Team(id)) => Change::Team(id),
            Some(Scope::User(id)) => Change::User(id),
            None => Change::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        for change in [
            Change::Key(Token::of(b"k")),
            Change::Team("a:b'\"%".to_owned()),
            Change::User(String::new()),
            Change::Gone(Scope::Key(Token::of(b"k"))),
            Change::Gone(Scope::Team("gone:a".to_owned())),
            Change::All,
        ] {
            assert_eq!(Change::heard(&change.payload()), change);
        }
    }

    #[test]
    fn what_is_too_long_to_be_said_is_all() {
        assert_eq!(Change::Team("t".repeat(8_000)).payload(), "all");
        assert_eq!(Change::heard("of a newer version:x"), Change::All);
    }
}

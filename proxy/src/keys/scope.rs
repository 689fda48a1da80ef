//! Whose limits and whose spend: a key's, a team's, a user's.

use super::token::Token;
use std::fmt;

/// One of those that have limits and spend.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// A key.
    Key(Token),
    /// All keys of a team.
    Team(String),
    /// All keys of a user that are of no team.
    User(String),
}

impl Scope {
    /// As an error names it.
    pub fn kind(&self) -> &'static str {
        match self {
            Scope::Key(_) => "key",
            Scope::Team(_) => "team",
            Scope::User(_) => "user",
        }
    }

    /// Out of what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Scope> {
        let (kind, id) = text.split_once(':')?;
        match kind {
            "key" => Token::parse(id).map(Scope::Key),
            "team" => Some(Scope::Team(id.to_owned())),
            "user" => Some(Scope::User(id.to_owned())),
            _ => None,
        }
    }
}

/// As the database has it: `key:HASH`, `team:ID`, `user:ID`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Key(token) => write!(f, "key:{token}"),
            Scope::Team(id) => write!(f, "team:{id}"),
            Scope::User(id) => write!(f, "user:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for scope in [
            Scope::Key(Token::of(b"k")),
            Scope::Team("a:b".to_owned()),
            Scope::User(String::new()),
        ] {
            assert_eq!(Scope::parse(&scope.to_string()), Some(scope));
        }
        assert_eq!(Scope::parse("key:x"), None);
        assert_eq!(Scope::parse("other:x"), None);
    }
}

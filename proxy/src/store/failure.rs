//! Why something is not done, out of what a database says.

use sqlx::error::{DatabaseError, Error};
use std::fmt;

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The database cannot be reached, does not answer, or cannot write: nothing is known.
    Away,
    /// There is one with this name already; the name of the column.
    Taken(&'static str),
    /// There is none, or none any more; the name of the column that it was to be in.
    Missing(&'static str),
    /// A text that databases do not keep: it has a NUL character in it; the name of the column.
    Unfit(&'static str),
    /// It cannot be done, whenever it is tried; the words hold no value of a row.
    Broken(String),
}

/// What came of it.
pub type Result<T> = std::result::Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Away => f.write_str("the database of keys is away"),
            Failure::Taken(column) => write!(f, "{column}: there is one already"),
            Failure::Missing(column) => write!(f, "{column}: there is none"),
            Failure::Unfit(column) => write!(f, "{column}: expected a text without NUL characters"),
            Failure::Broken(words) => write!(f, "the database of keys: {words}"),
        }
    }
}

/// As SQLite names what must be unique in its words, and PostgreSQL.
const UNIQUE: [(&str, &str, &str); 5] = [
    ("keys.key_alias", "keys_key_alias_key", "key_alias"),
    ("keys.token", "keys_pkey", "token"),
    ("teams.team_id", "teams_pkey", "team_id"),
    ("users.user_id", "users_pkey", "user_id"),
    ("users.email_key", "users_email_key_key", "user_email"),
];

impl Failure {
    /// What an error means for who asked.
    pub(super) fn of(e: &Error) -> Failure {
        match e {
            Error::Database(said) if said.is_unique_violation() => taken(&**said),
            Error::Database(said) => match is_passing(&**said) {
                true => Failure::Away,
                false => Failure::Broken(words(e)),
            },
            Error::Decode(why) => match why.downcast_ref::<Missing>() {
                Some(Missing(column)) => Failure::Missing(column),
                None => Failure::Broken(words(e)),
            },
            Error::Io(_)
            | Error::Tls(_)
            // The connection is not to be trusted: it is half of an answer mostly.
            | Error::Protocol(_)
            | Error::PoolTimedOut
            | Error::PoolClosed
            | Error::WorkerCrashed => Failure::Away,
            _ => Failure::Broken(words(e)),
        }
    }
}

/// Ends a transaction, of which nothing is done then: there is not what it takes.
pub(super) fn missing(column: &'static str) -> Error {
    Error::Decode(Box::new(Missing(column)))
}

#[derive(Debug)]
struct Missing(&'static str);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: there is none", self.0)
    }
}

impl std::error::Error for Missing {}

fn taken(said: &dyn DatabaseError) -> Failure {
    let told = said.message();
    let of = |(sqlite, postgres, _): &&(&str, &str, &str)| {
        told.ends_with(sqlite) || told.contains(postgres)
    };
    let column = UNIQUE.iter().find(of);
    column.map_or_else(
        || Failure::Broken(told.to_owned()),
        |found| Failure::Taken(found.2),
    )
}

/// Whether it may be well again without somebody who changes the program.
fn is_passing(said: &dyn DatabaseError) -> bool {
    let code = said.code().unwrap_or_default();
    match sqlite(&code) {
        // Busy, locked, read-only, given up, input or output, damaged, full, cannot be opened, no database.
        Some(code) => matches!(code & 0xff, 5 | 6 | 8..=11 | 13 | 14 | 26),
        None => {
            // Connections, no transaction any more, who may come in, resources, what an operator does, the system.
            let classes = ["08", "25", "28", "3D", "40", "53", "55", "57", "58", "XX"];
            classes.iter().any(|class| code.starts_with(class))
        }
    }
}

/// Whether it is to be tried again at once, from the beginning of its transaction.
pub(super) fn is_clash(e: &Error) -> bool {
    let Error::Database(said) = e else {
        return false;
    };
    let code = said.code().unwrap_or_default();
    match sqlite(&code) {
        Some(_) => false,
        // Not serializable, deadlock.
        None => matches!(&*code, "40001" | "40P01"),
    }
}

/// A number of SQLite's. Those of PostgreSQL have five digits or letters.
fn sqlite(code: &str) -> Option<u32> {
    code.parse().ok().filter(|_| code.len() != 5)
}

/// An error's words. What was being written is not in them: statements have no values, and a server's detail is left out.
pub(super) fn words(e: &impl fmt::Display) -> String {
    e.to_string()
}

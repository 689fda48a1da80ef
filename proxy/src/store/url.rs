//! `database_url`.

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Where the database is.
#[derive(Clone)]
pub enum Address {
    /// A file.
    Sqlite(SqliteConnectOptions),
    /// A server, with a password maybe.
    Postgres(Box<PgConnectOptions>),
}

/// What is expected of a URL.
pub const EXPECTED: &str =
    "sqlite:///PATH of a file, or postgresql://USER:PASSWORD@HOST:5432/DATABASE";

impl Address {
    /// `None`: it is neither. The URL is a secret, so that nothing tells it.
    pub fn parse(url: &str) -> Option<Address> {
        let (scheme, _) = url.split_once(':')?;
        match scheme {
            "sqlite" => SqliteConnectOptions::from_str(url).ok().map(Address::Sqlite),
            "postgres" | "postgresql" => {
                let options = PgConnectOptions::from_str(url).ok()?;
                Some(Address::Postgres(Box::new(options)))
            }
            _ => None,
        }
    }

    /// A file of SQLite.
    pub fn file(path: &Path) -> Address {
        Address::Sqlite(SqliteConnectOptions::new().filename(path))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Address::Sqlite(_) => "Sqlite",
            Address::Postgres(_) => "Postgres",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_kinds_of_databases() {
        for url in ["sqlite:///tmp/keys.db", "sqlite:keys.db", "sqlite://keys.db"] {
            assert!(matches!(Address::parse(url), Some(Address::Sqlite(_))), "{url}");
        }
        for url in ["postgresql://u:p@h:5432/d", "postgres://h/d"] {
            assert!(matches!(Address::parse(url), Some(Address::Postgres(_))), "{url}");
        }
        for url in ["", "keys.db", "mysql://h/d", "postgresql://h:port/d"] {
            assert!(Address::parse(url).is_none(), "{url}");
        }
        let told = format!("{:?}", Address::parse("postgresql://u:hunter2@h/d"));
        assert!(!told.contains("hunter2"), "{told}");
    }
}

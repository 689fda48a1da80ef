//! `database_url`.

use crate::keys::Token;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Where the database is.
#[derive(Clone)]
pub enum Address {
    /// A file.
    Sqlite(Box<SqliteConnectOptions>),
    /// A server, with a password maybe.
    Postgres(Box<PgConnectOptions>),
}

/// What is expected of a URL.
pub const EXPECTED: &str =
    "sqlite:///PATH of a file, or postgresql://USER:PASSWORD@HOST:5432/DATABASE";

/// Parameters that mean something here. Others, such as `connection_limit`, are those of other programs.
const PARAMETERS: [&str; 16] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

/// Where the tables are, as a parameter.
const SCHEMA: &str = "schema";

impl Address {
    /// `None`: it is neither. The URL is a secret, so that nothing tells it.
    pub fn parse(url: &str) -> Option<Address> {
        let (scheme, rest) = url.split_once(':')?;
        match scheme {
            "sqlite" => {
                let (path, more) = rest.split_once('?').unwrap_or((rest, ""));
                let path = path.trim_start_matches("//");
                // Each connection would have a memory of its own.
                let in_memory = path == ":memory:" || more.split('&').any(|p| p == "mode=memory");
                let is_file = !path.is_empty() && !in_memory;
                let options = SqliteConnectOptions::from_str(url).ok();
                let options = options.filter(|_| is_file)?;
                Some(Address::Sqlite(Box::new(options)))
            }
            "postgres" | "postgresql" => {
                let (url, schema) = understood(url);
                let mut options = PgConnectOptions::from_str(&url).ok()?;
                if let Some(schema) = schema {
                    options = options.options([("search_path", schema)]);
                }
                Some(Address::Postgres(Box::new(options)))
            }
            _ => None,
        }
    }

    /// The file that it is; `None`: it is a server, or a database that is in memory.
    pub fn file_path(&self) -> Option<&Path> {
        match self {
            Address::Sqlite(options) => {
                Some(options.get_filename()).filter(|path| *path != ":memory:")
            }
            Address::Postgres(_) => None,
        }
    }

    /// What tells one database from another, in sixteen digits: without user and password.
    pub fn fingerprint(&self) -> String {
        let place = match self {
            Address::Sqlite(options) => options.get_filename().to_string_lossy().into_owned(),
            Address::Postgres(options) => format!(
                "{}:{}/{}",
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or_default()
            ),
        };
        Token::of(place.as_bytes()).to_string()[..16].to_owned()
    }

    /// A file of SQLite.
    pub fn file(path: &Path) -> Address {
        Address::Sqlite(Box::new(SqliteConnectOptions::new().filename(path)))
    }
}

/// A URL without parameters that nobody knows, which would be logged, and its schema.
fn understood(url: &str) -> (String, Option<String>) {
    let Some((place, parameters)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let mut schema = None;
    let mut known = Vec::new();
    for parameter in parameters.split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name == SCHEMA {
            schema = percent_encoding::percent_decode_str(value)
                .decode_utf8()
                .ok();
        } else if PARAMETERS.contains(&name) {
            known.push(parameter);
        }
    }
    let url = match known.is_empty() {
        true => place.to_owned(),
        false => [place, "?", &known.join("&")].concat(),
    };
    (url, schema.map(String::from))
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
        for url in [
            "sqlite:///srv/keys.db",
            "sqlite:keys.db",
            "sqlite://keys.db",
            "sqlite:///srv/memory/keys.db?mode=rwc",
        ] {
            assert!(
                matches!(Address::parse(url), Some(Address::Sqlite(_))),
                "{url}"
            );
        }
        for url in ["postgresql://u:p@h:5432/d", "postgres://h/d"] {
            assert!(
                matches!(Address::parse(url), Some(Address::Postgres(_))),
                "{url}"
            );
        }
        for url in [
            "",
            "keys.db",
            "mysql://h/d",
            "postgresql://h:port/d",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite://keys.db?mode=memory",
        ] {
            assert!(Address::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn nothing_tells_a_password() {
        let told = format!("{:?}", Address::parse("postgresql://u:hunter2@h/d"));
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn parameters_of_other_programs_are_left_out() {
        let url = "postgresql://u:p@h/d?connection_limit=5&schema=a%20b&sslmode=require&x";
        let (url, schema) = understood(url);
        assert_eq!(url, "postgresql://u:p@h/d?sslmode=require");
        assert_eq!(schema.as_deref(), Some("a b"));
        let Some(Address::Postgres(options)) = Address::parse("postgres://h/d?schema=keys") else {
            panic!("a server");
        };
        assert_eq!(options.get_options(), Some("-c search_path=keys"));
    }
}

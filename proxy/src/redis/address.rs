//! `redis_url`, or `redis_host` and its like.

use ::redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, parse_redis_url};
use mishikallm::config::{Secret, TlsConfig};
use std::path::PathBuf;

/// Where it listens, if nothing else is said.
pub const PORT: u16 = 6379;

/// What is expected of a URL.
pub const EXPECTED: &str =
    "redis://USER:PASSWORD@HOST:6379/NUMBER, rediss:// for TLS, or unix:///PATH of a socket";

/// Parameters of TLS, by the names that Python's clients know.
const AUTHORITIES: &str = "ssl_ca_certs";
const CHECKS: &str = "ssl_cert_reqs";

/// Where Redis is, and who goes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub(super) place: Place,
    pub(super) tls: Option<TlsConfig>,
    user: Option<String>,
    password: Option<Secret>,
    number: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Host(String, u16),
    Socket(PathBuf),
}

impl Address {
    /// Of a server without TLS, and its first database.
    pub fn of_host(host: String, port: Option<u16>) -> Address {
        Address {
            place: Place::Host(host, port.unwrap_or(PORT)),
            tls: None,
            user: None,
            password: None,
            number: 0,
        }
    }

    /// `None`: it is none. The URL is a secret, so that nothing tells it.
    pub fn parse(url: &str) -> Option<Address> {
        let mut url = parse_redis_url(url)?;
        let is_tls = matches!(url.scheme(), "rediss" | "valkeys");
        let tls = match is_tls {
            true => Some(tls(url.query_pairs())?),
            false => None,
        };
        if is_tls {
            // The client is built without TLS of its own: the connection's is the proxy's.
            url.set_scheme("redis").ok()?;
            url.set_query(None);
        }
        let info = url.into_connection_info().ok()?;
        let place = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Place::Host(host.clone(), *port),
            ConnectionAddr::Unix(path) => Place::Socket(path.clone()),
            _ => return None,
        };
        let who = info.redis_settings();
        Some(Address {
            place,
            tls,
            user: who.username().map(str::to_owned),
            password: who.password().map(Secret::new),
            number: who.db(),
        })
    }

    /// Whether it has a password.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// The same with this password.
    pub fn with_password(self, password: String) -> Address {
        Address {
            password: Some(Secret::new(password)),
            ..self
        }
    }

    /// Who says what when the connection is made.
    pub(super) fn who(&self) -> RedisConnectionInfo {
        let mut who = RedisConnectionInfo::default()
            .set_db(self.number)
            // Old servers would count it as an error.
            .set_skip_set_lib_name();
        if let Some(user) = &self.user {
            who = who.set_username(user);
        }
        if let Some(password) = &self.password {
            who = who.set_password(password.reveal());
        }
        who
    }
}

/// `None`: a parameter has a value that it cannot have.
fn tls<K: AsRef<str>, V: AsRef<str>>(
    parameters: impl Iterator<Item = (K, V)>,
) -> Option<TlsConfig> {
    let mut tls = TlsConfig::default();
    for (name, value) in parameters {
        match (name.as_ref(), value.as_ref()) {
            (AUTHORITIES, path) => tls.ca_file = Some(path.to_owned()),
            (CHECKS, "none") => tls.insecure = true,
            (CHECKS, "required") => tls.insecure = false,
            (CHECKS, _) => return None,
            _ => {}
        }
    }
    Some(tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, port: u16) -> Place {
        Place::Host(name.to_owned(), port)
    }

    #[test]
    fn a_url_says_where_and_who() {
        let all = Address::parse("redis://ann:p%40ss@h:7000/3").unwrap();
        assert_eq!(all.place, host("h", 7000));
        assert_eq!((all.tls.as_ref(), all.number), (None, 3));
        let who = all.who();
        assert_eq!(
            (who.username(), who.password()),
            (Some("ann"), Some("p@ss"))
        );
        let bare = Address::parse("valkey://[::1]").unwrap();
        assert_eq!(bare.place, host("::1", PORT));
        assert!(!bare.has_password());
        let socket = Address::parse("unix:///run/redis.sock?db=2&pass=x").unwrap();
        assert_eq!(socket.place, Place::Socket("/run/redis.sock".into()));
        assert_eq!((socket.number, socket.has_password()), (2, true));
    }

    #[test]
    fn tls_checks_certificates_unless_it_is_said_otherwise() {
        let tls = |url| Address::parse(url).and_then(|address| address.tls);
        assert_eq!(tls("rediss://h"), Some(TlsConfig::default()));
        let own = tls("rediss://:p@h:6380/0?ssl_ca_certs=/ca%20s.pem").unwrap();
        assert_eq!(own.ca_file.as_deref(), Some("/ca s.pem"));
        assert!(tls("rediss://h?ssl_cert_reqs=none").unwrap().insecure);
        assert_eq!(tls("rediss://h?ssl_cert_reqs=maybe"), None);
    }

    #[test]
    fn what_is_no_url_of_redis() {
        for url in [
            "",
            "localhost:6379",
            "http://h",
            "redis://",
            "redis://h:port",
            "redis://h/first",
        ] {
            assert_eq!(Address::parse(url), None, "{url}");
        }
    }

    #[test]
    fn nothing_tells_a_password() {
        let address = Address::parse("redis://:hunter2@h").unwrap();
        let told = format!("{address:?} {:?}", address.who());
        assert!(!told.contains("hunter2"), "{told}");
    }
}

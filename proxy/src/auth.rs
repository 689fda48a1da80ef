//! Who may call: with a master key every route is closed but those on the public list.

use crate::keys::Token;
use http::{HeaderMap, HeaderName, header};
use mishikallm::{Error, config::Secret};
use subtle::ConstantTimeEq;

/// Open to everyone: what says that the proxy lives, and how it is called.
const PUBLIC: [&str; 5] = [
    "/",
    "/health/liveliness",
    "/health/liveness",
    "/health/readiness",
    "/openapi.json",
];

/// Where a key may stand beside `Authorization`, with or without `Bearer `.
const KEYS: [HeaderName; 3] = [
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-mishikallm-api-key"),
];

/// Who a request says it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Anyone: there is no master key.
    Anyone,
    /// Who has the master key.
    Master,
    /// Who has another key, which is to be looked up.
    Key(Token),
}

/// What keys there are.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    master: Option<Secret>,
}

impl Auth {
    /// `None`: the proxy is open.
    pub fn new(master: Option<Secret>) -> Auth {
        Auth { master }
    }

    /// Who has it may do anything; `None`: everyone may.
    pub fn master(&self) -> Option<&Secret> {
        self.master.as_ref()
    }

    /// Whether everyone may call a path.
    pub fn is_public(path: &str) -> bool {
        PUBLIC.contains(&path)
    }

    /// Whose request this is, as it says.
    ///
    /// Errors: HTTP 401; there is no key.
    pub fn check(&self, headers: &HeaderMap) -> Result<Claim, Error> {
        let Some(master) = &self.master else {
            return Ok(Claim::Anyone);
        };
        match key(headers) {
            Some(key) if is_same(key, master.reveal().as_bytes()) => Ok(Claim::Master),
            Some(key) => Ok(Claim::Key(Token::of(key))),
            None if headers.contains_key(header::AUTHORIZATION) => Err(refused(
                "Authorization: expected \"Bearer\" and a key, got something else",
            )),
            None => Err(refused(
                "no key: send it as \"Authorization: Bearer KEY\", or in one of the headers x-api-key, api-key and x-mishikallm-api-key",
            )),
        }
    }
}

/// Takes the same time wherever two keys of one length begin to differ. How long the key is is no secret.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

fn refused(why: &str) -> Error {
    Error::server(401, why)
}

/// The key that a request carries.
fn key(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        if let Some(key) = bearer(value.as_bytes()) {
            return Some(key);
        }
    }
    let value = KEYS.iter().find_map(|name| headers.get(name))?.as_bytes();
    Some(bearer(value).unwrap_or(value.trim_ascii()))
}

/// What stands behind `Bearer`, however that is written.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(7)?;
    (scheme.eq_ignore_ascii_case(b"bearer ")).then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &'static str, value: &str) -> Result<Claim, Error> {
        let auth = Auth::new(Some(Secret::new("sk-1")));
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        auth.check(&headers)
    }

    #[test]
    fn a_key_is_taken_from_four_headers() {
        for (name, value) in [
            ("authorization", "Bearer sk-1"),
            ("authorization", "bEARER  sk-1 "),
            ("x-api-key", "sk-1"),
            ("api-key", "sk-1"),
            ("x-mishikallm-api-key", "sk-1"),
            ("x-mishikallm-api-key", "Bearer sk-1"),
        ] {
            assert_eq!(
                check(name, value).unwrap(),
                Claim::Master,
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn without_a_key_it_is_refused() {
        for (name, value) in [
            ("authorization", "sk-1"),
            ("authorization", "Basic sk-1"),
            ("authorization", "Bearer"),
            ("x-other", "sk-1"),
        ] {
            let e = check(name, value).unwrap_err();
            assert_eq!(e.http_status(), 401, "{name}: {value}");
            assert!(!e.message().contains("sk-"), "{e}");
        }
    }

    #[test]
    fn any_other_key_is_to_be_looked_up() {
        for (name, value, key) in [
            ("authorization", "Bearer sk-12", "sk-12"),
            ("authorization", "Bearer sk-2", "sk-2"),
            ("x-api-key", "", ""),
        ] {
            let claim = check(name, value).unwrap();
            assert_eq!(claim, Claim::Key(Token::of(key.as_bytes())));
        }
    }

    #[test]
    fn without_a_master_key_all_is_open() {
        let claim = Auth::default().check(&HeaderMap::new()).unwrap();
        assert_eq!(claim, Claim::Anyone);
    }
}

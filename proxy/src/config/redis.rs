//! What `router_settings` says of Redis.

use super::Problems;
use super::place::Places;
use super::sections::read;
use super::yaml::under;
use crate::redis::{Address, EXPECTED};
use mishikallm::json::{Fields, kind};
use serde_json::{Map, Value};
use std::net::Ipv6Addr;

const SECTION: &str = "router_settings";

/// The reference's names.
const URL: &str = "redis_url";
const HOST: &str = "redis_host";
const PORT: &str = "redis_port";
const PASSWORD: &str = "redis_password";

/// Reads them out of the section. `None`: there is no Redis, or something is wrong with it.
pub(super) fn take(
    places: &Places<'_>,
    router: &mut Map<String, Value>,
    problems: &mut Problems,
) -> Option<Address> {
    let of_redis = [URL, HOST, PORT, PASSWORD].into_iter();
    let mine: Map<String, Value> = of_redis
        .filter_map(|key| Some((key.to_owned(), router.shift_remove(key)?)))
        .collect();
    let mut wrapped = Map::new();
    wrapped.insert(SECTION.to_owned(), Value::Object(mine));
    let mut fields = Fields::new(wrapped)
        .object(SECTION)
        .ok()
        .flatten()
        .unwrap_or_default();
    let before = problems.errors.len();
    let url = read(places, problems, fields.string(URL));
    let host = read(places, problems, fields.string(HOST));
    let port = port(places, fields.take(PORT), problems);
    let password = read(places, problems, fields.string(PASSWORD)).filter(|text| !text.is_empty());
    if problems.errors.len() > before {
        return None;
    }
    let mut wrong = |key: &str, text: &str| {
        let problem = places.problem(&under(SECTION, key), text);
        problems.errors.push(problem);
    };
    let address = match (&url, &host) {
        // It has a password, maybe: what is wrong with it is told without it.
        (Some(url), _) => match Address::parse(url) {
            Some(address) => address,
            None => {
                wrong(URL, &format!("expected {EXPECTED}, got another URL"));
                return None;
            }
        },
        (None, Some(host)) if is_host(host) => Address::of_host(host.clone(), port),
        (None, Some(_)) => {
            let text = "expected the name or the address of a host alone, without scheme and port";
            wrong(HOST, text);
            return None;
        }
        (None, None) => {
            let alone = [(PORT, port.is_some()), (PASSWORD, password.is_some())];
            for (key, _) in alone.iter().filter(|(_, is_there)| *is_there) {
                wrong(
                    key,
                    "goes with redis_host or redis_url, and there is neither",
                );
            }
            return None;
        }
    };
    let mut unused = |key: &str, text: &str| {
        let problem = places.problem(&under(SECTION, key), text);
        problems.warnings.push(problem);
    };
    if url.is_some() {
        for (key, _) in [(HOST, host.is_some()), (PORT, port.is_some())]
            .iter()
            .filter(|(_, is_there)| *is_there)
        {
            unused(key, "is not used: router_settings.redis_url holds");
        }
    }
    match password {
        Some(_) if address.has_password() => {
            unused(PASSWORD, "is not used: router_settings.redis_url has one");
            Some(address)
        }
        Some(password) => Some(address.with_password(password)),
        None => Some(address),
    }
}

fn port(places: &Places<'_>, value: Option<Value>, problems: &mut Problems) -> Option<u16> {
    let value = value.filter(|value| !value.is_null())?;
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
    let port = port.filter(|port| *port > 0);
    if port.is_none() {
        let got = kind(&value);
        let text = format!("expected a whole number between 1 and 65535, got {got}");
        problems
            .errors
            .push(places.problem(&under(SECTION, PORT), &text));
    }
    port
}

/// With a colon in it, it is an address of IPv6, or has a port or a scheme.
fn is_host(text: &str) -> bool {
    let is_name = !text.is_empty() && !text.contains(['/', '@', ':']) && text.trim() == text;
    is_name || text.parse::<Ipv6Addr>().is_ok()
}

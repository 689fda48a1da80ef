//! Where a call's secrets go: into its headers, and never into an error.

use crate::config::{Options, Secret};
use crate::error::{Error, clip};

/// Headers of every request of a call: lower-case names, the caller's own first.
pub(super) fn headers(options: &Options) -> Vec<(String, String)> {
    let own = options.headers.iter();
    let mut headers: Vec<(String, String)> = own
        .map(|(name, value)| (name.clone(), value.reveal().to_owned()))
        .collect();
    let mut add = |name: &str, value: String| {
        if !options.headers.contains_key(name) {
            headers.push((name.to_owned(), value));
        }
    };
    if let Some(key) = &options.api_key {
        add("authorization", format!("Bearer {}", key.reveal()));
    }
    add("content-type", "application/json".to_owned());
    headers
}

/// A server may repeat what it was sent: the caller's secrets do not come back in an error. Then a long one is cut.
pub(super) fn redact(error: Error, options: &Options) -> Error {
    let mut message = error.message().to_owned();
    for secret in secrets(options) {
        message = message.replace(&secret, "***");
    }
    error.with_message(clip(message))
}

/// All that is secret of a call, longest first, so that none hides a part of another. A very short value is no secret
/// and a common word.
fn secrets(options: &Options) -> Vec<String> {
    let headers = options
        .headers
        .values()
        .chain(&options.api_key)
        .map(Secret::reveal);
    // "Bearer x" as a header: the token alone is as secret.
    let tokens = headers
        .clone()
        .filter_map(|value| value.split_once(' '))
        .filter(|(scheme, _)| {
            ["bearer", "basic", "token", "apikey"].contains(&scheme.to_ascii_lowercase().as_str())
        })
        .map(|(_, token)| token.trim());
    // A token in the query, as some gateways want it.
    let query = options
        .api_base
        .as_deref()
        .and_then(|url| url.split_once('?'));
    let values = query
        .into_iter()
        .flat_map(|(_, query)| query.split(['&', '#']))
        .map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
    let mut secrets: Vec<String> = headers
        .chain(tokens)
        .chain(values)
        .filter(|s| s.len() >= 4)
        .map(str::to_owned)
        .collect();
    secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
    secrets
}

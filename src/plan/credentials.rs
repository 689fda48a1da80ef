//! Where a call's secrets go: into its headers, and never into an error.

use crate::config::{Options, Secret};
use crate::error::Error;

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

/// A server may repeat what it was sent: the caller's secrets do not come back in an error.
pub(super) fn redact(error: Error, options: &Options) -> Error {
    let secrets = options
        .headers
        .values()
        .chain(&options.api_key)
        .map(Secret::reveal);
    let mut message = error.message().to_owned();
    for secret in secrets {
        // "Bearer x" as a header: the token alone is as secret. A very short value is no secret, and a common word.
        for part in std::iter::once(secret).chain(secret.split_whitespace()) {
            if part.len() >= 4
                && !part.eq_ignore_ascii_case("bearer")
                && !part.eq_ignore_ascii_case("basic")
            {
                message = message.replace(part, "***");
            }
        }
    }
    error.with_message(message)
}

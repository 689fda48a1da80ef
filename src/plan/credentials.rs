//! Where a call's secrets go: into its headers, and never into an error.

use super::trace::{self, Trace};
use crate::config::{Options, Secret};
use crate::error::{Error, Result, clip};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A header of a request, ready to be sent.
pub type Header = (HeaderName, HeaderValue);

/// Headers of every request of a call: the caller's own first. What the options say of a trace beats the call's.
pub(super) fn headers(options: &Options, trace: Option<&Trace>) -> Result<Vec<Header>> {
    let mut headers = Vec::with_capacity(options.headers.len() + 2);
    for (name, value) in &options.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
        headers.push((name, secret(value.reveal())?));
    }
    let has = |name: HeaderName| options.headers.contains_key(name.as_str());
    if let Some(key) = options.api_key.as_ref().filter(|_| !has(AUTHORIZATION)) {
        headers.push((AUTHORIZATION, secret(&["Bearer ", key.reveal()].concat())?));
    }
    if !has(CONTENT_TYPE) {
        headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    }
    if let Some(trace) = trace {
        let is_told = headers.iter().any(|(name, _)| trace::is_of_trace(name));
        if !is_told {
            headers.extend(trace.headers());
        }
    }
    Ok(headers)
}

/// Tells the credentials of one call from those of another.
pub fn digest(headers: &[Header]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for header in headers.iter().filter(|(name, _)| !trace::is_of_trace(name)) {
        header.hash(&mut hasher);
    }
    hasher.finish()
}

fn secret(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| unfit())?;
    value.set_sensitive(true);
    Ok(value)
}

/// What the options have not noticed.
fn unfit() -> Error {
    Error::argument(
        "extra_headers",
        "extra_headers: a name or a value cannot be sent as a header",
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use http::HeaderMap;

    fn options(text: &str) -> Options {
        Options::take(&mut json::object("options", text).unwrap()).unwrap()
    }

    fn trace(span: &str) -> Trace {
        let parent = format!("00-0af7651916cd43dd8448eb211c80319c-{span}-01");
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", parent.parse().unwrap());
        Trace::read(&headers).unwrap()
    }

    #[test]
    fn a_trace_is_no_credential() {
        let options = options(r#"{"api_key":"key"}"#);
        let without = headers(&options, None).unwrap();
        let with = headers(&options, Some(&trace("b7ad6b7169203331"))).unwrap();
        assert_eq!(with.len(), without.len() + 1);
        assert_eq!(digest(&with), digest(&without));
        let others = headers(&self::options(r#"{"api_key":"other"}"#), None).unwrap();
        assert_ne!(digest(&others), digest(&without));
    }

    #[test]
    fn what_the_options_say_of_a_trace_beats_the_calls() {
        let options = options(r#"{"extra_headers":{"traceparent":"00-1"}}"#);
        let headers = headers(&options, Some(&trace("b7ad6b7169203331"))).unwrap();
        let told: Vec<&HeaderValue> = headers
            .iter()
            .filter(|(name, _)| name == "traceparent")
            .map(|(_, value)| value)
            .collect();
        assert_eq!(told, ["00-1"]);
    }
}

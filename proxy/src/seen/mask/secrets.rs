//! Keys inside of texts: those that are known, and what looks like one.

use super::MASKED;
use http::HeaderMap;
use serde_json::Value;

/// Keys that are known. A server may repeat what it was sent, and a person may write a key into a prompt.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// One more. `Bearer x`: `x` alone is as secret.
    pub fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        let token = secret.split_once(' ').map(|(_, token)| token.trim());
        // A very short value is a common word.
        self.0.extend(
            std::iter::once(secret)
                .chain(token)
                .filter(|s| s.len() >= 4)
                .map(str::to_owned),
        );
        self.put_in_order();
    }

    /// What stands under the name of a secret in a request's fields, and all of its headers for a server.
    pub fn add_fields<'a>(&mut self, fields: impl Iterator<Item = (&'a str, &'a Value)>) {
        for (name, value) in fields {
            self.add_value(name, value);
        }
    }

    fn add_value(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) if super::is_secret(name) => self.add(text),
            // Arguments of a tool's call are an object in a text.
            Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
                if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text)
                {
                    self.add_value(name, &value);
                }
            }
            Value::Object(fields) if name.ends_with("headers") => {
                for (name, value) in fields {
                    if let Value::String(value) = value {
                        self.add_header(name, value);
                    }
                }
            }
            Value::Object(fields) => {
                for (key, value) in fields {
                    // Whatever is in the object of a secret is one.
                    let name = if super::is_secret(name) { name } else { key };
                    self.add_value(name, value);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.add_value(name, item);
                }
            }
            _ => {}
        }
    }

    /// A header's value, if it is one that is not shown.
    pub fn add_header(&mut self, name: &str, value: &str) {
        if !super::is_harmless_header(&name.to_ascii_lowercase()) {
            self.add(value);
        }
    }

    /// Those of a request's headers.
    pub fn add_headers(&mut self, headers: &HeaderMap) {
        for (name, value) in headers {
            if let (true, Ok(value)) = (super::is_secret(name.as_str()), value.to_str()) {
                self.add(value);
            }
        }
    }

    /// These and others.
    pub fn with(&self, others: &Secrets) -> Secrets {
        let mut all = self.clone();
        all.0.extend_from_slice(&others.0);
        all.put_in_order();
        all
    }

    /// None hides a part of another.
    fn put_in_order(&mut self) {
        self.0.sort_by(|a, b| (b.len(), b).cmp(&(a.len(), a)));
        self.0.dedup();
    }

    /// A text without them.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut text = match text.starts_with("http://") || text.starts_with("https://") {
            true => url(text),
            false => text.to_owned(),
        };
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), MASKED);
            }
        }
        hide_marked(&text)
    }
}

/// A URL without its query, which may hold a token, and without a user's name and password.
pub fn url(url: &str) -> String {
    let (place, query) = match url.split_once(['?', '#']) {
        Some((place, _)) => (place, "?<masked>"),
        None => (url, ""),
    };
    let (scheme, rest) = match place.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), place),
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let host = match host.rsplit_once('@') {
        Some((_, host)) => format!("<masked>@{host}"),
        None => host.to_owned(),
    };
    format!("{scheme}{host}{path}{query}")
}

/// What follows `Bearer`, and what begins with `sk-`, in whatever letters.
fn hide_marked(text: &str) -> String {
    // The same length, byte for byte.
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some((from, to)) = next_key(&lower, at) {
        out += &text[at..from];
        out += MASKED;
        at = to;
    }
    out + &text[at..]
}

/// Where the next key is.
fn next_key(lower: &str, at: usize) -> Option<(usize, usize)> {
    let find = |mark: &str, is_part: bool| {
        let mut from = at;
        loop {
            let found = from + lower[from..].find(mark)?;
            from = found + mark.len();
            // "task-list" holds none.
            if lower[..found].ends_with(char::is_alphanumeric) {
                continue;
            }
            let rest = &lower[from..];
            let key = match is_part {
                true => rest,
                false => rest.trim_start_matches(|c: char| c.is_whitespace() || c == ':'),
            };
            if !is_part && key.len() == rest.len() {
                continue;
            }
            let start = lower.len() - key.len();
            let length = key.find(|c| !is_of_a_key(c)).unwrap_or(key.len());
            if length > 0 {
                return Some((if is_part { found } else { start }, start + length));
            }
        }
    };
    [find("bearer", false), find("sk-", true)]
        .into_iter()
        .flatten()
        .min()
}

fn is_of_a_key(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '"' | '\'' | ',' | ';' | '<' | '>' | ')' | '}' | '\\')
}

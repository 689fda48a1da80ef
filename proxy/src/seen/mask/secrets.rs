//! Keys inside of texts: those that are known, and what looks like one.

use super::MASKED;
use http::HeaderMap;

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
        // None hides a part of another.
        self.0.sort_by_key(|s| std::cmp::Reverse(s.len()));
        self.0.dedup();
    }

    /// Those of a request's headers, too.
    pub fn with(&self, headers: &HeaderMap) -> Secrets {
        let mut all = self.clone();
        for (name, value) in headers {
            if let (true, Ok(value)) = (super::is_secret(name.as_str()), value.to_str()) {
                all.add(value);
            }
        }
        all
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

/// What follows `Bearer ` or `sk-`, in whatever letters.
fn hide_marked(text: &str) -> String {
    // The same length, byte for byte.
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some((from, keep)) = next_mark(&lower, at) {
        let rest = &text[from + keep..];
        let length = rest.find(|c| !is_of_a_key(c)).unwrap_or(rest.len());
        out += &text[at..from + keep];
        if length > 0 {
            // All of `sk-…` is the key.
            out.truncate(out.len() - if keep == 3 { 3 } else { 0 });
            out += MASKED;
        }
        at = from + keep + length;
    }
    out + &text[at..]
}

/// The next mark, where it is and how long.
fn next_mark(lower: &str, at: usize) -> Option<(usize, usize)> {
    let find = |mark: &str| {
        let mut from = at;
        loop {
            let found = from + lower[from..].find(mark)?;
            let before = lower[..found].chars().next_back();
            // "task-list" holds none.
            match before.is_some_and(char::is_alphanumeric) {
                true => from = found + mark.len(),
                false => return Some((found, mark.len())),
            }
        }
    };
    [find("bearer "), find("sk-")].into_iter().flatten().min()
}

fn is_of_a_key(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '"' | '\'' | ',' | ';' | '<' | '>' | ')' | '}' | '\\')
}

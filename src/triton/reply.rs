//! What a reply says when it is no answer: Triton's own words out of whatever body carries them.

use crate::error::{Error, Result};
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName};
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// Where the JSON of a body ends and its raw tensors begin.
pub const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// A tensor's numbers begin where a float may stand.
const ALIGNMENT: usize = 4;

/// One HTTP reply, whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `inference-header-content-length`: the JSON's length where binary tensor data follows it.
    pub json_length: Option<usize>,
    /// `retry-after`, in seconds.
    pub retry_after: Option<Duration>,
    /// The body, after `skip` bytes that are none of it.
    pub body: Vec<u8>,
    /// So that a raw tensor behind the JSON, whose length the header told, stands where its numbers can be used in place.
    pub skip: usize,
}

impl Reply {
    /// A reply whose header is there; its body is to be put behind what `body` has. `now` is asked where `Retry-After` is a date.
    pub fn begun(status: u16, headers: &HeaderMap, now: impl FnOnce() -> SystemTime) -> Reply {
        let json_length: Option<usize> = number(headers, &JSON_LENGTH);
        let skip = json_length.map_or(0, |n| n.wrapping_neg() % ALIGNMENT);
        Reply {
            status,
            json_length,
            retry_after: retry_after(headers, now),
            body: vec![0; skip],
            skip,
        }
    }

    /// The body of a success, or the error that the reply stands for.
    pub fn ok(&self) -> Result<&[u8]> {
        match self.status {
            204 | 205 => Err(Error::protocol(format!(
                "the server answered HTTP {} without a body",
                self.status
            ))),
            200..=299 => Ok(self.bytes()),
            300..=399 => Err(Error::protocol(format!(
                "the server answered HTTP {}, a redirect; redirects are not followed, so that no key reaches another host: put the final address into api_base",
                self.status
            ))),
            status => Err(Error::server(status, self.words()).with_retry_after(self.retry_after)),
        }
    }

    /// The body, whatever the status.
    pub fn bytes(&self) -> &[u8] {
        self.body.get(self.skip..).unwrap_or_default()
    }

    /// The error under a success's status: Triton answers so when a decoupled model sends other than one response.
    pub fn hidden_error(error: &Value) -> Error {
        Error::server(
            500,
            inner_words(error).unwrap_or_else(|| "an error without words".into()),
        )
    }

    fn words(&self) -> String {
        words(self.bytes()).unwrap_or_else(|| match self.bytes().is_empty() {
            true => format!(
                "the server answered HTTP {} with an empty body",
                self.status
            ),
            false if looks_like_html(self.bytes()) => format!(
                "the server answered HTTP {} with an HTML page (a proxy in between?)",
                self.status
            ),
            false => format!(
                "the server answered HTTP {} with a body that is no text",
                self.status
            ),
        })
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3). A date that is past is no time at all.
fn retry_after(headers: &HeaderMap, now: impl FnOnce() -> SystemTime) -> Option<Duration> {
    let after = headers.get(RETRY_AFTER)?;
    let seconds = number(headers, &RETRY_AFTER).map(|s: u32| Duration::from_secs(s.into()));
    seconds.or_else(|| {
        let date = after.to_str().ok()?;
        let date = httpdate::parse_http_date(date.trim()).ok()?;
        Some(date.duration_since(now()).unwrap_or_default())
    })
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &HeaderName) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn looks_like_html(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

/// The words in a body: inside Triton's `{"error":…}`, whatever the content type; in an SSE event; or plain text.
pub fn words(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    if text.is_empty() || looks_like_html(text.as_bytes()) {
        return None;
    }
    let mut candidates = std::iter::once(text).chain(
        text.lines()
            .filter_map(|line| line.strip_prefix("data:").map(str::trim)),
    );
    if let Some(words) = candidates.find_map(|c| json_words(&serde_json::from_str(c).ok()?)) {
        return Some(words);
    }
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let is_text = !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    (is_text && !is_json && !text.starts_with("data:")).then(|| text.to_owned())
}

/// `{"error": "…"}`, `{"error": {"message": "…"}}`, and what gateways write: `message`, `detail`, `msg`.
fn json_words(value: &Value) -> Option<String> {
    let object = value.as_object()?;
    object.get("error").and_then(inner_words).or_else(|| {
        ["message", "detail", "msg"]
            .iter()
            .find_map(|k| inner_words(object.get(*k)?))
    })
}

fn inner_words(value: &Value) -> Option<String> {
    match value {
        Value::String(s) if !s.trim().is_empty() => Some(s.clone()),
        Value::Object(o) => ["message", "msg", "detail"]
            .iter()
            .find_map(|k| o.get(*k)?.as_str().filter(|s| !s.trim().is_empty()))
            .map(str::to_owned),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(status: u16, body: &str) -> String {
        let reply = Reply {
            status,
            body: body.into(),
            ..Default::default()
        };
        reply.ok().unwrap_err().message().to_owned()
    }

    #[test]
    fn tritons_words_are_taken_out_of_their_wrapping() {
        assert_eq!(
            message(400, r#"{"error":"unexpected shape"}"#),
            "unexpected shape"
        );
        assert_eq!(
            message(400, "data: {\"error\":\"exploded\"}\n\n"),
            "exploded"
        );
        assert_eq!(
            message(401, r#"{"error":{"message":"no","type":"x"}}"#),
            "no"
        );
        assert_eq!(message(404, r#"{"detail":"Not Found"}"#), "Not Found");
        assert_eq!(message(400, "bad"), "bad");
    }

    #[test]
    fn pages_and_junk_are_not_echoed() {
        assert!(message(502, "<html><body>502 nginx</body></html>").contains("502"));
        assert!(!message(502, "<html><body>502 nginx</body></html>").contains("<html"));
        assert!(message(400, "").contains("400"));
        assert!(message(500, "\u{1}\u{2}\u{3}").contains("no text"));
        assert!(!message(500, r#"{"weird":[1]}"#).contains("weird"));
    }

    #[test]
    fn successes_pass_and_redirects_do_not() {
        let reply = |status| Reply {
            status,
            body: b"{}".to_vec(),
            ..Default::default()
        };
        assert!(reply(200).ok().is_ok() && reply(201).ok().is_ok());
        assert_eq!(reply(204).ok().unwrap_err().http_status(), 502);
        let e = reply(302).ok().unwrap_err();
        assert!(e.message().contains("redirect"), "{e}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let after = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", text.parse().unwrap());
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
            retry_after(&headers, || now).map(|d| d.as_secs())
        };
        assert_eq!(after(" 3 "), Some(3));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0));
        assert_eq!(after("soon"), None);
        assert_eq!(after("-1"), None);
    }
}

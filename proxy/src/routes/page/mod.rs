//! The page at `/`: reads the API and tries the models, in one file that asks nobody else for anything.

use crate::reply::Answer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, header};
use ring::digest::{SHA256, digest};
use std::sync::LazyLock;

const HTML: &str = include_str!("page.html");
const STYLE: &str = concat!(include_str!("page.css"), include_str!("keys.css"));
/// One script of several files, each with a subject.
const SCRIPT: &str = concat!(
    include_str!("api.js"),
    include_str!("parts.js"),
    include_str!("models.js"),
    include_str!("chat.js"),
    include_str!("embeddings.js"),
    include_str!("units.js"),
    include_str!("key_details.js"),
    include_str!("key_card.js"),
    include_str!("key_form.js"),
    include_str!("keys.js"),
    include_str!("routes.js"),
    include_str!("start.js"),
);

const NEVER_REFERS: HeaderValue = HeaderValue::from_static("no-referrer");
const AS_IT_SAYS: HeaderValue = HeaderValue::from_static("nosniff");
const ALONE: HeaderValue = HeaderValue::from_static("same-origin");
const ASKS_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
const HTML_TYPE: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The page and its policy, made at the first request for it.
static PAGE: LazyLock<(Bytes, HeaderValue)> = LazyLock::new(|| {
    let page = HTML
        .replace("{{version}}", mishikallm::VERSION)
        .replace("{{style}}", STYLE)
        .replace("{{script}}", SCRIPT);
    let policy =
        HeaderValue::from_str(&policy()).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    (Bytes::from(page), policy)
});

/// Runs our script and style and no others, talks to this proxy alone, and stands in no other page.
fn policy() -> String {
    let hash = |text: &str| {
        let hash = digest(&SHA256, text.as_bytes());
        format!("'sha256-{}'", STANDARD.encode(hash))
    };
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

/// The page.
pub fn answer() -> Response<Answer> {
    let (page, policy) = &*PAGE;
    let mut response = Response::new(Answer::Whole(Some(page.clone())));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HTML_TYPE);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, AS_IT_SAYS);
    headers.insert(header::REFERRER_POLICY, NEVER_REFERS);
    headers.insert(header::CACHE_CONTROL, ASKS_AGAIN);
    headers.insert(OPENER, ALONE);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> String {
        String::from_utf8(PAGE.0.to_vec()).unwrap()
    }

    #[test]
    fn the_page_is_whole() {
        let page = page();
        assert!(!page.contains("{{"), "a placeholder is left");
        assert!(page.contains(mishikallm::VERSION));
        assert!(page.contains(&format!("<style>{STYLE}</style>")));
        assert!(page.contains(&format!("<script>{SCRIPT}</script>")));
    }

    /// Nothing in it that the policy would refuse, and nothing that makes markup of a text.
    #[test]
    fn the_page_keeps_to_its_policy() {
        let page = page();
        for (text, never) in [
            (
                SCRIPT,
                &[
                    "innerHTML",
                    "outerHTML",
                    "insertAdjacentHTML",
                    "document.write",
                    "eval(",
                    "new Function",
                    ".style",
                ][..],
            ),
            (STYLE, &["url(", "@import"]),
            (
                HTML,
                &[" style=", " onclick", " onload", " onsubmit", "src="],
            ),
            (&page, &["http://", "https://"]),
        ] {
            for never in never {
                assert!(!text.contains(never), "{never}");
            }
        }
        assert_eq!(page.matches("<script").count(), 1);
        assert_eq!(page.matches("<style").count(), 1);
    }

    #[test]
    fn headers_shut_everybody_else_out() {
        let response = answer();
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"));
        assert!(!policy.contains("unsafe"));
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer");
    }
}

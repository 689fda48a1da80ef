//! Browsers' questions whether a page of another origin may call. It may: what keeps strangers out is the key, not the origin.

use crate::reply::Answer;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};

const ANY: HeaderValue = HeaderValue::from_static("*");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS");
const A_WHILE: HeaderValue = HeaderValue::from_static("600");

/// Whether a browser asks before it calls.
pub fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer; it needs no key, for browsers send none.
pub fn preflight<B>(request: &Request<B>) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Some(Bytes::from_static(b"OK"))));
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, A_WHILE);
    if let Some(asked) = request
        .headers()
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    response
}

/// Whether a page called.
pub fn is_foreign<B>(request: &Request<B>) -> bool {
    request.headers().contains_key(header::ORIGIN)
}

/// Lets the page read the reply, and its headers.
pub fn allow(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANY);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preflight_is_told_that_it_may() {
        let request = Request::builder()
            .method("OPTIONS")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,x-a")
            .body(())
            .unwrap();
        assert!(is_preflight(&request));
        let response = preflight(&request);
        assert_eq!(response.status(), 200);
        let headers = response.headers();
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(headers["access-control-allow-headers"], "authorization,x-a");
        assert!(!is_preflight(
            &Request::builder().method("OPTIONS").body(()).unwrap()
        ));
    }
}

//! A redirect is told of and never followed: it could carry a key to another host.

use crate::ask::{client, fails, is, prompt, with};
use crate::server::{Server, YO};
use mishikallm::Status;
use serde_json::json;

const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

#[test]
fn a_redirect_is_not_followed_and_no_key_reaches_the_other_host() {
    for status in REDIRECTS {
        let other = Server::always(200, YO);
        let location = other.endpoint();
        let body = format!("<a href=\"{location}\">Moved</a>");
        let server =
            Server::start(move |_, to| to.reply_with(status, &[("location", &location)], &body));
        let secrets = json!({"api_key": "planted-key", "extra_headers": {"x-token": "planted"}});
        let client = client(json!({}));
        for base in [server.endpoint(), server.url()] {
            let error = fails(&client, &with(prompt(&base), secrets.clone()));
            let words = ["redirect", "api_base", &status.to_string()];
            is(&error, Status::Protocol, 502, &words);
            assert!(!error.is_retryable());
        }
        assert_eq!(other.count(), 0, "HTTP {status} was followed");
    }
}

#[test]
fn a_redirect_to_the_same_host_is_not_followed_either() {
    for status in REDIRECTS {
        let server = Server::start(move |request, to| match request.path.as_str() {
            "/generate" => to.reply_with(status, &[("location", "/v3/generate")], ""),
            _ => to.reply(200, YO),
        });
        let error = fails(&client(json!({})), &prompt(&server.endpoint()));
        is(&error, Status::Protocol, 502, &["redirect", "api_base"]);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_redirected_look_up_is_a_look_up_that_failed() {
    // The endpoint itself answers: that the metadata is elsewhere is no reason to fail.
    let server = Server::start(|request, to| match request.method.as_str() {
        "GET" => to.reply_with(302, &[("location", "http://127.0.0.1:1/login")], ""),
        _ => to.reply(200, YO),
    });
    let answer = crate::ask::ask(&client(json!({})), &prompt(&server.url()));
    assert_eq!(answer.unwrap(), "yo");
}

#[test]
fn a_redirect_is_not_tried_again() {
    let server = Server::start(|_, to| to.reply_with(307, &[("location", "/x")], ""));
    let request = with(prompt(&server.endpoint()), json!({"num_retries": 3}));
    fails(&client(json!({})), &request);
    assert_eq!(server.posts().len(), 1);
}

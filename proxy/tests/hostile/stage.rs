//! What each test begins with: an upstream that answers, and the command in front of it.

use std::io::ErrorKind;
use std::net::Shutdown;

use serde_json::{Map, json};

use running::Proxy;
use running::client::{Connection, ask, request};
use running::common::http::Response;
use running::common::reply::Script;
use running::common::server::{Bound, Server};

pub const KEY: &str = "sk-hostile-83b1";
pub const CHAT: &str = "/v1/chat/completions";

pub struct Stage {
    pub proxy: Proxy,
    pub upstream: Server,
}

impl Stage {
    pub fn new() -> Stage {
        let upstream = Bound::new().serve(
            Script::by_path(
                json!({"*": [{
                    "status": 200, "headers": {"content-type": "application/json"},
                    "body": {"model_name": "llm", "model_version": "1", "text_output": "Hello"},
                }]})
                .as_object()
                .expect("an object"),
            )
            .expect("the test's own replies"),
            Map::new(),
        );
        let proxy = Proxy::with_config(&config(&upstream.host));
        Stage { proxy, upstream }
    }

    pub fn open(&self) -> Connection {
        Connection::open(&self.proxy.host).expect("it listens")
    }

    /// Sends these bytes and nothing more, and reads what comes back to the end.
    pub fn told(&self, bytes: &[u8]) -> String {
        let mut connection = self.open();
        // It may have answered and closed before it has read all.
        let _ = connection.send(bytes);
        let _ = connection.stream().shutdown(Shutdown::Write);
        let text = String::from_utf8_lossy(&connection.rest()).into_owned();
        self.is_silent_about_secrets(&text);
        text
    }

    /// A chat with this body and the key.
    pub fn chat(&self, body: &[u8]) -> Response {
        let answer = ask(&self.proxy.host, "POST", CHAT, &headers(), body).expect("an answer");
        self.is_silent_about_secrets(&answer.text());
        answer
    }

    /// A chat that is refused in OpenAI's shape.
    #[track_caller]
    pub fn refuses(&self, body: &[u8], status: u16) {
        let answer = self.chat(body);
        assert_eq!(answer.status, status, "{}", answer.text());
        is_error(&answer);
        self.still_answers();
    }

    /// A good request is answered.
    #[track_caller]
    pub fn still_answers(&self) {
        let answer = self.chat(&good());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    #[track_caller]
    pub fn is_silent_about_secrets(&self, text: &str) {
        for secret in [KEY, "sk-upstream", &self.upstream.host, "panicked", ".rs:"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

pub fn config(upstream: &str) -> String {
    format!(
        "model_list:
  - model_name: llm
    mishikallm_params:
      model: triton/llm
      api_base: http://{upstream}/v2/models/llm/generate
      api_key: sk-upstream
general_settings:
  master_key: {KEY}
"
    )
}

pub fn headers() -> Vec<(String, String)> {
    [
        ("content-type", "application/json".to_string()),
        ("authorization", format!("Bearer {KEY}")),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .to_vec()
}

pub fn good() -> Vec<u8> {
    json!({"model": "llm", "messages": [{"role": "user", "content": "hi"}]})
        .to_string()
        .into_bytes()
}

/// A whole good request, as bytes.
pub fn good_request() -> Vec<u8> {
    request("POST", CHAT, &headers(), &good())
}

/// `{"error":{message,type,param,code}}`.
#[track_caller]
pub fn is_error(answer: &Response) {
    let text = answer.text();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let error = &json["error"];
    assert!(
        error["message"].is_string() && error["type"].is_string() && error["code"].is_string(),
        "{} {text}",
        answer.status
    );
}

/// The status of the first answer in a text; 0: it is none.
pub fn status(text: &str) -> u16 {
    let rest = text.strip_prefix("HTTP/1.1 ").unwrap_or_default();
    rest.get(..3)
        .and_then(|code| code.parse().ok())
        .unwrap_or_default()
}

/// Whether nothing came because the other side has closed.
pub fn is_closed(result: std::io::Result<usize>) -> bool {
    match result {
        Ok(count) => count == 0,
        Err(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof
        ),
    }
}

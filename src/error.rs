//! The one error type, its C status, and its JSON: OpenAI's error object, as every OpenAI client reads it.

use crate::limits;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// What a call came to. The numbers are the ABI's and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// The answer is whole.
    Ok = 0,
    /// A stream has ended.
    Done = 1,
    /// Nothing arrived within the time the caller gave; not an error.
    Timeout = 2,
    /// The request is wrong; the message names the field.
    Argument = -1,
    /// The client's configuration is wrong.
    Config = -2,
    /// The server could not be reached: name, connection, TLS.
    Connect = -3,
    /// A time-out ran out.
    Deadline = -4,
    /// The server answered with an error.
    Server = -5,
    /// The server's answer was cut short or is not what Triton sends.
    Protocol = -6,
    /// The call was cancelled.
    Cancelled = -7,
    /// The client was closed.
    Closed = -8,
    /// Another thread is in the same call.
    Busy = -9,
    /// The client was made before `fork()` and used in the child.
    Forked = -10,
    /// A size limit was passed.
    Limit = -11,
    /// A defect of the library; the call came to no harm beyond itself.
    Panic = -12,
    /// No deployment is left that could take the call.
    Unavailable = -13,
}

impl Status {
    /// All of them, in the order of the header.
    pub const ALL: [Status; 16] = [
        Status::Ok,
        Status::Done,
        Status::Timeout,
        Status::Argument,
        Status::Config,
        Status::Connect,
        Status::Deadline,
        Status::Server,
        Status::Protocol,
        Status::Cancelled,
        Status::Closed,
        Status::Busy,
        Status::Forked,
        Status::Limit,
        Status::Panic,
        Status::Unavailable,
    ];

    /// The number that crosses the ABI.
    pub fn as_i32(self) -> i32 {
        self as i32
    }

    /// The constant's name without its prefix, such as `"ARGUMENT"`.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::Done => "DONE",
            Status::Timeout => "TIMEOUT",
            Status::Argument => "ARGUMENT",
            Status::Config => "CONFIG",
            Status::Connect => "CONNECT",
            Status::Deadline => "DEADLINE",
            Status::Server => "SERVER",
            Status::Protocol => "PROTOCOL",
            Status::Cancelled => "CANCELLED",
            Status::Closed => "CLOSED",
            Status::Busy => "BUSY",
            Status::Forked => "FORKED",
            Status::Limit => "LIMIT",
            Status::Panic => "PANIC",
            Status::Unavailable => "UNAVAILABLE",
        }
    }
}

/// OpenAI's `code` for a prompt that is too long for its model.
pub const CONTEXT_WINDOW: &str = "context_length_exceeded";

/// Why a call failed, in words for the person who has to change something.
///
/// A message never holds a key, a header's value or a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    status: Status,
    http: u16,
    message: String,
    param: Option<String>,
    code: Option<&'static str>,
    retry_after: Option<Duration>,
    retryable: bool,
    /// No connection came about: nothing was sent.
    unreached: bool,
}

/// The result of almost everything here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    fn new(status: Status, http: u16, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            status,
            http,
            message: message.into(),
            param: None,
            code: None,
            retry_after: None,
            retryable: false,
            unreached: false,
        }))
    }

    /// The caller's request is wrong: HTTP 400. `param` is the field.
    pub fn argument(param: &str, message: impl Into<String>) -> Error {
        // A caller's field, whose name a message repeats, may be of any length.
        Error::new(Status::Argument, 400, clip(message.into())).with_param(param)
    }

    /// No model of that name is listed: HTTP 404, as OpenAI says it.
    pub fn unknown_model(message: impl Into<String>) -> Error {
        Error::new(Status::Argument, 404, clip(message.into()))
            .with_param("model")
            .with_code("model_not_found")
    }

    /// The client's configuration is wrong. `param` is the field.
    pub fn config(param: &str, message: impl Into<String>) -> Error {
        Error::new(Status::Config, 400, clip(message.into())).with_param(param)
    }

    /// The server cannot be reached: HTTP 503, worth a retry.
    pub fn connect(message: impl Into<String>) -> Error {
        Error::new(Status::Connect, 503, message)
            .worth_a_retry()
            .unreached()
    }

    /// A time-out ran out: HTTP 408.
    pub fn deadline(message: impl Into<String>) -> Error {
        Error::new(Status::Deadline, 408, message)
    }

    /// The answer was cut short or is not what Triton sends: HTTP 502.
    pub fn protocol(message: impl Into<String>) -> Error {
        Error::new(Status::Protocol, 502, message)
    }

    /// The connection went away before an answer came: HTTP 502, worth a retry.
    pub fn cut(message: impl Into<String>) -> Error {
        Error::protocol(message).worth_a_retry()
    }

    /// The server answered with an error of its own.
    pub fn server(http: u16, message: impl Into<String>) -> Error {
        let error = Error::new(Status::Server, http, message);
        // 501 is Triton's "unsupported": it will be so the next time.
        match http {
            408 | 429 | 500 | 502 | 503 | 504 => error.worth_a_retry(),
            _ => error,
        }
    }

    /// A size limit was passed. `http` is 413 for the caller's bytes, 502 for the server's.
    pub fn limit(http: u16, message: impl Into<String>) -> Error {
        Error::new(Status::Limit, http, message)
    }

    /// The call was cancelled.
    pub fn cancelled() -> Error {
        Error::new(Status::Cancelled, 499, "the call was cancelled")
    }

    /// The client was closed.
    pub fn closed() -> Error {
        Error::new(Status::Closed, 499, "the client was closed")
    }

    /// The client was made before `fork()` and is used in the child.
    pub fn forked() -> Error {
        Error::new(
            Status::Forked,
            500,
            "this client was made before fork(): make a new one in the child process",
        )
    }

    /// No deployment can take the call now: HTTP 429 where limits are reached, else 503.
    pub fn unavailable(http: u16, message: impl Into<String>) -> Error {
        Error::new(Status::Unavailable, http, message)
    }

    /// Someone else holds what the caller wants.
    pub fn busy(message: impl Into<String>) -> Error {
        Error::new(Status::Busy, 429, message)
    }

    /// A defect of the library was caught at the ABI.
    pub fn panicked() -> Error {
        Error::new(
            Status::Panic,
            500,
            "a defect in the library was caught; the call was given up",
        )
    }

    /// The same error in other words.
    pub fn with_message(mut self, message: String) -> Error {
        self.0.message = message;
        self
    }

    /// Names the field that is at fault.
    pub fn with_param(mut self, param: &str) -> Error {
        self.0.param = Some(clip(param.to_owned()));
        self
    }

    /// Sets OpenAI's `code`; without one it is the HTTP status as a string.
    pub fn with_code(mut self, code: &'static str) -> Error {
        self.0.code = Some(code);
        self
    }

    /// Carries the server's `Retry-After`.
    pub fn with_retry_after(mut self, after: Option<Duration>) -> Error {
        self.0.retry_after = after;
        self
    }

    /// Nothing was done yet: the same request may be sent again.
    pub fn retryable(self) -> Error {
        self.worth_a_retry()
    }

    fn worth_a_retry(mut self) -> Error {
        self.0.retryable = true;
        self
    }

    /// The C status.
    pub fn status(&self) -> Status {
        self.0.status
    }

    /// The HTTP status that says the same.
    pub fn http_status(&self) -> u16 {
        self.0.http
    }

    /// The words.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The field at fault, if one is.
    pub fn param(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    /// OpenAI's `code`, if it is not the HTTP status.
    pub fn code(&self) -> Option<&'static str> {
        self.0.code
    }

    /// What the server's `Retry-After` asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// No connection came about: nothing was sent.
    pub fn unreached(mut self) -> Error {
        self.0.unreached = true;
        self
    }

    /// Whether no connection came about.
    pub fn is_unreached(&self) -> bool {
        self.0.unreached
    }

    /// Whether the same request may succeed a moment later.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether the server says that the prompt is too long for the model, in the words of vLLM or TensorRT-LLM.
    pub fn is_context_window(&self) -> bool {
        const WORDS: [&str; 8] = [
            "maximum context length",
            "maximum model length",
            "max_model_len",
            "maximum input length",
            "max_input_len",
            "max_seq_len",
            "max_num_tokens",
            "context window",
        ];
        self.0.code == Some(CONTEXT_WINDOW)
            || self.0.status == Status::Server && {
                let message = self.0.message.to_ascii_lowercase();
                WORDS.iter().any(|words| message.contains(words))
            }
    }

    /// OpenAI's `type`.
    pub fn kind(&self) -> &'static str {
        match (self.0.status, self.0.http) {
            (_, 401) => "authentication_error",
            (_, 403) => "permission_error",
            (_, 429) => "throttling_error",
            (Status::Connect | Status::Unavailable, _) => "service_unavailable_error",
            (_, 400..=499) => "invalid_request_error",
            _ => "internal_server_error",
        }
    }

    /// `{"error":{"message","type","param","code","status"}}`, and `retry_after` in seconds where the server gave one.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            error: Fields<'a>,
        }
        #[derive(Serialize)]
        struct Fields<'a> {
            message: &'a str,
            r#type: &'a str,
            param: Option<&'a str>,
            code: String,
            status: u16,
            #[serde(skip_serializing_if = "Option::is_none")]
            retry_after: Option<f64>,
        }
        let body = Body {
            error: Fields {
                message: self.message(),
                r#type: self.kind(),
                param: self.param(),
                code: self
                    .0
                    .code
                    .map_or_else(|| self.0.http.to_string(), str::to_owned),
                status: self.0.http,
                retry_after: self.0.retry_after.map(|d| d.as_secs_f64()),
            },
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

/// Cuts a message that somebody else wrote, at a character's border. After secrets are struck out: half a key is one too.
pub(crate) fn clip(mut text: String) -> String {
    if text.len() > limits::MESSAGE_BYTES {
        let mut end = limits::MESSAGE_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_openais_error_object() {
        let error = Error::argument(
            "max_tokens",
            "max_tokens: expected a whole number, got \"12\"",
        );
        let json: serde_json::Value = serde_json::from_str(&error.to_json()).unwrap();
        assert_eq!(json["error"]["type"], "invalid_request_error");
        assert_eq!(json["error"]["param"], "max_tokens");
        assert_eq!(json["error"]["code"], "400");
        assert_eq!(json["error"]["status"], 400);
    }

    #[test]
    fn types_follow_the_http_status() {
        let kind = |http| Error::server(http, "x").kind();
        assert_eq!(kind(401), "authentication_error");
        assert_eq!(kind(429), "throttling_error");
        assert_eq!(kind(404), "invalid_request_error");
        assert_eq!(kind(501), "internal_server_error");
        assert_eq!(Error::connect("x").kind(), "service_unavailable_error");
    }

    #[test]
    fn unsupported_is_not_worth_a_retry() {
        assert!(Error::server(503, "x").is_retryable());
        assert!(!Error::server(501, "x").is_retryable());
        assert!(!Error::server(400, "x").is_retryable());
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let message = clip("ü".repeat(limits::MESSAGE_BYTES));
        assert!(message.len() <= limits::MESSAGE_BYTES + '…'.len_utf8());
        assert!(message.ends_with('…'));
    }
}

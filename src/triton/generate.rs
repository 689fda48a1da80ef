//! Triton's generate extension: a request's body, and what its reply holds.
//!
//! Source: Triton's "Generate Extension": a key of the body or of `parameters` that is a declared input becomes that
//! tensor, any other becomes a request parameter; outputs stand in the reply by name, a single element bare.

use super::reply::Reply;
use crate::error::{Error, Result};
use serde_json::{Map, Value};

/// The bytes of a request: `top` at the top level, `parameters` in their object, if there are any.
pub fn encode(mut top: Map<String, Value>, parameters: Map<String, Value>) -> Vec<u8> {
    if !parameters.is_empty() {
        top.insert("parameters".to_owned(), Value::Object(parameters));
    }
    serde_json::to_vec(&top).unwrap_or_default()
}

/// Reads a reply. `output` is the tensor that the caller needs: where it is missing, an `error` beside it is the answer.
pub fn decode(reply: &Reply, output: &str) -> Result<Map<String, Value>> {
    let body = reply.ok()?;
    let no_answer =
        |why: &str| Error::protocol(format!("the answer of Triton's generate endpoint {why}"));
    let value: Value = serde_json::from_slice(body)
        .map_err(|_| no_answer("is not JSON (a gateway in between, or a wrong api_base?)"))?;
    let Value::Object(answer) = value else {
        return Err(no_answer("is no JSON object"));
    };
    match answer.get("error") {
        Some(error) if !answer.contains_key(output) => Err(Reply::hidden_error(error)),
        _ => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode_text(body: &str) -> Result<Map<String, Value>> {
        let reply = Reply {
            status: 200,
            body: body.into(),
            ..Default::default()
        };
        decode(&reply, "text_output")
    }

    #[test]
    fn an_error_hidden_in_a_success_is_found() {
        let e = decode_text(r#"{"error":"generate expects model to produce exactly 1 response"}"#)
            .unwrap_err();
        assert_eq!(
            (e.http_status(), e.status()),
            (500, crate::error::Status::Server)
        );
        assert!(e.message().starts_with("generate expects"));
    }

    #[test]
    fn an_output_named_error_is_an_output() {
        assert!(decode_text(r#"{"text_output":"x","error":""}"#).is_ok());
    }

    #[test]
    fn what_is_no_answer_is_said() {
        for bad in ["", "\"str\"", "<html>", "[1]", "{"] {
            assert_eq!(decode_text(bad).unwrap_err().http_status(), 502, "{bad}");
        }
    }
}

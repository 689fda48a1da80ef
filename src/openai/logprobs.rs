//! How likely the generated tokens were.
//!
//! Source of the shapes: OpenAI's API reference, `logprobs` of chat completions and of (legacy) completions.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// What OpenAI writes for a probability that is as good as none; JSON has no infinity.
const IMPOSSIBLE: f64 = -9999.0;

/// One generated token.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Its text.
    pub text: String,
    /// The natural logarithm of its probability.
    pub logprob: f64,
    /// The likeliest tokens in its place, the likeliest first; the token itself may be among them.
    pub top: Vec<(String, f64)>,
}

/// What JSON can hold of a logarithm.
fn finite(logprob: f64) -> f64 {
    match logprob.is_finite() {
        true => logprob,
        false => IMPOSSIBLE,
    }
}

/// The tokens as a chat has them: `{"content": […], "refusal": null}`; `top`: how many alternatives were asked for.
#[derive(Clone, Copy, Debug)]
pub struct OfChat<'a> {
    /// The tokens.
    pub tokens: &'a [Token],
    /// Alternatives of each.
    pub top: usize,
}

#[derive(Serialize)]
struct Entry<'a> {
    token: &'a str,
    logprob: f64,
    bytes: &'a [u8],
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<Vec<Entry<'a>>>,
}

impl Serialize for OfChat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn entry<'a>(text: &'a str, logprob: f64, top: Option<Vec<Entry<'a>>>) -> Entry<'a> {
            Entry {
                token: text,
                logprob: finite(logprob),
                bytes: text.as_bytes(),
                top_logprobs: top,
            }
        }
        let content: Vec<Entry<'_>> = self
            .tokens
            .iter()
            .map(|token| {
                let top = token.top.iter().take(self.top);
                let top = top.map(|(text, logprob)| entry(text, *logprob, None));
                entry(&token.text, token.logprob, Some(top.collect()))
            })
            .collect();
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("content", &content)?;
        map.serialize_entry("refusal", &())?;
        map.end()
    }
}

/// The tokens as a text completion has them: `{"tokens", "token_logprobs", "top_logprobs", "text_offset"}`.
#[derive(Clone, Copy, Debug)]
pub struct OfText<'a> {
    /// The tokens.
    pub tokens: &'a [Token],
    /// Alternatives of each.
    pub top: usize,
    /// Where the first one begins in the whole text, in characters.
    pub offset: usize,
}

/// Alternatives as an object, the likeliest first. Of two tokens with one text the likelier counts.
struct Alternatives<'a>(&'a [(String, f64)]);

impl Serialize for Alternatives<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (i, (text, logprob)) in self.0.iter().enumerate() {
            if !self.0[..i].iter().any(|(earlier, _)| earlier == text) {
                map.serialize_entry(text, &finite(*logprob))?;
            }
        }
        map.end()
    }
}

impl Serialize for OfText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tokens = || self.tokens.iter();
        let texts: Vec<&str> = tokens().map(|t| t.text.as_str()).collect();
        let logprobs: Vec<f64> = tokens().map(|t| finite(t.logprob)).collect();
        let top: Vec<Alternatives<'_>> = tokens()
            .map(|t| Alternatives(&t.top[..t.top.len().min(self.top)]))
            .collect();
        let mut at = self.offset;
        let offsets: Vec<usize> = tokens()
            .map(|t| {
                let begin = at;
                at += t.text.chars().count();
                begin
            })
            .collect();
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("tokens", &texts)?;
        map.serialize_entry("token_logprobs", &logprobs)?;
        match self.top {
            0 => map.serialize_entry("top_logprobs", &())?,
            _ => map.serialize_entry("top_logprobs", &top)?,
        }
        map.serialize_entry("text_offset", &offsets)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tokens() -> Vec<Token> {
        let token = |text: &str, logprob, top: &[(&str, f64)]| Token {
            text: text.into(),
            logprob,
            top: top.iter().map(|(t, p)| ((*t).to_owned(), *p)).collect(),
        };
        vec![
            token("é", -0.5, &[("é", -0.5), ("e", -1.0)]),
            token("!", f64::NEG_INFINITY, &[]),
        ]
    }

    #[test]
    fn a_chats_logprobs_are_openais() {
        let of = OfChat {
            tokens: &tokens(),
            top: 1,
        };
        assert_eq!(
            serde_json::to_value(of).unwrap(),
            json!({"content":[
                {"token":"é","logprob":-0.5,"bytes":[195,169],"top_logprobs":[{"token":"é","logprob":-0.5,"bytes":[195,169]}]},
                {"token":"!","logprob":-9999.0,"bytes":[33],"top_logprobs":[]}],"refusal":null})
        );
    }

    #[test]
    fn a_completions_logprobs_are_openais() {
        let of = OfText {
            tokens: &tokens(),
            top: 2,
            offset: 3,
        };
        assert_eq!(
            serde_json::to_value(of).unwrap(),
            json!({"tokens":["é","!"],"token_logprobs":[-0.5,-9999.0],
                "top_logprobs":[{"é":-0.5,"e":-1.0},{}],"text_offset":[3,4]})
        );
    }
}

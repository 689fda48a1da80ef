//! The chunks of a stream: `chat.completion.chunk`, or `text_completion` in pieces.
//!
//! Source of the shapes: OpenAI's API reference, "Streaming" of chat completions and completions. The role stands in the
//! first chunk of a choice; `finish_reason` in a last one of its own, without text; with `stream_options.include_usage` one more
//! follows that has the usage and no choices, and all before it say `"usage": null`.

use super::response::{FinishReason, Stamp, Usage};
use serde::Serialize;

/// Writes the chunks of one call.
#[derive(Clone, Debug)]
pub struct Writer {
    is_chat: bool,
    tells_usage: bool,
    /// What all chunks begin with, up to the choices.
    head: String,
}

impl Writer {
    /// Of a chat, or of a text completion. `tells_usage`: as `stream_options.include_usage` wants it.
    pub fn new(is_chat: bool, stamp: &Stamp<'_>, tells_usage: bool) -> Writer {
        #[derive(Serialize)]
        struct Head<'a> {
            id: String,
            object: &'static str,
            created: u64,
            model: &'a str,
        }
        let (prefix, object) = match is_chat {
            true => ("chatcmpl-", "chat.completion.chunk"),
            false => ("cmpl-", "text_completion"),
        };
        let head = Head {
            id: [prefix, stamp.id].concat(),
            object,
            created: stamp.created,
            model: stamp.model,
        };
        let mut head = serde_json::to_string(&head).unwrap_or_default();
        head.pop();
        head.push_str(",\"choices\":[");
        Writer {
            is_chat,
            tells_usage,
            head,
        }
    }

    /// Some text of choice number `index`; `first`: the choice begins.
    pub fn delta(&self, index: usize, first: bool, text: &str) -> String {
        let before = match (self.is_chat, first) {
            (true, true) => "\"delta\":{\"role\":\"assistant\",\"content\":",
            (true, false) => "\"delta\":{\"content\":",
            (false, _) => "\"text\":",
        };
        let after = if self.is_chat { "}" } else { "" };
        self.choice(index, before, Some(text), after, "null")
    }

    /// The end of choice number `index`.
    pub fn finish(&self, index: usize, reason: FinishReason) -> String {
        let reason = match reason {
            FinishReason::Stop => "\"stop\"",
            FinishReason::Length => "\"length\"",
        };
        let nothing = if self.is_chat {
            "\"delta\":{}"
        } else {
            "\"text\":\"\""
        };
        self.choice(index, nothing, None, "", reason)
    }

    /// What it took; `None` where the caller did not ask for it.
    pub fn usage(&self, spent: &Usage) -> Option<String> {
        self.tells_usage.then(|| {
            let usage = serde_json::to_string(spent).unwrap_or_default();
            [&self.head, "],\"usage\":", &usage, "}"].concat()
        })
    }

    fn choice(
        &self,
        index: usize,
        before: &str,
        text: Option<&str>,
        after: &str,
        reason: &str,
    ) -> String {
        let mut digits = itoa::Buffer::new();
        let index = digits.format(index);
        let end = match self.tells_usage {
            true => "}],\"usage\":null}",
            false => "}]}",
        };
        const AFTER: &str = ",\"logprobs\":null,\"finish_reason\":";
        // The exact length, and a byte for the NUL of a C string: a chunk is made for every token, and is not moved again.
        let parts = [INDEX, index, ",", before, after, AFTER, reason, end];
        let quoted = text.map_or(0, |text| text.len() + 2);
        let fixed: usize = parts.iter().map(|part| part.len()).sum();
        let mut out = String::with_capacity(self.head.len() + fixed + quoted + 1);
        out.push_str(&self.head);
        parts[..4].iter().for_each(|part| out.push_str(part));
        match text {
            Some(text) if is_plain(text) => {
                out.push('"');
                out.push_str(text);
                out.push('"');
            }
            Some(text) => out.push_str(&serde_json::to_string(text).unwrap_or_default()),
            None => {}
        }
        parts[4..].iter().for_each(|part| out.push_str(part));
        out
    }
}

const INDEX: &str = "{\"index\":";

/// Whether JSON writes a text as it is.
fn is_plain(text: &str) -> bool {
    !text.bytes().any(|b| b < b' ' || b == b'"' || b == b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn writer(is_chat: bool, tells_usage: bool) -> Writer {
        let stamp = Stamp {
            id: "1",
            created: 7,
            model: "l\"m",
        };
        Writer::new(is_chat, &stamp, tells_usage)
    }

    fn parsed(text: String) -> Value {
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn chat_chunks_are_openais() {
        let w = writer(true, false);
        assert_eq!(
            parsed(w.delta(0, true, "hi \"you\"\n")),
            json!({"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"l\"m","choices":[
                {"index":0,"delta":{"role":"assistant","content":"hi \"you\"\n"},"logprobs":null,"finish_reason":null}]})
        );
        assert_eq!(
            parsed(w.delta(3, false, "é"))["choices"][0],
            json!({"index":3,"delta":{"content":"é"},"logprobs":null,"finish_reason":null})
        );
        assert_eq!(
            parsed(w.finish(0, FinishReason::Length))["choices"][0],
            json!({"index":0,"delta":{},"logprobs":null,"finish_reason":"length"})
        );
        assert_eq!(w.usage(&Usage::completion(1, 2, false)), None);
    }

    #[test]
    fn text_chunks_are_openais() {
        let w = writer(false, false);
        assert_eq!(
            parsed(w.delta(1, true, "a")),
            json!({"id":"cmpl-1","object":"text_completion","created":7,"model":"l\"m","choices":[
                {"index":1,"text":"a","logprobs":null,"finish_reason":null}]})
        );
        assert_eq!(
            parsed(w.finish(1, FinishReason::Stop))["choices"][0],
            json!({"index":1,"text":"","logprobs":null,"finish_reason":"stop"})
        );
    }

    #[test]
    fn usage_is_told_once_where_it_is_asked_for() {
        let w = writer(true, true);
        assert_eq!(parsed(w.delta(0, true, "a"))["usage"], Value::Null);
        assert!(w.delta(0, true, "a").ends_with("\"usage\":null}"));
        let last = parsed(w.usage(&Usage::completion(1, 2, true)).unwrap());
        assert_eq!(last["choices"], json!([]));
        assert_eq!(
            last["usage"],
            json!({"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"estimated":true})
        );
    }
}

//! The chunks of a stream: `chat.completion.chunk`, or `text_completion` in pieces.
//!
//! Source of the shapes: OpenAI's API reference, "Streaming" of chat completions and completions. The role stands in the
//! first chunk of a choice; `finish_reason` in a last one of its own, without text; with `stream_options.include_usage` one more
//! follows that has the usage and no choices, and all before it say `"usage": null`.

use super::answer::FinishReason;
use super::response::{Stamp, Usage};
use crate::json::is_plain;
use serde::Serialize;
use serde_json::{Value, json};

/// What a chunk adds to its choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delta<'a> {
    /// Text.
    Content(&'a str),
    /// Thoughts before it.
    Reasoning(&'a str),
    /// A call of a tool begins.
    CallBegin {
        /// Its number in the choice.
        call: usize,
        /// Unique.
        id: &'a str,
        /// The tool.
        name: &'a str,
    },
    /// Some more of a call's arguments.
    CallArguments {
        /// The call's number in the choice.
        call: usize,
        /// JSON, a piece of it.
        text: &'a str,
    },
}

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

    /// Some of choice number `index`; `first`: the choice begins. `logprobs`: of the tokens in it, as JSON.
    pub fn delta(
        &self,
        index: usize,
        first: bool,
        delta: Delta<'_>,
        logprobs: Option<&str>,
    ) -> String {
        let logprobs = logprobs.unwrap_or("null");
        let text = match delta {
            Delta::Content(text) => text,
            Delta::Reasoning(text) => {
                return self.object(index, first, &json!({"reasoning_content": text}), logprobs);
            }
            Delta::CallBegin { call, id, name } => {
                let function = json!({"name": name, "arguments": ""});
                let calls =
                    json!([{"index": call, "id": id, "type": "function", "function": function}]);
                return self.object(index, first, &json!({"tool_calls": calls}), logprobs);
            }
            Delta::CallArguments { call, text } => {
                let calls = json!([{"index": call, "function": {"arguments": text}}]);
                return self.object(index, first, &json!({"tool_calls": calls}), logprobs);
            }
        };
        let before = match (self.is_chat, first) {
            (true, true) => "\"delta\":{\"role\":\"assistant\",\"content\":",
            (true, false) => "\"delta\":{\"content\":",
            (false, _) => "\"text\":",
        };
        let after = if self.is_chat { "}" } else { "" };
        self.choice(index, before, Some(text), after, logprobs, "null")
    }

    /// A delta without content. In the first one OpenAI says that there is none.
    fn object(&self, index: usize, first: bool, delta: &Value, logprobs: &str) -> String {
        let begin = match first {
            true => "\"delta\":{\"role\":\"assistant\",\"content\":null,",
            false => "\"delta\":{",
        };
        let delta = [begin, &delta.to_string()[1..]].concat();
        self.choice(index, &delta, None, "", logprobs, "null")
    }

    /// The end of choice number `index`.
    pub fn finish(&self, index: usize, reason: FinishReason) -> String {
        let nothing = if self.is_chat {
            "\"delta\":{}"
        } else {
            "\"text\":\"\""
        };
        self.choice(index, nothing, None, "", "null", reason.json())
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
        logprobs: &str,
        reason: &str,
    ) -> String {
        let mut digits = itoa::Buffer::new();
        let index = digits.format(index);
        let end = match self.tells_usage {
            true => "}],\"usage\":null}",
            false => "}]}",
        };
        const LOGPROBS: &str = ",\"logprobs\":";
        const REASON: &str = ",\"finish_reason\":";
        // The exact length, and a byte for the NUL of a C string: a chunk is made for every token, and is not moved again.
        let parts = [
            INDEX, index, ",", before, after, LOGPROBS, logprobs, REASON, reason, end,
        ];
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

#[cfg(test)]
mod tests {
    use super::*;

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
            parsed(w.delta(0, true, Delta::Content("hi \"you\"\n"), None)),
            json!({"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"l\"m","choices":[
                {"index":0,"delta":{"role":"assistant","content":"hi \"you\"\n"},"logprobs":null,"finish_reason":null}]})
        );
        assert_eq!(
            parsed(w.delta(3, false, Delta::Content("é"), None))["choices"][0],
            json!({"index":3,"delta":{"content":"é"},"logprobs":null,"finish_reason":null})
        );
        assert_eq!(
            parsed(w.finish(0, FinishReason::Length))["choices"][0],
            json!({"index":0,"delta":{},"logprobs":null,"finish_reason":"length"})
        );
        assert_eq!(w.usage(&Usage::completion(1, 2, false)), None);
    }

    #[test]
    fn reasoning_and_calls_are_deltas_of_their_own() {
        let w = writer(true, false);
        let delta =
            |first, delta| parsed(w.delta(0, first, delta, None))["choices"][0]["delta"].clone();
        assert_eq!(
            delta(true, Delta::Reasoning("hm")),
            json!({"role":"assistant","content":null,"reasoning_content":"hm"})
        );
        let begin = Delta::CallBegin {
            call: 1,
            id: "call_1",
            name: "f",
        };
        assert_eq!(
            delta(false, begin),
            json!({"tool_calls":[{"index":1,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]})
        );
        let more = Delta::CallArguments {
            call: 1,
            text: "{\"a\"",
        };
        assert_eq!(
            delta(false, more),
            json!({"tool_calls":[{"index":1,"function":{"arguments":"{\"a\""}}]})
        );
        let with = w.delta(0, false, Delta::Content("a"), Some("{\"content\":[]}"));
        assert_eq!(
            parsed(with)["choices"][0]["logprobs"],
            json!({"content":[]})
        );
        assert_eq!(
            parsed(w.finish(0, FinishReason::ToolCalls))["choices"][0]["finish_reason"],
            "tool_calls"
        );
    }

    #[test]
    fn text_chunks_are_openais() {
        let w = writer(false, false);
        assert_eq!(
            parsed(w.delta(1, true, Delta::Content("a"), None)),
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
        assert_eq!(
            parsed(w.delta(0, true, Delta::Content("a"), None))["usage"],
            Value::Null
        );
        assert!(
            w.delta(0, true, Delta::Content("a"), None)
                .ends_with("\"usage\":null}")
        );
        let last = parsed(w.usage(&Usage::completion(1, 2, true)).unwrap());
        assert_eq!(last["choices"], json!([]));
        assert_eq!(
            last["usage"],
            json!({"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"estimated":true})
        );
    }
}

//! What holds for the chunks of a stream: choice after choice, each with its text and then its end, and the usage last.

use crate::strict::json;
use serde_json::Value;

/// The chunks of one call so far.
#[derive(Default)]
pub struct Chunks {
    /// What is the same in all of them.
    head: Option<[Value; 4]>,
    /// The choice that is being told, and whether anything of it was.
    index: u64,
    begun: bool,
    usage: bool,
}

impl Chunks {
    /// Whether any came.
    pub fn have_begun(&self) -> bool {
        self.head.is_some()
    }

    /// Whether a choice was begun and not ended: what was said of it cannot be unsaid, so nobody is asked again.
    pub fn are_in_a_choice(&self) -> bool {
        self.begun
    }

    /// Takes the next.
    pub fn take(&mut self, chunk: &str) {
        let chunk = json("a chunk", chunk.as_bytes());
        let head = ["id", "object", "created", "model"].map(|key| chunk[key].clone());
        assert_eq!(*self.head.get_or_insert(head.clone()), head);
        assert!(!self.usage, "a chunk after the usage");
        let [choice] = chunk["choices"].as_array().unwrap().as_slice() else {
            self.usage = true;
            assert_eq!(chunk["choices"], Value::Array(Vec::new()));
            assert!(self.index > 0 && !self.begun, "the usage before the end");
            return assert!(chunk["usage"]["completion_tokens"].is_u64());
        };
        assert_eq!(choice["index"], self.index);
        let is_chat = chunk["object"] == "chat.completion.chunk";
        let text = match is_chat {
            true => choice["delta"].get("content"),
            false => choice.get("text"),
        };
        match &choice["finish_reason"] {
            Value::Null => {
                let delta = &choice["delta"];
                let is_call = delta["tool_calls"].is_array();
                let says = text.is_some_and(Value::is_string)
                    || is_call
                    || delta["reasoning_content"].is_string();
                assert!(says, "a delta of nothing");
                let role = choice["delta"].get("role");
                assert_eq!(role.is_some(), is_chat && !self.begun);
                self.begun = true;
            }
            reason => {
                assert!(*reason == "stop" || *reason == "length" || *reason == "tool_calls");
                assert!(text.is_none_or(|text| text == ""));
                self.index += 1;
                self.begun = false;
            }
        }
    }

    /// The stream is over, in order.
    pub fn end(&self) {
        assert!(self.index > 0 && !self.begun, "no end of the last choice");
    }
}

//! Any source of a chat template → the prompts that it makes of a few chats, in bounded time and memory.
#![no_main]

use fuzz::errors;
use libfuzzer_sys::fuzz_target;
use mishikallm::limits;
use mishikallm::template::Template;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// A chat, and what goes with it.
struct Chat {
    messages: Vec<Value>,
    tools: Option<Vec<Value>>,
    kwargs: Map<String, Value>,
}

static CHATS: LazyLock<[Chat; 3]> = LazyLock::new(|| {
    let chat = |messages: Value, tools: Value, kwargs: Value| Chat {
        messages: messages.as_array().cloned().unwrap_or_default(),
        tools: tools.as_array().cloned(),
        kwargs: kwargs.as_object().cloned().unwrap_or_default(),
    };
    [
        chat(
            json!([{"role": "user", "content": "hi {{ x }} é"}]),
            json!(null),
            json!({}),
        ),
        chat(
            json!([
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": [1, 2.5, null]}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "21"},
            ]),
            json!([{"type": "function", "function": {"name": "f", "description": "does", "parameters": {"type": "object"}}}]),
            json!({"enable_thinking": false, "n": 3}),
        ),
        chat(
            json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": " b "}]),
            json!(null),
            json!({"continue_final_message": true}),
        ),
    ]
});

fuzz_target!(|source: &str| {
    let compile = || Template::compile(source);
    let template = match compile() {
        Ok(template) => template,
        Err(error) => {
            assert_eq!(error.param(), Some("chat_template"));
            return errors::check_inner(&error, source.len());
        }
    };
    for chat in &*CHATS {
        let render = || {
            template.render(
                &chat.messages,
                chat.tools.as_deref(),
                &chat.kwargs,
                1_700_000_000,
            )
        };
        let once = render();
        assert_eq!(once, render(), "the same chat, and another prompt");
        match once {
            Ok(prompt) => assert!(prompt.len() <= limits::PROMPT_BYTES),
            Err(error) => {
                assert!(error.param().is_some());
                assert_eq!(error.http_status() / 100, 4);
                errors::check_inner(&error, limits::PROMPT_BYTES);
            }
        }
    }
});

//! Whole answers of chats and text completions, written straight to text: OpenAI's objects, with the fields in OpenAI's order.

use super::logprobs::{OfChat, OfText, Token};
use super::response::{FRAME, Stamp, Usage};
use crate::json::Out;

/// Why the text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// It was over, or a stop sequence came.
    Stop,
    /// `max_tokens` were out.
    Length,
    /// The model calls tools.
    ToolCalls,
}

impl FinishReason {
    /// As JSON.
    pub(super) fn json(self) -> &'static str {
        match self {
            FinishReason::Stop => "\"stop\"",
            FinishReason::Length => "\"length\"",
            FinishReason::ToolCalls => "\"tool_calls\"",
        }
    }
}

/// One generated text, as the model gave it, cut at the stop sequences.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The text.
    pub text: String,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// What it took.
    pub usage: Usage,
    /// Its tokens, where they were asked for.
    pub logprobs: Vec<Token>,
}

/// What an assistant says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// The text; `None` where there are only calls.
    pub content: Option<String>,
    /// What was thought before it, where that is told apart.
    pub reasoning: Option<String>,
    /// Tools that are called.
    pub calls: Vec<ToolCall>,
}

/// One call of a tool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolCall {
    /// Unique; the tool's answer names it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON, as the model wrote it.
    pub arguments: String,
}

/// One choice of a chat.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatChoice {
    /// What is said.
    pub said: Said,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Its tokens, and how many alternatives of each were asked for.
    pub logprobs: Option<(Vec<Token>, usize)>,
}

/// One choice of a text completion.
#[derive(Clone, Debug, PartialEq)]
pub struct TextChoice {
    /// The text.
    pub text: String,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Its tokens, and how many alternatives of each were asked for.
    pub logprobs: Option<(Vec<Token>, usize)>,
}

/// A `chat.completion`.
pub fn chat(stamp: &Stamp<'_>, choices: &[ChatChoice], usage: Usage) -> String {
    let texts = choices.iter().map(|c| c.said.content.as_deref());
    let mut out = begin("chatcmpl-", "chat.completion", stamp, texts);
    for (index, choice) in choices.iter().enumerate() {
        let said = &choice.said;
        out.put(if index == 0 { "{" } else { ",{" });
        out.put("\"index\":").number(index);
        out.put(",\"message\":{\"role\":\"assistant\",\"content\":");
        match &said.content {
            Some(content) => out.text(content),
            None => out.put("null"),
        };
        out.put(",\"refusal\":null");
        if let Some(reasoning) = &said.reasoning {
            out.put(",\"reasoning_content\":").text(reasoning);
        }
        for (i, call) in said.calls.iter().enumerate() {
            out.put(if i == 0 { ",\"tool_calls\":[" } else { "," });
            out.put("{\"id\":").text(&call.id);
            out.put(",\"type\":\"function\",\"function\":{\"name\":");
            out.text(&call.name);
            out.put(",\"arguments\":").text(&call.arguments).put("}}");
        }
        out.put(if said.calls.is_empty() { "}" } else { "]}" });
        out.put(",\"logprobs\":");
        match &choice.logprobs {
            Some((tokens, top)) => out.value(&OfChat { tokens, top: *top }),
            None => out.put("null"),
        };
        end_choice(&mut out, choice.finish_reason);
    }
    end(out, usage)
}

/// A `text_completion`; choices in order.
pub fn text(stamp: &Stamp<'_>, choices: &[TextChoice], usage: Usage) -> String {
    let texts = choices.iter().map(|c| Some(c.text.as_str()));
    let mut out = begin("cmpl-", "text_completion", stamp, texts);
    for (index, choice) in choices.iter().enumerate() {
        out.put(if index == 0 { "{" } else { ",{" });
        out.put("\"text\":").text(&choice.text);
        out.put(",\"index\":").number(index);
        out.put(",\"logprobs\":");
        match &choice.logprobs {
            Some((tokens, top)) => out.value(&OfText {
                tokens,
                top: *top,
                offset: 0,
            }),
            None => out.put("null"),
        };
        end_choice(&mut out, choice.finish_reason);
    }
    end(out, usage)
}

/// All before the choices.
fn begin<'a>(
    prefix: &str,
    object: &str,
    stamp: &Stamp<'_>,
    texts: impl Iterator<Item = Option<&'a str>>,
) -> Out {
    // Some of a text has to be escaped.
    let rooms = texts.map(|text| FRAME + text.map_or(0, str::len) * 9 / 8);
    let mut out = Out::with_room(rooms.sum());
    out.put("{\"id\":").text(&[prefix, stamp.id].concat());
    out.put(",\"object\":").text(object);
    out.put(",\"created\":").number(stamp.created);
    out.put(",\"model\":").text(stamp.model);
    out.put(",\"choices\":[");
    out
}

fn end_choice(out: &mut Out, reason: FinishReason) {
    out.put(",\"finish_reason\":").put(reason.json()).put("}");
}

fn end(mut out: Out, usage: Usage) -> String {
    out.put("],\"usage\":");
    usage.put(&mut out);
    out.put("}");
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const STAMP: Stamp<'_> = Stamp {
        id: "1",
        created: 7,
        model: "llm",
    };

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_chat_completion_is_openais() {
        let choice = ChatChoice {
            said: Said {
                content: Some("hi \"you\"".into()),
                ..Default::default()
            },
            finish_reason: FinishReason::Length,
            logprobs: None,
        };
        let usage = Usage::completion(3, 2, false);
        assert_eq!(
            parsed(&chat(&STAMP, &[choice], usage)),
            json!({"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"llm",
                "choices":[{"index":0,"message":{"role":"assistant","content":"hi \"you\"","refusal":null},
                "logprobs":null,"finish_reason":"length"}],
                "usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})
        );
    }

    #[test]
    fn calls_and_reasoning_stand_beside_the_content() {
        let said = Said {
            content: None,
            reasoning: Some("hm".into()),
            calls: vec![ToolCall {
                id: "call_1".into(),
                name: "f".into(),
                arguments: "{}".into(),
            }],
        };
        let choice = ChatChoice {
            said,
            finish_reason: FinishReason::ToolCalls,
            logprobs: None,
        };
        let answer = parsed(&chat(&STAMP, &[choice], Usage::default()));
        assert_eq!(
            answer["choices"][0],
            json!({"index":0,"finish_reason":"tool_calls","logprobs":null,"message":{"role":"assistant","content":null,
                "refusal":null,"reasoning_content":"hm",
                "tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}})
        );
    }

    #[test]
    fn a_text_completion_is_openais() {
        let choice = TextChoice {
            text: "a".into(),
            finish_reason: FinishReason::Stop,
            logprobs: Some((Vec::new(), 0)),
        };
        let answer = parsed(&text(&STAMP, &[choice], Usage::completion(1, 1, false)));
        assert_eq!(
            answer["choices"][0],
            json!({"text":"a","index":0,"finish_reason":"stop",
                "logprobs":{"tokens":[],"token_logprobs":[],"top_logprobs":null,"text_offset":[]}})
        );
    }
}

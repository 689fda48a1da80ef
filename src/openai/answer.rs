//! Whole answers of chats and text completions, written straight to text: OpenAI's objects, with the fields in OpenAI's order.

use super::logprobs::{OfChat, OfText, Token};
use super::response::{FRAME, Stamp, Usage, to_text};
use serde::Serialize;

/// Why the text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It was over, or a stop sequence came.
    Stop,
    /// `max_tokens` were out.
    Length,
    /// The model calls tools.
    ToolCalls,
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
    #[derive(Serialize)]
    struct Answer<'a> {
        id: String,
        object: &'static str,
        created: u64,
        model: &'a str,
        choices: Vec<Choice<'a>>,
        usage: Usage,
    }
    #[derive(Serialize)]
    struct Choice<'a> {
        index: usize,
        message: Message<'a>,
        logprobs: Option<OfChat<'a>>,
        finish_reason: FinishReason,
    }
    #[derive(Serialize)]
    struct Message<'a> {
        role: &'static str,
        content: Option<&'a str>,
        refusal: (),
        #[serde(skip_serializing_if = "Option::is_none")]
        reasoning_content: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    }
    #[derive(Serialize)]
    struct Call<'a> {
        id: &'a str,
        r#type: &'static str,
        function: Function<'a>,
    }
    #[derive(Serialize)]
    struct Function<'a> {
        name: &'a str,
        arguments: &'a str,
    }
    fn choice((index, choice): (usize, &ChatChoice)) -> Choice<'_> {
        let said = &choice.said;
        let calls = said.calls.iter().map(|call| Call {
            id: &call.id,
            r#type: "function",
            function: Function {
                name: &call.name,
                arguments: &call.arguments,
            },
        });
        Choice {
            index,
            message: Message {
                role: "assistant",
                content: said.content.as_deref(),
                refusal: (),
                reasoning_content: said.reasoning.as_deref(),
                tool_calls: calls.collect(),
            },
            logprobs: choice
                .logprobs
                .as_ref()
                .map(|(tokens, top)| OfChat { tokens, top: *top }),
            finish_reason: choice.finish_reason,
        }
    }
    let texts = choices.iter().map(|c| {
        let content = c.said.content.as_ref().map_or(0, String::len);
        FRAME + content * 9 / 8
    });
    let length = texts.sum();
    let answer = Answer {
        id: ["chatcmpl-", stamp.id].concat(),
        object: "chat.completion",
        created: stamp.created,
        model: stamp.model,
        choices: choices.iter().enumerate().map(choice).collect(),
        usage,
    };
    to_text(&answer, length)
}

/// A `text_completion`; choices in order.
pub fn text(stamp: &Stamp<'_>, choices: &[TextChoice], usage: Usage) -> String {
    #[derive(Serialize)]
    struct Answer<'a> {
        id: String,
        object: &'static str,
        created: u64,
        model: &'a str,
        choices: Vec<Choice<'a>>,
        usage: Usage,
    }
    #[derive(Serialize)]
    struct Choice<'a> {
        text: &'a str,
        index: usize,
        logprobs: Option<OfText<'a>>,
        finish_reason: FinishReason,
    }
    let length = choices.iter().map(|c| FRAME + c.text.len() * 9 / 8).sum();
    let answer = Answer {
        id: ["cmpl-", stamp.id].concat(),
        object: "text_completion",
        created: stamp.created,
        model: stamp.model,
        choices: choices
            .iter()
            .enumerate()
            .map(|(index, choice)| Choice {
                text: &choice.text,
                index,
                logprobs: choice.logprobs.as_ref().map(|(tokens, top)| OfText {
                    tokens,
                    top: *top,
                    offset: 0,
                }),
                finish_reason: choice.finish_reason,
            })
            .collect(),
        usage,
    };
    to_text(&answer, length)
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

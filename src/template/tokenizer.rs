//! `tokenizer_config.json` of Hugging Face: a model's chat template and its special tokens.

use crate::error::{Error, Result};
use crate::json::kind;
use crate::limits;
use serde_json::{Map, Value};

/// Special tokens by the names that templates know them by, such as `bos_token`.
pub type Tokens = Map<String, Value>;

/// What a `tokenizer_config.json` tells of chats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenizerConfig {
    /// The Jinja source for requests without tools, or for all.
    pub template: Option<String>,
    /// The Jinja source for requests with tools, where there is one of its own.
    pub template_with_tools: Option<String>,
    /// The special tokens.
    pub tokens: Tokens,
}

/// Reads the text of a `tokenizer_config.json`.
///
/// `chat_template` is a text, or a list of `{"name", "template"}`; `…_token` a text or an object with `content` (an
/// `AddedToken`), and null where there is none; `additional_special_tokens` a list of these.
///
/// # Errors
/// Argument errors at `tokenizer_config`.
pub fn read(json: &str) -> Result<TokenizerConfig> {
    if json.len() > limits::TOKENIZER_CONFIG_BYTES {
        return wrong(
            "",
            &format!("at most {} bytes", limits::TOKENIZER_CONFIG_BYTES),
            &json.len().to_string(),
        );
    }
    let fields = match serde_json::from_str::<Value>(json) {
        Ok(Value::Object(fields)) => fields,
        Ok(other) => return wrong("", "a JSON object", &kind(&other)),
        Err(e) => {
            return Err(Error::argument(
                "tokenizer_config",
                format!(
                    "tokenizer_config: not valid JSON at line {} column {}",
                    e.line(),
                    e.column()
                ),
            ));
        }
    };
    let mut config = TokenizerConfig::default();
    match fields.get("chat_template") {
        None | Some(Value::Null) => {}
        Some(Value::String(source)) => config.template = Some(source.clone()),
        Some(Value::Array(named)) => {
            for (i, entry) in named.iter().enumerate() {
                let text = |field: &str| entry.get(field).and_then(Value::as_str);
                let (Some(name), Some(source)) = (text("name"), text("template")) else {
                    return wrong(
                        &format!(".chat_template[{i}]"),
                        "a name and a template",
                        &kind(entry),
                    );
                };
                match name {
                    "default" => config.template = Some(source.to_owned()),
                    "tool_use" => config.template_with_tools = Some(source.to_owned()),
                    _ => {}
                }
            }
        }
        Some(other) => return wrong(".chat_template", "a string or a list", &kind(other)),
    }
    for (name, value) in &fields {
        let token = match value {
            Value::Array(many) if name == "additional_special_tokens" => {
                Some(many.iter().filter_map(token).collect())
            }
            value if name.ends_with("_token") => token(value),
            _ => None,
        };
        if let Some(token) = token {
            config.tokens.insert(name.clone(), token);
        }
    }
    Ok(config)
}

fn token(value: &Value) -> Option<Value> {
    match value {
        Value::String(_) => Some(value.clone()),
        Value::Object(added) => added.get("content").filter(|c| c.is_string()).cloned(),
        _ => None,
    }
}

fn wrong<T>(place: &str, expected: &str, got: &str) -> Result<T> {
    Err(Error::argument(
        "tokenizer_config",
        format!("tokenizer_config{place}: expected {expected}, got {got}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;
    use serde_json::json;

    #[test]
    fn templates_and_tokens_are_read_in_all_their_forms() {
        let config = read(
            r#"{"bos_token": {"__type": "AddedToken", "content": "<s>", "lstrip": false}, "eos_token": "</s>", "pad_token": null,
                "additional_special_tokens": ["<a>", {"content": "<b>"}], "add_bos_token": true, "model_max_length": 4096,
                "chat_template": [{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"},
                    {"name": "rag", "template": "R"}]}"#,
        )
        .unwrap();
        assert_eq!(config.template.as_deref(), Some("D"));
        assert_eq!(config.template_with_tools.as_deref(), Some("T"));
        assert_eq!(
            Value::Object(config.tokens),
            json!({"bos_token": "<s>", "eos_token": "</s>", "additional_special_tokens": ["<a>", "<b>"]})
        );
    }

    #[test]
    fn a_request_with_tools_takes_the_template_for_tools() {
        let template = Template::from_tokenizer_config(
            r#"{"bos_token": "<s>", "eos_token": "</s>", "chat_template": [
                {"name": "default", "template": "{{ bos_token }}{{ messages[0].content }}{{ pad_token }}"},
                {"name": "tool_use", "template": "{{ tools[0].function.name }}"}]}"#,
        )
        .unwrap();
        let messages = [json!({"role": "user", "content": "hi"})];
        let tools = [json!({"type": "function", "function": {"name": "f"}})];
        let render = |tools| template.render(&messages, tools, &Map::new(), 0).unwrap();
        assert_eq!(render(None), "<s>hi");
        assert_eq!(render(Some(&tools[..])), "f");
        assert!(template.takes_tools());
        assert_eq!(template.stops(), ["</s>"]);
    }

    #[test]
    fn a_source_gets_the_tokens_of_the_configuration() {
        let template =
            Template::compile_with_tokens("{{ bos_token }}!", r#"{"bos_token": "<s>"}"#).unwrap();
        assert_eq!(
            template.render(&[json!({})], None, &Map::new(), 0).unwrap(),
            "<s>!"
        );
    }

    #[test]
    fn mistakes_are_named() {
        let fail = |json: &str| {
            Template::from_tokenizer_config(json)
                .unwrap_err()
                .message()
                .to_owned()
        };
        assert_eq!(
            fail("[]"),
            "tokenizer_config: expected a JSON object, got an empty list"
        );
        assert_eq!(
            fail("{"),
            "tokenizer_config: not valid JSON at line 1 column 1"
        );
        assert_eq!(
            fail("{}"),
            "tokenizer_config: expected a chat_template in it, got none"
        );
        assert_eq!(
            fail(r#"{"chat_template": 5}"#),
            "tokenizer_config.chat_template: expected a string or a list, got the number 5"
        );
        assert_eq!(
            fail(r#"{"chat_template": [5]}"#),
            "tokenizer_config.chat_template[0]: expected a name and a template, got the number 5"
        );
    }
}

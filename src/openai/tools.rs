//! The tools a model may call.
//!
//! Source: OpenAI's API reference, `tools`, `tool_choice` and `parallel_tool_calls` of chat completions.

use crate::error::{Error, Result};
use crate::json::{Fields, kind};
use crate::limits;
use serde_json::{Value, json};

/// Tools, and how free the model is in calling them.
#[derive(Clone, Debug, PartialEq)]
pub struct Tools {
    /// As the caller gave them: `{"type": "function", "function": {"name", "description", "parameters"}}`. At least one.
    pub list: Vec<Value>,
    /// Whether one has to be called.
    pub choice: Choice,
    /// The caller named a choice.
    pub chosen: bool,
    /// More than one call may be made.
    pub parallel: bool,
}

/// `tool_choice`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The model decides.
    Auto,
    /// At least one, of any.
    Required,
    /// This one.
    Named(String),
}

impl Tools {
    /// Takes `tools`, `tool_choice` and `parallel_tool_calls`. `None`: there are none, or none may be called.
    pub fn take(fields: &mut Fields) -> Result<Option<Tools>> {
        let parallel = fields.boolean("parallel_tool_calls")?.unwrap_or(true);
        let chosen = fields.get("tool_choice").is_some();
        let choice = take_choice(fields)?;
        let list = match fields.take("tools") {
            None => Vec::new(),
            Some(Value::Array(list)) => list,
            Some(other) => {
                return Err(Error::argument(
                    "tools",
                    format!("tools: expected a list, got {}", kind(&other)),
                ));
            }
        };
        if list.len() > limits::TOOLS {
            return Err(Error::argument(
                "tools",
                format!(
                    "tools: expected at most {}, got {}",
                    limits::TOOLS,
                    list.len()
                ),
            ));
        }
        for (i, tool) in list.iter().enumerate() {
            check(i, tool)?;
        }
        if list.is_empty() && matches!(choice, Some(Choice::Required | Choice::Named(_))) {
            return Err(Error::argument(
                "tools",
                "tools: expected at least one beside this tool_choice, got none",
            ));
        }
        let (Some(choice), false) = (choice, list.is_empty()) else {
            return Ok(None);
        };
        let tools = Tools {
            list,
            choice,
            chosen,
            parallel,
        };
        if let Choice::Named(name) = &tools.choice {
            if !tools.names().any(|n| n == name) {
                return Err(Error::argument(
                    "tool_choice",
                    "tool_choice.function.name: names none of the tools",
                ));
            }
        }
        Ok(Some(tools))
    }

    /// The tools' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().filter_map(name)
    }

    /// The JSON schema that a text has to keep to for the choice to be met: a named tool's arguments, or
    /// `[{"name", "parameters"}, …]` for any of them. `None` where the model decides.
    pub fn schema(&self) -> Option<Value> {
        let parameters = |tool: &Value| {
            let given = tool["function"].get("parameters").filter(|p| p.is_object());
            given
                .cloned()
                .unwrap_or_else(|| json!({"type": "object", "properties": {}}))
        };
        match &self.choice {
            Choice::Auto => None,
            Choice::Named(wanted) => self
                .list
                .iter()
                .find(|tool| name(tool) == Some(wanted))
                .map(parameters),
            Choice::Required => {
                let calls: Vec<Value> = self
                    .list
                    .iter()
                    .map(|tool| {
                        json!({"type": "object", "required": ["name", "parameters"], "properties": {
                            "name": {"type": "string", "enum": [name(tool)]}, "parameters": parameters(tool)}})
                    })
                    .collect();
                let most = if self.parallel { Value::Null } else { json!(1) };
                let mut schema = json!({"type": "array", "minItems": 1, "items": {"type": "object", "anyOf": calls}});
                if !most.is_null() {
                    schema["maxItems"] = most;
                }
                Some(schema)
            }
        }
    }
}

fn name(tool: &Value) -> Option<&str> {
    tool["function"]["name"].as_str()
}

fn check(i: usize, tool: &Value) -> Result<()> {
    let wrong = |field: &str, expected: &str, got: String| {
        Err(Error::argument(
            "tools",
            format!("tools[{i}]{field}: expected {expected}, got {got}"),
        ))
    };
    let Value::Object(fields) = tool else {
        return wrong("", "an object", kind(tool));
    };
    let got = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), kind);
    match fields.get("type") {
        Some(Value::String(t)) if t == "function" => {}
        other => return wrong(".type", "\"function\"", got(other)),
    }
    match fields.get("function") {
        Some(Value::Object(function)) => match function.get("name") {
            Some(Value::String(name)) if !name.is_empty() => Ok(()),
            other => wrong(".function.name", "a string", got(other)),
        },
        other => wrong(".function", "an object with a name", got(other)),
    }
}

/// `None`: no tool may be called.
fn take_choice(fields: &mut Fields) -> Result<Option<Choice>> {
    let wrong = |got: String| {
        Err(Error::argument(
            "tool_choice",
            format!(
                "tool_choice: expected \"none\", \"auto\", \"required\" or {{\"type\": \"function\", \"function\": {{\"name\"}}}}, got {got}"
            ),
        ))
    };
    match fields.take("tool_choice") {
        None => Ok(Some(Choice::Auto)),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Ok(Some(Choice::Auto)),
            "none" => Ok(None),
            "required" => Ok(Some(Choice::Required)),
            _ => wrong("another string".to_owned()),
        },
        Some(choice @ Value::Object(_)) => match choice["function"]["name"].as_str() {
            Some(name) => Ok(Some(Choice::Named(name.to_owned()))),
            None => wrong("an object without a function's name".to_owned()),
        },
        Some(other) => wrong(kind(&other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn take(text: &str) -> Result<Option<Tools>> {
        Tools::take(&mut json::object("request_json", text)?)
    }

    const WEATHER: &str = r#"{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}"#;

    #[test]
    fn tools_and_their_choice() {
        let with = |choice: &str| {
            take(&format!(
                r#"{{"tools":[{WEATHER}],"tool_choice":{choice}}}"#
            ))
        };
        let tools = with("null").unwrap().unwrap();
        assert_eq!((&tools.choice, tools.parallel), (&Choice::Auto, true));
        assert_eq!(tools.names().collect::<Vec<_>>(), ["weather"]);
        assert_eq!(with(r#""none""#).unwrap(), None);
        assert_eq!(
            with(r#""required""#).unwrap().unwrap().choice,
            Choice::Required
        );
        let named = with(r#"{"type":"function","function":{"name":"weather"}}"#);
        assert_eq!(
            named.unwrap().unwrap().choice,
            Choice::Named("weather".into())
        );
        assert_eq!(take(r#"{"tools":[]}"#).unwrap(), None);
        assert_eq!(take("{}").unwrap(), None);
    }

    #[test]
    fn a_choice_is_a_schema() {
        let named = take(&format!(
            r#"{{"tools":[{WEATHER}],"tool_choice":{{"type":"function","function":{{"name":"weather"}}}}}}"#
        ));
        let schema = named.unwrap().unwrap().schema().unwrap();
        assert_eq!(schema["properties"]["city"]["type"], "string");
        let required = take(&format!(
            r#"{{"tools":[{WEATHER}],"tool_choice":"required","parallel_tool_calls":false}}"#
        ));
        let schema = required.unwrap().unwrap().schema().unwrap();
        assert_eq!(
            (&schema["maxItems"], &schema["type"]),
            (&json!(1), &json!("array"))
        );
        assert_eq!(
            schema["items"]["anyOf"][0]["properties"]["name"]["enum"],
            json!(["weather"])
        );
    }

    #[test]
    fn mistakes_name_their_place() {
        for (text, place) in [
            (r#"{"tools":{}}"#, "tools: expected a list"),
            (r#"{"tools":[1]}"#, "tools[0]: expected an object"),
            (r#"{"tools":[{"type":"web"}]}"#, "tools[0].type"),
            (
                r#"{"tools":[{"type":"function"}]}"#,
                "tools[0].function: expected an object",
            ),
            (
                r#"{"tools":[{"type":"function","function":{}}]}"#,
                "tools[0].function.name",
            ),
            (r#"{"tool_choice":"always"}"#, "tool_choice"),
            (r#"{"tool_choice":7}"#, "tool_choice"),
            (r#"{"tool_choice":"required","tools":[]}"#, "tools"),
        ] {
            let e = take(text).unwrap_err();
            assert!(e.message().starts_with(place), "{text}: {e}");
        }
        let unknown = format!(
            r#"{{"tools":[{WEATHER}],"tool_choice":{{"type":"function","function":{{"name":"x"}}}}}}"#
        );
        assert!(
            take(&unknown)
                .unwrap_err()
                .message()
                .contains("none of the tools")
        );
    }
}

//! A chat template that is ready: compiled, with its special tokens, and what is known of it.

use crate::error::{Error, Result};
use crate::json::kind;
use crate::limits;
use crate::template::clock;
use crate::template::engine::Engine;
use crate::template::family::{self, Family};
use crate::template::messages::{Arguments, Content, prepare};
use crate::template::source;
use crate::template::tokenizer::{self, Tokens};
use minijinja::Value as Variable;
use serde_json::{Map, Value, json};

/// A compiled chat template. Any number of threads can render with it.
#[derive(Clone, Debug)]
pub struct Template {
    plain: Form,
    /// Another source for requests with tools; some tokenizers have one.
    with_tools: Option<Form>,
    tokens: Tokens,
    stops: Vec<String>,
    tool_format: Option<&'static str>,
}

/// One source, compiled, and what it makes of messages.
#[derive(Clone, Debug)]
struct Form {
    engine: Engine,
    source: String,
    content: Content,
    arguments: Arguments,
    takes_tools: bool,
}

impl Template {
    /// A template of a Jinja source without special tokens: `bos_token` and the like are not defined.
    ///
    /// # Errors
    /// Argument errors at `chat_template`: not Jinja, or too long.
    pub fn compile(source: &str) -> Result<Template> {
        Template::new(source, None, Tokens::new())
    }

    /// A template of a Jinja source (`chat_template.jinja`) with the special tokens of a `tokenizer_config.json`.
    ///
    /// # Errors
    /// As [`Template::compile`], and at `tokenizer_config` where that is no such JSON.
    pub fn compile_with_tokens(source: &str, tokenizer_config: &str) -> Result<Template> {
        Template::new(source, None, tokenizer::read(tokenizer_config)?.tokens)
    }

    /// The template and the special tokens of a `tokenizer_config.json`: `chat_template` is a Jinja string, or a list of
    /// `{"name", "template"}` of which `default` and, for requests with tools, `tool_use` are taken.
    ///
    /// # Errors
    /// Argument errors at `tokenizer_config`: no such JSON, or without a template; at `chat_template`: not Jinja.
    pub fn from_tokenizer_config(json: &str) -> Result<Template> {
        let config = tokenizer::read(json)?;
        let Some(plain) = config.template else {
            return Err(Error::argument(
                "tokenizer_config",
                "tokenizer_config: expected a chat_template in it, got none",
            ));
        };
        Template::new(&plain, config.template_with_tools.as_deref(), config.tokens)
    }

    /// A built-in family's template, by its name or another spelling of it (`Llama-3.1`, `llama_3_1`); see
    /// [`family::names`].
    pub fn family(name: &str) -> Option<Template> {
        family::find(name).and_then(|family| Template::of(family).ok())
    }

    fn of(family: &Family) -> Result<Template> {
        let tokens = family
            .tokens
            .iter()
            .map(|(name, token)| ((*name).to_owned(), json!(token)))
            .collect();
        let engine = Engine::compile_trusted(family.source)?;
        let plain = Form::with_engine(engine, family.source, &tokens);
        let mut template = Template::with_forms(plain, None, tokens);
        template.stops = family.stops.iter().map(|s| (*s).to_owned()).collect();
        template.tool_format = family.tool_format;
        Ok(template)
    }

    fn new(plain: &str, with_tools: Option<&str>, tokens: Tokens) -> Result<Template> {
        let form = |source: &str| Ok(Form::with_engine(Engine::compile(source)?, source, &tokens));
        let (plain, with_tools) = (form(plain)?, with_tools.map(form).transpose()?);
        Ok(Template::with_forms(plain, with_tools, tokens))
    }

    fn with_forms(plain: Form, with_tools: Option<Form>, tokens: Tokens) -> Template {
        let tool_format = source::tool_format(&with_tools.as_ref().unwrap_or(&plain).source);
        let stops = tokens
            .get("eos_token")
            .and_then(Value::as_str)
            .filter(|token| !token.is_empty())
            .map(|token| vec![token.to_owned()])
            .unwrap_or_default();
        Template {
            plain,
            with_tools,
            tokens,
            stops,
            tool_format,
        }
    }

    /// The prompt for these messages, each an object as OpenAI's JSON has it.
    ///
    /// The template sees `messages`, `tools` (none where there are none), `documents` (none), `add_generation_prompt` (true,
    /// and false with `continue_final_message`), the special tokens, and all of `kwargs`, which go before the others.
    /// `continue_final_message` (true, or the name of the field to go on with) leaves the last message open, as
    /// transformers does. `unix_time`, in seconds, is what `strftime_now` tells, in UTC.
    ///
    /// # Errors
    /// Argument errors at `messages`: the template refuses them or cannot take them; at `chat_template_kwargs`; limits where
    /// it takes too many steps or makes too long a prompt.
    pub fn render(
        &self,
        messages: &[Value],
        tools: Option<&[Value]>,
        kwargs: &Map<String, Value>,
        unix_time: i64,
    ) -> Result<String> {
        if messages.is_empty() {
            return Err(Error::argument(
                "messages",
                "messages: expected at least one message, got an empty list",
            ));
        }
        let form = match (&self.with_tools, tools) {
            (Some(form), Some(_)) => form,
            _ => &self.plain,
        };
        let mut messages = prepare(messages, form.content, form.arguments)?;
        let open = Open::of(kwargs)?;
        let ending = match &open {
            Some(open) => Some(open.mark(&mut messages, &form.source)?),
            None => None,
        };
        let prompt = form.render(
            &messages,
            tools,
            &self.tokens,
            kwargs,
            open.is_some(),
            unix_time,
        )?;
        match ending {
            Some(ending) => ending.cut(prompt),
            None => Ok(prompt),
        }
    }

    /// What the model ends a turn with. A server that does not know it may leave it in the text.
    pub fn stops(&self) -> &[String] {
        &self.stops
    }

    /// The format that the model writes tool calls in, where that is known: `llama3_json`, `llama4_pythonic`, `pythonic`,
    /// `mistral`, `hermes`, `qwen3_coder`, `deepseek`, `granite`, `command`, `kimi_k2`.
    pub fn tool_format(&self) -> Option<&'static str> {
        self.tool_format
    }

    /// Whether the template does anything with tools.
    pub fn takes_tools(&self) -> bool {
        self.with_tools.as_ref().unwrap_or(&self.plain).takes_tools
    }

    /// What it makes of contents and of tool calls' arguments, without tools.
    pub fn takes(&self) -> (Content, Arguments) {
        (self.plain.content, self.plain.arguments)
    }
}

/// A text that no template has by itself.
const PROBE: &str = "mk7probe";

impl Form {
    fn with_engine(engine: Engine, source: &str, tokens: &Tokens) -> Form {
        let mut form = Form {
            engine,
            source: source.to_owned(),
            content: Content::Either,
            arguments: Arguments::Text,
            takes_tools: false,
        };
        form.content = form.find_content(tokens);
        form.arguments = form.find_arguments(tokens);
        form.takes_tools = form.find_tools(tokens);
        form
    }

    /// Shows the template a message whose content is a text, and one whose content is a list, and looks whether the words
    /// come out as they are: a template that prints a list as Python does, or drops a text, cannot take it.
    fn find_content(&self, tokens: &Tokens) -> Content {
        let shows = |content: Value| {
            self.try_render(&[json!({"role": "user", "content": content})], tokens)
                .is_some_and(|prompt| prompt.contains(PROBE) && !is_quoted(&prompt))
        };
        match (
            shows(json!(PROBE)),
            shows(json!([{"type": "text", "text": PROBE}])),
        ) {
            (true, true) => Content::Either,
            (false, true) => Content::Parts,
            (true, false) | (false, false) => Content::Text,
        }
    }

    /// Shows the template a tool call. A template that cannot take an object, or prints it as Python does, is given text.
    fn find_arguments(&self, tokens: &Tokens) -> Arguments {
        let prints = |arguments: Value| {
            let call = json!({"id": "call00001", "type": "function", "function": {"name": "f", "arguments": arguments}});
            let messages = [
                json!({"role": "user", "content": "a"}),
                json!({"role": "assistant", "content": "", "tool_calls": [call]}),
            ];
            self.try_render(&messages, tokens)
        };
        let fits = |prompt: &String| !prompt.contains("{'");
        if prints(json!({PROBE: "b"}))
            .as_ref()
            .is_none_or(|p| !fits(p))
            && prints(json!("{\"a\": \"b\"}")).as_ref().is_some_and(fits)
        {
            return Arguments::Text;
        }
        Arguments::Value
    }

    /// Shows the template a tool, and looks for its name. Where it refuses that, whether it speaks of tools is all there is.
    fn find_tools(&self, tokens: &Tokens) -> bool {
        let tools = [
            json!({"type": "function", "function": {"name": PROBE, "description": "a",
            "parameters": {"type": "object", "properties": {}}}}),
        ];
        let content = match self.content {
            Content::Parts => json!([{"type": "text", "text": "a"}]),
            Content::Text | Content::Either => json!("a"),
        };
        let messages = [json!({"role": "user", "content": content})];
        match self.render(&messages, Some(&tools), tokens, &Map::new(), false, 0) {
            Ok(prompt) => prompt.contains(PROBE),
            Err(_) => source::mentions_tools(&self.source),
        }
    }

    fn try_render(&self, messages: &[Value], tokens: &Tokens) -> Option<String> {
        self.render(messages, None, tokens, &Map::new(), false, 0)
            .ok()
    }

    fn render(
        &self,
        messages: &[Value],
        tools: Option<&[Value]>,
        tokens: &Tokens,
        kwargs: &Map<String, Value>,
        open: bool,
        unix_time: i64,
    ) -> Result<String> {
        let list = |items: &[Value]| {
            Variable::from(items.iter().map(super::python::value).collect::<Vec<_>>())
        };
        let own = [
            ("messages", list(messages)),
            ("tools", tools.map_or(Variable::from(()), list)),
            ("documents", Variable::from(())),
            ("add_generation_prompt", Variable::from(!open)),
            ("strftime_now", clock::strftime_now(unix_time)),
        ];
        for (name, _) in &own[..2] {
            if kwargs.contains_key(*name) {
                return Err(Error::argument(
                    "chat_template_kwargs",
                    format!("chat_template_kwargs.{name}: expected it in the request's own field"),
                ));
            }
        }
        let given = |map: &Map<String, Value>| {
            map.iter()
                .filter(|(name, _)| *name != CONTINUE)
                .map(|(name, value)| (name.clone(), super::python::value(value)))
                .collect::<Vec<_>>()
        };
        let variables = given(tokens)
            .into_iter()
            .chain(own.map(|(name, value)| (name.to_owned(), value)))
            .chain(given(kwargs));
        let bytes: usize = messages
            .iter()
            .chain(tools.unwrap_or_default())
            .map(weight)
            .sum();
        let bytes = bytes + kwargs.values().map(weight).sum::<usize>();
        let each = (messages.len() as u64).saturating_mul(limits::TEMPLATE_STEPS_PER_MESSAGE);
        let steps =
            limits::TEMPLATE_STEPS + each.min(limits::TEMPLATE_STEPS_MOST) + bytes as u64 / 4;
        self.engine.render(Variable::from_pairs(variables), steps)
    }
}

/// Whether the probe came out inside quotation marks, as part of a printed list.
fn is_quoted(prompt: &str) -> bool {
    ['\'', '"']
        .iter()
        .any(|q| prompt.contains(&format!("{q}{PROBE}{q}")))
}

/// Bytes of a value, about.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| name.len() + weight(value))
            .sum(),
    }
}

const CONTINUE: &str = "continue_final_message";

/// transformers' own mark of the place where the prompt is cut. Its space at the end tells whether a template trims.
const MARK: &str = "CONTINUE_FINAL_MESSAGE_TAG ";

/// The last message is left open for the model to go on with.
struct Open {
    field: String,
}

/// Where an open message's prompt ends.
struct Ending {
    words: String,
}

impl Open {
    fn of(kwargs: &Map<String, Value>) -> Result<Option<Open>> {
        let field = match kwargs.get(CONTINUE) {
            None | Some(Value::Null | Value::Bool(false)) => return Ok(None),
            Some(Value::Bool(true)) => "content".to_owned(),
            Some(Value::String(field)) => field.clone(),
            Some(other) => {
                return Err(Error::argument(
                    "chat_template_kwargs",
                    format!(
                        "chat_template_kwargs.{CONTINUE}: expected a boolean or a field's name, got {}",
                        kind(other)
                    ),
                ));
            }
        };
        if kwargs.get("add_generation_prompt") == Some(&Value::Bool(true)) {
            return Err(Error::argument(
                "chat_template_kwargs",
                format!(
                    "chat_template_kwargs.{CONTINUE}: expected no add_generation_prompt beside it, got true"
                ),
            ));
        }
        Ok(Some(Open { field }))
    }

    /// Puts the mark after the last message's words.
    fn mark(&self, messages: &mut [Value], source: &str) -> Result<Ending> {
        let nothing = || {
            Error::argument(
                "messages",
                format!(
                    "messages: {CONTINUE} expects a last message with words in its {}",
                    self.field
                ),
            )
        };
        let last = messages
            .last_mut()
            .and_then(Value::as_object_mut)
            .ok_or_else(nothing)?;
        let same = super::messages::same_field(last, &self.field);
        if !same.iter().any(|field| source.contains(field)) {
            return Err(Error::argument(
                "chat_template_kwargs",
                format!(
                    "chat_template_kwargs.{CONTINUE}: the chat template does not read that field"
                ),
            ));
        }
        let mut words = None;
        for field in same {
            let text = match last.get_mut(field) {
                Some(Value::String(text)) => text,
                Some(Value::Array(parts)) => parts
                    .iter_mut()
                    .rev()
                    .find_map(|part| match part.get_mut("text") {
                        Some(Value::String(text)) => Some(text),
                        _ => None,
                    })
                    .ok_or_else(nothing)?,
                _ => return Err(nothing()),
            };
            words = Some(text.trim().to_owned());
            text.push_str(MARK);
        }
        words.map(|words| Ending { words }).ok_or_else(nothing)
    }
}

impl Ending {
    fn cut(&self, mut prompt: String) -> Result<String> {
        let mark = MARK.trim_end();
        match prompt.rfind(mark) {
            Some(at) if prompt.contains(&self.words) => {
                let kept = prompt[at..].starts_with(MARK);
                prompt.truncate(at);
                if !kept {
                    // The template trims, and the words' own white space came before the mark.
                    prompt.truncate(prompt.trim_end().len());
                }
                Ok(prompt)
            }
            _ => Err(Error::argument(
                "messages",
                format!(
                    "messages: {CONTINUE}: the chat template does not show the last message as it is"
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_template_takes_is_found_by_showing_it() {
        let takes = |source: &str| Template::compile(source).unwrap().takes();
        let each = "{% for m in messages %}";
        assert_eq!(takes("{{ messages[0].content }}").0, Content::Text);
        assert_eq!(
            takes("{% for p in messages[0].content %}{{ p.text }}{% endfor %}").0,
            Content::Parts
        );
        let either = "{% set c = messages[0].content %}{% if c is string %}{{ c }}{% else %}{{ c[0].text }}{% endif %}";
        assert_eq!(takes(either).0, Content::Either);
        let call = |print: &str| {
            format!("{each}{{% for c in m.tool_calls %}}{print}{{% endfor %}}{{% endfor %}}")
        };
        assert_eq!(
            takes(&call("{{ c.function.arguments | tojson }}")).1,
            Arguments::Value
        );
        assert_eq!(
            takes(&call("{{ c.function.arguments }}")).1,
            Arguments::Text
        );
        assert_eq!(
            takes(&call("{{ 'a' + c.function.arguments }}")).1,
            Arguments::Text
        );
    }

    #[test]
    fn families_tell_whether_they_take_tools() {
        for (name, tools) in [
            ("llama3", false),
            ("llama3.1", true),
            ("chatml", false),
            ("qwen3", true),
            ("mistral-v1", false),
            ("mistral-v3", true),
            ("phi4-mini", false),
            ("deepseek-v3", false),
            ("granite3", true),
        ] {
            assert_eq!(
                Template::family(name).unwrap().takes_tools(),
                tools,
                "{name}"
            );
        }
    }

    #[test]
    fn variables_of_the_request_go_before_the_others_but_for_messages_and_tools() {
        let template = Template::compile_with_tokens(
            "{{ bos_token }}{{ x }}{{ add_generation_prompt }}",
            r#"{"bos_token": "B"}"#,
        );
        let template = template.unwrap();
        let render = |kwargs: Value| {
            let messages = [json!({"role": "user", "content": "a"})];
            template
                .render(&messages, None, kwargs.as_object().unwrap(), 0)
                .map_err(|e| e.message().to_owned())
        };
        assert_eq!(render(json!({})).unwrap(), "BTrue");
        assert_eq!(
            render(json!({"bos_token": "", "x": 5, "add_generation_prompt": false})).unwrap(),
            "5False"
        );
        assert_eq!(
            render(json!({"tools": []})).unwrap_err(),
            "chat_template_kwargs.tools: expected it in the request's own field"
        );
        assert_eq!(
            render(json!({"continue_final_message": 5})).unwrap_err(),
            "chat_template_kwargs.continue_final_message: expected a boolean or a field's name, got the number 5"
        );
        assert!(
            render(json!({"continue_final_message": true, "add_generation_prompt": true})).is_err()
        );
        assert!(
            Template::compile("x")
                .unwrap()
                .render(&[], None, &Map::new(), 0)
                .is_err()
        );
    }
}

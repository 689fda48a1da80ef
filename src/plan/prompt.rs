//! A chat → the prompt for the model, and how what it writes will be read.

use super::resources::Resources;
use super::voice::{Forced, Reading};
use crate::config::Options;
use crate::error::{Error, Result};
use crate::log::warn_line;
use crate::openai::generation::Generation;
use crate::openai::message::{Image, Message};
use crate::openai::tools::Choice;
use crate::template::reading::{ReasoningTags, Tool, ToolFormat};
use crate::template::{self, Template};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a chat becomes.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) text: String,
    pub(super) images: Vec<Image>,
    pub(super) reading: Reading,
}

impl Prompt {
    /// `model` is the Triton model's name. What the template cannot do is noted in `generation`.
    pub(super) fn new(
        mut messages: Vec<Message>,
        generation: &mut Generation,
        options: &Options,
        model: &str,
        resources: &dyn Resources,
        unix_time: u64,
    ) -> Result<Prompt> {
        let template = match &options.chat_template {
            None => None,
            Some(named) => Some(resources.template(named, model)?),
        };
        if !template.as_ref().is_some_and(|t| t.takes_tools()) {
            if let Some(tools) = generation.tools.take() {
                generation.cannot("tools");
                if tools.chosen {
                    generation.cannot("tool_choice");
                }
            }
        }
        let text = match &template {
            None => {
                warn_of_lost_roles(&messages);
                template::join(&messages)
            }
            Some(template) => render(template, &messages, generation, options, unix_time)?,
        };
        generation.ends = template
            .as_ref()
            .map_or_else(Vec::new, |t| t.stops().to_vec());
        let reading = reading(template.as_deref(), generation, options, &text)?;
        generation.keep_marks = matches!(
            reading.format,
            Some(ToolFormat::Mistral | ToolFormat::DeepSeek)
        );
        let images = messages
            .iter_mut()
            .flat_map(|m| std::mem::take(&mut m.images));
        Ok(Prompt {
            images: images.collect(),
            reading,
            text,
        })
    }
}

fn render(
    template: &Template,
    messages: &[Message],
    generation: &Generation,
    options: &Options,
    unix_time: u64,
) -> Result<String> {
    let messages: Vec<Value> = messages.iter().map(Message::to_value).collect();
    // Of a tool that has to be called the others need not be told.
    let tools: Option<Vec<Value>> = generation.tools.as_ref().map(|tools| {
        let is_told = |tool: &&Value| match &tools.choice {
            Choice::Named(name) => tool["function"]["name"] == *name.as_str(),
            _ => true,
        };
        tools.list.iter().filter(is_told).cloned().collect()
    });
    let unix_time = i64::try_from(unix_time).unwrap_or(i64::MAX);
    template.render(
        &messages,
        tools.as_deref(),
        &options.chat_template_kwargs,
        unix_time,
    )
}

fn reading(
    template: Option<&Template>,
    generation: &Generation,
    options: &Options,
    prompt: &str,
) -> Result<Reading> {
    let mut reading = Reading::default();
    if options.separate_reasoning == Some(true) {
        let starts_inside = prompt.trim_end().ends_with("<think>");
        reading.reasoning = Some(ReasoningTags::think(starts_inside));
    }
    let Some(tools) = &generation.tools else {
        return Ok(reading);
    };
    reading.one_call = !tools.parallel;
    reading.forced = match &tools.choice {
        Choice::Auto => None,
        Choice::Named(name) => Some(Forced::Arguments(name.clone())),
        Choice::Required => Some(Forced::List),
    };
    reading.tools = tools
        .list
        .iter()
        .map(|tool| Tool {
            name: tool["function"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            parameters: tool["function"]["parameters"].clone(),
        })
        .collect();
    let named = options.tool_call_parser.as_deref();
    let known = template.and_then(Template::tool_format);
    let format = match (named, known) {
        (Some(name), _) => ToolFormat::parse("tool_call_parser", name)?,
        (None, Some(known)) => ToolFormat::parse("tool_call_parser", known).map_err(|_| {
            Error::argument(
                "tools",
                format!(
                    "tools: the chat template's models write calls in a format that is not read here ({known}); name another with tool_call_parser if the model writes that"
                ),
            )
        })?,
        (None, None) => {
            return Err(Error::argument(
                "tool_call_parser",
                "tool_call_parser: the chat template does not show how the model writes calls; name the format, such as \"hermes\"",
            ));
        }
    };
    reading.format = Some(format);
    Ok(reading)
}

/// Once in a process: without a template the model sees the words of all, and not whose they are.
fn warn_of_lost_roles(messages: &[Message]) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    let is_a_question = matches!(messages, [one] if one.role == "user");
    if !is_a_question && !WARNED.swap(true, Ordering::Relaxed) {
        warn_line!(
            "messages are joined by a space, and their roles are lost, because no chat_template is set: name one, such as \"llama3\" or \"auto\""
        );
    }
}

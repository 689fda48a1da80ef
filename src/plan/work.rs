//! What a call has to do, by its operation: what is asked, and what its answer is made of.

use super::asking::{Asking, ask, nothing_came, texts};
use super::call::{Env, Event, Manner, Todo};
use super::choices;
use super::prompt::Prompt;
use super::resources::Resources;
use super::speaking::Speaking;
use super::voice::Reading;
use crate::config::Options;
use crate::error::{Error, Result};
use crate::json::Fields;
use crate::openai::answer::{FinishReason, Generated};
use crate::openai::chunk::Writer;
use crate::openai::embedding::{EmbeddingRequest, Encoding};
use crate::openai::generation::{self, Generation};
use crate::openai::message::Image;
use crate::openai::response::{self, Matrix, Stamp, Usage};
use crate::openai::{Operation, message, rows};
use crate::triton::endpoint::Route;
use crate::triton::exchange::{Outcome, Task};
use crate::triton::reply::Reply;
use crate::triton::text::Ask;
use crate::triton::{Request, embed, health, raw, repository, usage};
use std::collections::VecDeque;
use std::sync::Arc;

#[derive(Debug)]
pub(super) enum Work {
    /// Answered without calling anybody.
    Mock(Operation, String, Option<Box<Speaking>>),
    /// How what the model writes is read, and how many alternatives of its tokens are told.
    Chat(Asking, Reading, Option<usize>),
    Text(Asking, Option<usize>),
    /// The answer, where it is wanted as numbers.
    Embeddings(Asking, embed::Ask, Option<Matrix>),
    Models,
    Health(VecDeque<Request>, Vec<Reply>, Option<String>),
    /// Tensors, and the server's own words.
    Raw(raw::Ask),
}

/// What a request is read with.
pub(super) struct Given<'a> {
    pub(super) operation: Operation,
    pub(super) manner: Manner,
    pub(super) options: &'a Arc<Options>,
    /// The Triton model's name.
    pub(super) target: Option<&'a str>,
    /// The name that the answer gives.
    pub(super) model: &'a str,
    pub(super) env: &'a Env,
    pub(super) resources: &'a dyn Resources,
}

/// What an answer is made with.
pub(super) struct Terms<'a> {
    pub(super) stamp: Stamp<'a>,
    pub(super) options: &'a Arc<Options>,
    pub(super) route: Option<&'a Arc<Route>>,
    pub(super) manner: Manner,
    /// The answer keeps to the caller's name for the model.
    pub(super) listed: bool,
}

impl Work {
    /// Reads a request's fields.
    pub(super) fn new(given: &Given<'_>, mut fields: Fields) -> Result<Work> {
        let Given {
            operation,
            options,
            target,
            env,
            resources,
            ..
        } = *given;
        let mock = options.mock_response.clone();
        let stamp = Stamp {
            id: &env.id,
            created: env.unix_time,
            model: given.model,
        };
        let speaking = |generation: &Generation, reading: &Reading| {
            if !generation.stream {
                return None;
            }
            let is_chat = operation == Operation::Chat;
            let writer = Writer::new(is_chat, &stamp, generation.include_usage);
            let (reading, top) = (reading.clone(), generation.logprobs);
            let speaking = Speaking::new(writer, is_chat, &env.id, reading, top);
            Some(Box::new(speaking))
        };
        let tokenizer = match &options.tokenizer {
            Some(path) => Some(resources.tokenizer(path)?),
            None => None,
        };
        let choices = |prompt: String, images: Vec<Image>, generation: &Arc<Generation>| {
            let first = Ask {
                images,
                tokenizer: tokenizer.clone(),
                ..Ask::new(prompt, generation.clone())
            };
            let other = |choice| Ask {
                choice,
                ..first.clone()
            };
            let others: Vec<Ask> = (1..generation.n).map(other).collect();
            let all = std::iter::once(first).chain(others);
            all.map(|ask| Task::Text(Arc::new(ask)))
        };
        Ok(match (operation, mock) {
            (Operation::Chat, mock) => {
                let messages = message::take_messages(&mut fields)?;
                let mut generation = take_generation(fields, given)?;
                match mock {
                    Some(text) => {
                        let speaking = speaking(&generation, &Reading::default());
                        Work::Mock(operation, text, speaking)
                    }
                    None => {
                        let model = target.unwrap_or_default();
                        let prompt = Prompt::new(
                            messages,
                            &mut generation,
                            options,
                            model,
                            resources,
                            env.unix_time,
                        )?;
                        let generation = Arc::new(generation);
                        let tasks = choices(prompt.text, prompt.images, &generation);
                        let speaking = speaking(&generation, &prompt.reading);
                        let asking = Asking::new(tasks).speak(speaking);
                        Work::Chat(asking, prompt.reading, generation.logprobs)
                    }
                }
            }
            (Operation::Text, mock) => {
                let prompts = generation::take_prompts(&mut fields)?;
                let generation = take_generation(fields, given)?;
                let generation = Arc::new(generation);
                let speaking = speaking(&generation, &Reading::default());
                match mock {
                    Some(text) => Work::Mock(operation, text, speaking),
                    None => {
                        let tasks = prompts
                            .into_iter()
                            .flat_map(|prompt| choices(prompt, Vec::new(), &generation));
                        let asking = Asking::new(tasks).speak(speaking);
                        Work::Text(asking, generation.logprobs)
                    }
                }
            }
            (Operation::Embeddings, None) => {
                let ask = embed::Ask {
                    request: Arc::new(EmbeddingRequest::take(fields, options)?),
                    tokenizer,
                };
                Work::Embeddings(Asking::new([Task::Embed(ask.clone())]), ask, None)
            }
            (Operation::Embeddings | Operation::Infer, Some(_)) => {
                return Err(Error::argument(
                    "mock_response",
                    "mock_response: only chat and text completions can be mocked",
                ));
            }
            (Operation::Models, _) if fields.boolean("all")? == Some(true) => {
                Work::Raw(raw::Ask::all_models(fields)?)
            }
            (Operation::Models, _) => {
                fields.no_more("api_base, api_key, extra_headers, timeout, connect_timeout, first_byte_timeout, idle_timeout, num_retries")?;
                Work::Models
            }
            (Operation::Health, _) => {
                fields.no_more("model, api_base, api_key, extra_headers, timeout, connect_timeout, first_byte_timeout, idle_timeout, num_retries")?;
                Work::Health(VecDeque::new(), Vec::new(), target.map(str::to_owned))
            }
            _ => Work::Raw(raw::Ask::take(
                operation,
                fields,
                options,
                target.is_some(),
            )?),
        })
    }

    /// The asks for text or vectors.
    pub(super) fn asking(&self) -> Option<&Asking> {
        match self {
            Work::Chat(a, ..) | Work::Text(a, _) | Work::Embeddings(a, ..) => Some(a),
            _ => None,
        }
    }

    /// What a mock takes, as its answer tells it: nobody is asked.
    pub(super) fn mocked(&self) -> Option<Usage> {
        match self {
            Work::Mock(_, text, _) => Some(Usage::completion(0, usage::estimate(text), true)),
            _ => None,
        }
    }

    /// The same.
    pub(super) fn asking_mut(&mut self) -> Option<&mut Asking> {
        match self {
            Work::Chat(a, ..) | Work::Text(a, _) | Work::Embeddings(a, ..) => Some(a),
            _ => None,
        }
    }

    /// Goes on.
    pub(super) fn on(&mut self, event: Event<'_>, terms: &Terms<'_>) -> Result<Todo> {
        let (stamp, options) = (&terms.stamp, terms.options);
        let route = || {
            let route = terms.route.cloned();
            route
                .ok_or_else(|| Error::argument("api_base", "api_base: expected a URL, got nothing"))
        };
        match self {
            Work::Mock(operation, text, speaking) => {
                let generated = Generated {
                    text: text.clone(),
                    finish_reason: FinishReason::Stop,
                    usage: Usage::completion(0, usage::estimate(text), true),
                    logprobs: Vec::new(),
                };
                if let Some(speaking) = speaking {
                    if matches!(event, Event::Start) {
                        speaking.finish(generated, true, None);
                    }
                    let chunk = speaking.next_chunk();
                    return Ok(chunk.map_or(Todo::Done(String::new()), Todo::Chunk));
                }
                let texts = vec![generated];
                Ok(Todo::Done(match operation {
                    Operation::Chat => choices::chat(stamp, texts, &Reading::default(), None),
                    _ => choices::text(stamp, texts, None),
                }))
            }
            Work::Chat(asking, reading, top) => match ask(asking, event, options, route)? {
                Some(todo) => Ok(todo),
                None if asking.speaks() => Ok(Todo::Done(String::new())),
                None => {
                    if asking.is_free {
                        reading.forced = None;
                    }
                    let answer = choices::chat(stamp, texts(asking)?, reading, *top);
                    Ok(Todo::Done(answer))
                }
            },
            Work::Text(asking, top) => match ask(asking, event, options, route)? {
                Some(todo) => Ok(todo),
                None if asking.speaks() => Ok(Todo::Done(String::new())),
                None => Ok(Todo::Done(choices::text(stamp, texts(asking)?, *top))),
            },
            Work::Embeddings(asking, embed, numbers) => {
                if let Some(todo) = ask(asking, event, options, route)? {
                    return Ok(todo);
                }
                let Some(Outcome::Rows(matrix, name, spent)) = asking.outcomes.pop() else {
                    return Err(nothing_came());
                };
                let encoding = embed.request.encoding;
                let as_numbers = terms.manner == Manner::Rows;
                if (as_numbers || encoding == Encoding::Base64) && !matrix.values.fits_f32() {
                    return Err(Error::protocol(
                        "an embedding has a number that a 32-bit float cannot hold; ask for encoding_format float",
                    ));
                }
                let name = match name {
                    Some(name) if !terms.listed && !name.is_empty() => name,
                    _ => stamp.model.to_owned(),
                };
                let spent = match spent {
                    Some(tokens) => Usage::embedding(tokens, false),
                    None => Usage::embedding(embed.estimate(), true),
                };
                asking.used = Some(spent);
                if as_numbers {
                    *numbers = Some(matrix);
                    return Ok(Todo::Done(rows::info(&name, spent)));
                }
                let text = response::embeddings(&name, &matrix, encoding, spent);
                Ok(Todo::Done(text))
            }
            Work::Models => match event {
                Event::Replied(reply) => {
                    Ok(Todo::Done(response::models(&repository::decode(&reply)?)))
                }
                _ => Ok(Todo::Send(repository::request(&*route()?)?)),
            },
            Work::Health(left, replies, model) => {
                match event {
                    Event::Replied(reply) => {
                        left.pop_front();
                        replies.push(reply);
                    }
                    _ => {
                        replies.clear();
                        *left = health::requests(&*route()?, model.as_deref())?.into();
                    }
                }
                match left.front() {
                    Some(request) => Ok(Todo::Send(request.clone())),
                    None => Ok(Todo::Done(health::report(replies, model.as_deref()))),
                }
            }
            Work::Raw(ask) => {
                let route = &*route()?;
                let step = match event {
                    Event::Described(description) => ask.described(route, description)?,
                    Event::Replied(reply) => ask.replied(route, reply)?,
                    _ => ask.start(route)?,
                };
                Ok(match step {
                    raw::Step::Describe { fresh } => Todo::Describe { fresh },
                    raw::Step::Send(request) => Todo::Send(request),
                    raw::Step::Done(answer) => Todo::Done(answer),
                })
            }
        }
    }
}

fn take_generation(fields: Fields, given: &Given<'_>) -> Result<Generation> {
    let says_no = fields.get("stream") == Some(&serde_json::Value::Bool(false));
    let mut generation = Generation::take(fields, given.options, given.operation)?;
    // Not more than any backend's datatype for it holds.
    generation.chance = given.env.random >> 33;
    match given.manner {
        Manner::Whole if generation.stream => Err(Error::argument(
            "stream",
            "stream: this call gives one whole answer; leave stream out, or open a stream",
        )),
        Manner::Chunks => {
            generation.stream = !says_no;
            Ok(generation)
        }
        Manner::Whole | Manner::AsAsked | Manner::Rows => Ok(generation),
    }
}

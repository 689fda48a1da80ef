//! The events of a streamed answer → deltas of text, and how it ended.
//!
//! ```text
//! push(bytes) ─► pull() ─► Delta* ─► Starved ─► push(bytes) …
//! end()       ─► pull() ─► Delta* ─► End
//! ```
//!
//! Nothing is read ahead of what is asked for, so that what came before an error is given before it.

use super::{Ask, logprobs};
use crate::config::Options;
use crate::error::Result;
use crate::openai::answer::FinishReason;
use crate::openai::logprobs::Token;
use crate::openai::response::Usage;
use crate::triton::dialect::{self, Events as Holds, Logprobs};
use crate::triton::generate::{self, Wanted};
use crate::triton::model::Model;
use crate::triton::sse::Decoder;
use crate::triton::stop::Stopper;
use crate::triton::usage::{Told, Written};
use std::collections::VecDeque;

/// What a stream gives next.
#[derive(Clone, Debug, PartialEq)]
pub enum Pull {
    /// More text, or tokens of what was given before.
    Delta(Delta),
    /// More bytes are needed.
    Starved,
    /// The text is over.
    End(FinishReason, Usage),
}

/// Some of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
    /// New text.
    pub text: String,
    /// Its tokens, where log probabilities were asked for.
    pub tokens: Vec<Token>,
}

impl Delta {
    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.tokens.is_empty()
    }
}

/// Reads one streamed answer.
#[derive(Debug)]
pub struct Events {
    decoder: Decoder,
    /// The output that holds the text.
    output: String,
    /// The model puts the prompt before the text.
    repeats_prompt: bool,
    /// All of the text so far, where each event repeats it.
    so_far: Option<SoFar>,
    stopper: Stopper,
    tokens: Tokens,
    told: Told,
    max_tokens: Option<u64>,
    /// The text as the model gave it.
    written: Written,
    model_version: Option<String>,
    events: usize,
    input: Input,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Input {
    /// More may come.
    Open,
    /// The body is over.
    Over,
    /// Nothing more is of interest.
    Done,
}

impl Events {
    /// Prepares for the answer to a request that was encoded for the same.
    pub fn new(
        ask: &Ask,
        options: &Options,
        model: Option<&Model>,
        longest_event: usize,
    ) -> Result<Events> {
        let generation = &*ask.generation;
        let holds = model.map(|m| dialect::of(m, options.triton.dialect).events(m));
        let repeats = holds == Some(Holds::SoFar);
        Ok(Events {
            decoder: Decoder::new(longest_event),
            output: super::output_name(options.triton.output.as_deref(), model)?,
            repeats_prompt: super::repeats_prompt(options, model),
            so_far: repeats.then(SoFar::default),
            stopper: Stopper::new(generation.stop.iter().chain(&generation.ends)),
            tokens: Tokens {
                wanted: super::logprobs_of(generation, options, model),
                ..Default::default()
            },
            told: Told::default(),
            max_tokens: generation.max_tokens,
            written: Written::new(ask.tokenizer.clone()),
            model_version: None,
            events: 0,
            input: Input::Open,
        })
    }

    /// Takes the next bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes);
    }

    /// The body is over.
    pub fn end(&mut self) {
        self.input = Input::Over;
    }

    /// Whether more bytes are of use.
    pub fn wants_more(&self) -> bool {
        self.input == Input::Open
    }

    /// How many events came.
    pub fn count(&self) -> usize {
        self.events
    }

    /// Which version of the model answers.
    pub fn model_version(&self) -> Option<&str> {
        self.model_version.as_deref()
    }

    /// What was spent by now, also when it goes no further.
    pub fn spent(&self, ask: &Ask) -> Usage {
        self.told.usage(&ask.prompt, &self.written)
    }

    /// What comes next; `ask` is what it is the answer to.
    pub fn pull(&mut self, ask: &Ask) -> Result<Pull> {
        while self.input != Input::Done {
            let json = match self.input {
                Input::Open => self.decoder.next_event()?,
                _ => self.decoder.end()?,
            };
            match json {
                None if self.input == Input::Open => return Ok(Pull::Starved),
                None => {}
                Some(json) if json.trim_ascii() == b"[DONE]" => {}
                Some(json) => {
                    let wanted = Wanted {
                        output: &self.output,
                        logprobs: self.tokens.wanted.map(|l| l.output),
                        // The first event tells.
                        version: self.model_version.is_none(),
                    };
                    let answer = generate::decode(json, wanted)?;
                    // An event may tell how it ended and hold no text.
                    if answer.text.is_none() && !answer.tells {
                        return Err(generate::missing(json, &self.output));
                    }
                    let delta = self.take(answer, &ask.prompt)?;
                    if !delta.is_empty() {
                        return Ok(Pull::Delta(delta));
                    }
                    continue;
                }
            }
            self.input = Input::Done;
            let text = self.rest();
            let rest = Delta {
                tokens: self.tokens.rest(text.len(), self.stopper.has_stops()),
                text,
            };
            if !rest.is_empty() {
                return Ok(Pull::Delta(rest));
            }
        }
        let spent = self.spent(ask);
        let reason = match self.stopper.stopped() {
            true => FinishReason::Stop,
            false => self.told.finish_reason(&spent, self.max_tokens),
        };
        Ok(Pull::End(reason, spent))
    }

    fn take(&mut self, answer: generate::Answer, prompt: &str) -> Result<Delta> {
        self.events += 1;
        self.told.add(&answer.told);
        if answer.model_version.is_some() {
            self.model_version = answer.model_version;
        }
        let mut text = answer.text.unwrap_or_default();
        if self.repeats_prompt && text.starts_with(prompt) {
            text.drain(..prompt.len());
            // The events after it begin at the beginning, too.
            self.so_far.get_or_insert_default();
        } else {
            // Where the first does not begin with it, none is taken to.
            self.repeats_prompt = self.so_far.is_some() && self.repeats_prompt;
        }
        let new = match &mut self.so_far {
            None => text,
            Some(so_far) => so_far.take(&text),
        };
        self.written.push(&new);
        if let (Some(wanted), Some(value)) = (self.tokens.wanted, &answer.logprobs) {
            let tokens = logprobs::read(wanted.holds, value, &new, self.written.tokenizer())?;
            self.tokens.waiting.extend(tokens);
        }
        let text = self.stopper.push(new);
        if self.stopper.stopped() {
            self.input = Input::Done;
        }
        let tokens = self.tokens.of(text.len());
        Ok(Delta { text, tokens })
    }

    /// What was held back, when no more comes.
    fn rest(&mut self) -> String {
        let tail = self
            .so_far
            .take()
            .map(|so_far| so_far.tail)
            .unwrap_or_default();
        self.written.push(&tail);
        let mut rest = self.stopper.push(tail);
        rest.push_str(&self.stopper.finish());
        rest
    }
}

/// Tokens that wait for their text to be given: what may be the beginning of a stop sequence is held back.
#[derive(Debug, Default)]
struct Tokens {
    wanted: Option<Logprobs>,
    waiting: VecDeque<Token>,
    /// Bytes of text that were given, less those of the tokens that went with them.
    ahead: usize,
}

impl Tokens {
    /// Those that go with so many more bytes of text.
    fn of(&mut self, length: usize) -> Vec<Token> {
        self.ahead += length;
        let mut tokens = Vec::new();
        while let Some(token) = self.waiting.front() {
            let Some(left) = self.ahead.checked_sub(logprobs::length(token)) else {
                break;
            };
            self.ahead = left;
            tokens.extend(self.waiting.pop_front());
        }
        tokens
    }

    /// Those that go with the last bytes, and all that are left; but where the text may have been cut, only those that
    /// are whole in it.
    fn rest(&mut self, length: usize, may_be_cut: bool) -> Vec<Token> {
        let mut tokens = self.of(length);
        if may_be_cut {
            let mut left: Vec<Token> = self.waiting.drain(..).collect();
            logprobs::cut(&mut left, self.ahead);
            tokens.extend(left);
        } else {
            tokens.extend(self.waiting.drain(..));
        }
        tokens
    }
}

/// A text that each event repeats from its beginning.
#[derive(Debug, Default)]
struct SoFar {
    given: String,
    /// U+FFFD at the end: a character whose last bytes are not there yet.
    tail: String,
}

impl SoFar {
    /// What is new.
    fn take(&mut self, text: &str) -> String {
        let whole = text.trim_end_matches('\u{fffd}');
        text[whole.len()..].clone_into(&mut self.tail);
        let new = match whole.strip_prefix(self.given.as_str()) {
            Some(new) => new.to_owned(),
            // It was rewritten, and what was given cannot be taken back.
            None => whole.chars().skip(self.given.chars().count()).collect(),
        };
        whole.clone_into(&mut self.given);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::generation::Generation;
    use crate::triton::model::tests::model;
    use std::sync::Arc;

    fn events(stops: &[&str], model: Option<&Model>) -> Events {
        let generation = Generation {
            stop: stops.iter().map(|s| (*s).to_owned()).collect(),
            max_tokens: Some(9),
            ..Default::default()
        };
        let ask = Ask::new("12345", Arc::new(generation));
        Events::new(&ask, &Options::default(), model, 1 << 20).unwrap()
    }

    /// All deltas, and how it ended.
    fn all(events: &mut Events, body: &str) -> (Vec<String>, Result<(FinishReason, Usage)>) {
        let ask = Ask::new("12345", Arc::default());
        events.push(body.as_bytes());
        let mut deltas = Vec::new();
        loop {
            match events.pull(&ask) {
                Ok(Pull::Delta(delta)) => deltas.push(delta.text),
                Ok(Pull::Starved) => events.end(),
                Ok(Pull::End(reason, usage)) => return (deltas, Ok((reason, usage))),
                Err(e) => return (deltas, Err(e)),
            }
        }
    }

    fn data(texts: &[&str]) -> String {
        let event = |text: &&str| format!("data: {}\n\n", serde_json::json!({"text_output": text}));
        texts.iter().map(event).collect()
    }

    #[test]
    fn each_event_is_a_delta_and_empty_ones_are_none() {
        let (deltas, end) = all(&mut events(&[], None), &data(&["Hel", "", "lo"]));
        assert_eq!(deltas, ["Hel", "lo"]);
        assert_eq!(
            end.unwrap(),
            (FinishReason::Stop, Usage::completion(2, 2, true))
        );
    }

    #[test]
    fn what_the_model_tells_is_used() {
        let body = "data: {\"text_output\":\"a\",\"num_output_tokens\":[1],\"num_input_tokens\":4,\"model_version\":\"3\"}\n\n\
                    data: {\"num_output_tokens\":[2],\"num_input_tokens\":4,\"finish_reason\":\"length\"}\n\n";
        let mut events = events(&[], None);
        let (deltas, end) = all(&mut events, body);
        assert_eq!(deltas, ["a"]);
        assert_eq!(
            end.unwrap(),
            (FinishReason::Length, Usage::completion(4, 3, false))
        );
        assert_eq!((events.count(), events.model_version()), (2, Some("3")));
    }

    #[test]
    fn what_came_before_an_error_is_given_before_it() {
        for (bad, status) in [
            ("data: {\"error\":\"CUDA out of memory\"}\n\n", 500),
            ("data: [1]\n\n", 502),
            ("data: {\"text_output\":\n\n", 502),
            ("data: {\"text_output\":5}\n\n", 502),
            ("data: {\"other\":5}\n\n", 502),
            ("{\"text_output\":", 502),
        ] {
            let body = data(&["a ", "b "]) + bad;
            let (deltas, end) = all(&mut events(&[], None), &body);
            assert_eq!(deltas, ["a ", "b "], "{bad}");
            assert_eq!(end.unwrap_err().http_status(), status, "{bad}");
        }
    }

    #[test]
    fn a_stop_sequence_ends_it_at_once() {
        let mut events = events(&["END"], None);
        let (deltas, end) = all(&mut events, &(data(&["a E", "ND b"]) + "data: broken\n\n"));
        assert_eq!(deltas, ["a "]);
        assert_eq!(end.unwrap().0, FinishReason::Stop);
        let (deltas, _) = all(&mut self::events(&["END"], None), &data(&["a E", "N"]));
        assert_eq!(deltas.concat(), "a EN");
    }

    #[test]
    fn done_ends_it_only_when_it_stands_alone() {
        let body = data(&["say [DONE] now"]) + "data: [DONE]\n\ndata: broken\n\n";
        let (deltas, end) = all(&mut events(&[], None), &body);
        assert_eq!(deltas, ["say [DONE] now"]);
        assert!(end.is_ok());
    }

    #[test]
    fn a_text_that_is_repeated_from_its_beginning_gives_what_is_new() {
        let api = model(
            "text_input:BYTES[1] streaming:BOOL[1]? sampling_param_top_k:INT32[1]?",
            "text_output:BYTES[-1]",
            0,
            true,
        );
        let mut events = events(&[], Some(&api));
        let (deltas, _) = all(
            &mut events,
            &data(&["a", "a b", "a b", "a b \u{fffd}", "a b é"]),
        );
        assert_eq!(deltas, ["a", " b", " ", "é"]);
        let (deltas, _) = all(&mut self::events(&[], Some(&api)), &data(&["a\u{fffd}"]));
        assert_eq!(deltas, ["a", "\u{fffd}"]);
    }

    #[test]
    fn tokens_that_are_parts_of_a_character_hold_none_up() {
        let token = |text: &&str| Token {
            text: (*text).to_owned(),
            logprob: 0.0,
            top: Vec::new(),
        };
        // As they come: the emoji's text with the last of its four tokens.
        let mut tokens = Tokens::default();
        for _ in 0..3 {
            tokens.waiting.push_back(token(&"\u{fffd}"));
            assert_eq!(tokens.of(0).len(), 1);
        }
        tokens.waiting.push_back(token(&"\u{fffd}"));
        assert_eq!(tokens.of("🙂".len()).len(), 1);
        tokens.waiting.extend([" all", " right"].iter().map(token));
        assert_eq!(tokens.of(" all".len()).len(), 1);
        // The end was held back for a stop sequence that did not come.
        assert_eq!(tokens.rest(" right".len(), true).len(), 1);
    }

    #[test]
    fn a_prompt_that_each_event_repeats_is_taken_away() {
        let inputs = "text_input:BYTES[1] stream:BOOL[1]? sampling_parameters:BYTES[1]?";
        let old = model(inputs, "text_output:BYTES[-1]", 0, true);
        let told = |texts: &[&str]| all(&mut events(&[], Some(&old)), &data(texts)).0;
        assert_eq!(told(&["12345 a", "12345 a b", "12345 a b"]), [" a", " b"]);
        // Without the prompt before the first it is none that repeats anything.
        assert_eq!(told(&["a", "12345", "b"]), ["a", "12345", "b"]);
    }
}

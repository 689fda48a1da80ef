//! Asks of a model that are made one after the other, each an [`Exchange`].

use super::call::{Event, Todo};
use super::speaking::Speaking;
use crate::config::Options;
use crate::error::{Error, Result};
use crate::openai::response::Generated;
use crate::triton::Request;
use crate::triton::endpoint::Route;
use crate::triton::exchange::{Exchange, Outcome, Step, Task};
use std::collections::VecDeque;
use std::sync::Arc;

/// Asks that are made one after the other.
#[derive(Debug)]
pub(super) struct Asking {
    tasks: VecDeque<Task>,
    current: Option<Exchange>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) changed: bool,
    /// How many asks were begun.
    pub(super) begun: u32,
    /// Where the caller wants chunks.
    speaking: Option<Speaking>,
}

impl Asking {
    pub(super) fn new(tasks: impl IntoIterator<Item = Task>) -> Asking {
        Asking {
            tasks: tasks.into_iter().collect(),
            current: None,
            outcomes: Vec::new(),
            changed: false,
            begun: 0,
            speaking: None,
        }
    }

    /// The same, told in chunks.
    pub(super) fn speak(mut self, speaking: Option<Speaking>) -> Asking {
        self.speaking = speaking;
        self
    }

    /// Whether the answers are told in chunks.
    pub(super) fn speaks(&self) -> bool {
        self.speaking.is_some()
    }

    /// Tells its answers under the name that another's would have had.
    pub(super) fn speak_as(&mut self, other: &mut Asking) {
        if self.speaking.is_some() && other.speaking.is_some() {
            self.speaking = other.speaking.take();
        }
    }

    /// Whether more of what is being read is of use.
    pub(super) fn wants_more(&self) -> bool {
        self.current.as_ref().is_some_and(Exchange::wants_more)
    }

    /// Whether chunks of the present ask went out: then it cannot be asked again.
    pub(super) fn has_spoken(&self) -> bool {
        self.current.as_ref().is_some_and(Exchange::has_spoken)
    }

    /// Whether any chunk went out: then nobody else can be asked.
    pub(super) fn has_begun_to_speak(&self) -> bool {
        self.speaking.as_ref().is_some_and(Speaking::has_begun)
    }

    /// How many asks have their answer; of embeddings, how many inputs have their rows.
    pub(super) fn answered(&self) -> usize {
        match &self.speaking {
            Some(speaking) => speaking.choices(),
            None => self.outcomes.len() + self.current.as_ref().map_or(0, Exchange::received),
        }
    }

    /// The requests after the present one that will be sent whatever its reply says, in order, no more than `most`. The place
    /// for those of later tasks, too.
    pub(super) fn ahead(&mut self, most: usize) -> Vec<Arc<Request>> {
        let current = self.current.as_mut();
        current.map_or_else(Vec::new, |exchange| exchange.ahead(most))
    }
}

pub(super) fn texts(asking: &mut Asking) -> Result<Vec<Generated>> {
    asking
        .outcomes
        .drain(..)
        .map(|outcome| match outcome {
            Outcome::Text(generated) => Ok(generated),
            Outcome::Rows(..) => Err(nothing_came()),
        })
        .collect()
}

/// Goes on with the asks; `None`: all are answered.
pub(super) fn ask(
    asking: &mut Asking,
    event: Event<'_>,
    options: &Arc<Options>,
    route: impl Fn() -> Result<Arc<Route>>,
) -> Result<Option<Todo>> {
    if let Some(chunk) = asking.speaking.as_mut().and_then(Speaking::next_chunk) {
        return Ok(Some(Todo::Chunk(chunk)));
    }
    let mut step = match (event, asking.current.as_mut()) {
        (Event::Described(description), Some(exchange)) => exchange.described(description)?,
        (Event::Replied(reply), Some(exchange)) => exchange.replied(reply)?,
        (Event::Opened, Some(exchange)) => exchange.opened()?,
        (Event::Arrived(bytes), Some(exchange)) => exchange.arrived(bytes)?,
        (Event::Ended, Some(exchange)) => exchange.ended()?,
        (Event::Next, Some(exchange)) => exchange.go_on()?,
        (Event::Next, None) if asking.tasks.is_empty() => return Ok(None),
        // The beginning, and the beginning again after a pause.
        _ => begin(asking, options, &route)?,
    };
    loop {
        if let Some(exchange) = &asking.current {
            asking.changed |= exchange.saw_a_change();
        }
        let outcome = match step {
            Step::Describe { fresh } => return Ok(Some(Todo::Describe { fresh })),
            Step::Send(request) => return Ok(Some(Todo::Send(request))),
            Step::Open(request) => return Ok(Some(Todo::Open(request))),
            Step::Read => return Ok(Some(Todo::Read)),
            Step::Delta(text) => {
                let speaking = asking.speaking.as_mut().ok_or_else(nothing_came)?;
                return Ok(Some(Todo::Chunk(speaking.delta(&text))));
            }
            Step::Done(outcome) => outcome,
        };
        asking.tasks.pop_front();
        asking.current = None;
        let is_last = asking.tasks.is_empty();
        match (&mut asking.speaking, outcome) {
            (Some(speaking), Outcome::Text(generated)) => {
                let chunk = speaking.finish(&generated, is_last);
                return Ok(Some(Todo::Chunk(chunk)));
            }
            (_, outcome) => asking.outcomes.push(outcome),
        }
        if is_last {
            return Ok(None);
        }
        step = begin(asking, options, &route)?;
    }
}

fn begin(
    asking: &mut Asking,
    options: &Arc<Options>,
    route: &impl Fn() -> Result<Arc<Route>>,
) -> Result<Step> {
    let task = asking.tasks.front().cloned().ok_or_else(nothing_came)?;
    asking.begun += 1;
    // What a try that failed has received is not asked for again.
    let tried = asking.current.take();
    let exchange = Exchange::new(route()?, options.clone(), task).after(tried);
    asking.current.insert(exchange).start()
}

pub(super) fn nothing_came() -> Error {
    Error::protocol("the server gave no answer")
}

//! Asks of a model that are made one after the other, each an [`Exchange`].

use super::call::{Event, Todo};
use crate::config::Options;
use crate::error::{Error, Result};
use crate::openai::response::Generated;
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
}

impl Asking {
    pub(super) fn new(tasks: impl IntoIterator<Item = Task>) -> Asking {
        Asking {
            tasks: tasks.into_iter().collect(),
            current: None,
            outcomes: Vec::new(),
            changed: false,
            begun: 0,
        }
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
    event: Event,
    options: &Arc<Options>,
    route: impl Fn() -> Result<Arc<Route>>,
) -> Result<Option<Todo>> {
    let mut step = match (event, asking.current.as_mut()) {
        (Event::Described(description), Some(exchange)) => exchange.described(description)?,
        (Event::Replied(reply), Some(exchange)) => exchange.replied(&reply)?,
        // The beginning, and the beginning again after a pause.
        _ => begin(asking, options, &route)?,
    };
    loop {
        if let Some(exchange) = &asking.current {
            asking.changed |= exchange.saw_a_change();
        }
        match step {
            Step::Describe { fresh } => return Ok(Some(Todo::Describe { fresh })),
            Step::Send(request) => return Ok(Some(Todo::Send(request))),
            Step::Done(outcome) => {
                asking.outcomes.push(outcome);
                asking.tasks.pop_front();
                if asking.tasks.is_empty() {
                    return Ok(None);
                }
                step = begin(asking, options, &route)?;
            }
        }
    }
}

fn begin(
    asking: &mut Asking,
    options: &Arc<Options>,
    route: &impl Fn() -> Result<Arc<Route>>,
) -> Result<Step> {
    let task = asking.tasks.front().cloned().ok_or_else(nothing_came)?;
    asking.begun += 1;
    let exchange = asking
        .current
        .insert(Exchange::new(route()?, options.clone(), task));
    exchange.start()
}

pub(super) fn nothing_came() -> Error {
    Error::protocol("the server gave no answer")
}

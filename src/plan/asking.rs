//! Asks of a model that are made one after the other, each an [`Exchange`].

use super::call::{Event, Todo};
use super::speaking::Speaking;
use crate::config::Options;
use crate::error::{Error, Result};
use crate::openai::answer::Generated;
use crate::openai::response::Usage;
use crate::triton::Request;
use crate::triton::endpoint::Route;
use crate::triton::exchange::{Exchange, Outcome, Step, Task};
use crate::triton::text;
use std::collections::VecDeque;
use std::sync::Arc;

/// Asks that are made one after the other.
#[derive(Debug)]
pub(super) struct Asking {
    tasks: VecDeque<Task>,
    /// What is large stands apart: a call is moved about before anything is asked.
    current: Option<Box<Exchange>>,
    /// Requests of the tasks after the present one, made before their turn.
    made: VecDeque<Arc<Request>>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) changed: bool,
    /// What the asks took that have their answer.
    pub(super) used: Option<Usage>,
    /// How many asks were begun.
    pub(super) begun: u32,
    /// A text was not held to what the request wants, as the caller has allowed.
    pub(super) is_free: bool,
    /// Where the caller wants chunks.
    speaking: Option<Box<Speaking>>,
}

impl Asking {
    pub(super) fn new(tasks: impl IntoIterator<Item = Task>) -> Asking {
        Asking {
            tasks: tasks.into_iter().collect(),
            current: None,
            made: VecDeque::new(),
            outcomes: Vec::new(),
            changed: false,
            used: None,
            begun: 0,
            is_free: false,
            speaking: None,
        }
    }

    /// The same, told in chunks.
    pub(super) fn speak(mut self, speaking: Option<Box<Speaking>>) -> Asking {
        self.speaking = speaking;
        self
    }

    /// Refuses what a model that nobody describes cannot do.
    pub(super) fn check(&self, options: &Options) -> Result<()> {
        match self.tasks.front() {
            Some(Task::Text(ask)) => text::check(ask, options, None),
            _ => Ok(()),
        }
    }

    /// Whether the answers are told in chunks.
    pub(super) fn speaks(&self) -> bool {
        self.speaking.is_some()
    }

    /// Tells its answers under the name that another's would have had.
    pub(super) fn speak_as(&mut self, other: &mut Asking) {
        if let (Some(own), Some(other)) = (&mut self.speaking, other.speaking.take()) {
            own.speak_as(*other);
        }
    }

    /// Before a request goes out: a model that is held to nothing writes what it likes.
    fn note_freedom(&mut self) {
        if self.current.as_ref().is_some_and(|e| !e.is_guided()) {
            self.is_free = true;
            if let Some(speaking) = &mut self.speaking {
                speaking.release();
            }
        }
    }

    /// Whether more of what is being read is of use.
    pub(super) fn wants_more(&self) -> bool {
        self.current.as_ref().is_some_and(|e| e.wants_more())
    }

    /// Whether chunks of the present ask went out: then it cannot be asked again.
    pub(super) fn has_spoken(&self) -> bool {
        self.current.as_ref().is_some_and(|e| e.has_spoken())
    }

    /// Whether any chunk went out: then nobody else can be asked.
    pub(super) fn has_begun_to_speak(&self) -> bool {
        self.speaking.as_ref().is_some_and(|s| s.has_begun())
    }

    /// How many asks have their answer; of embeddings, how many inputs have their rows.
    pub(super) fn answered(&self) -> usize {
        match &self.speaking {
            Some(speaking) => speaking.choices(),
            None => self.outcomes.len() + self.current.as_ref().map_or(0, |e| e.received()),
        }
    }

    /// The present request has failed.
    pub(super) fn broke(&mut self) {
        if let Some(exchange) = &mut self.current {
            exchange.broke();
        }
    }

    /// What is asked, in order, and not answered yet.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter()
    }

    /// What the asks took that have their answer, and what is known of the others that were sent.
    pub(super) fn spent_so_far(&self) -> Option<Usage> {
        let current = self.current.as_ref();
        let current = current.and_then(|exchange| exchange.spent());
        let current = current.zip(self.tasks.front()).map(own_share);
        // Those that were sent before their turn: their replies are not read yet.
        let early = self.tasks.iter().skip(1).take(self.made.len());
        let early = early.filter_map(|task| match task {
            Task::Text(ask) => Some(own_share((ask.prompt_alone(), task))),
            Task::Embed(_) => None,
        });
        let begun = current
            .into_iter()
            .chain(early.filter(|_| current.is_some()));
        self.used.into_iter().chain(begun).reduce(Usage::plus)
    }

    /// The requests after the present one that will be sent whatever its reply says, in order, no more than `most`: further
    /// batches of the present task, and then the tasks after it.
    pub(super) fn ahead(&mut self, most: usize) -> Vec<Arc<Request>> {
        let Some(exchange) = &mut self.current else {
            return Vec::new();
        };
        let mut requests = exchange.ahead(most);
        let later = self.tasks.iter().skip(1 + self.made.len());
        for task in later.take(most.saturating_sub(requests.len() + self.made.len())) {
            match exchange.would_send(task) {
                Some(request) => self.made.push_back(Arc::new(request)),
                // It is told in its turn why it cannot be made.
                None => break,
            }
        }
        let left = most.saturating_sub(requests.len());
        requests.extend(self.made.iter().take(left).cloned());
        requests
    }
}

/// All texts, in order.
pub(super) fn texts(asking: &mut Asking) -> Result<Vec<Generated>> {
    let outcomes = std::mem::take(&mut asking.outcomes).into_iter();
    let texts = outcomes.map(|outcome| match outcome {
        Outcome::Text(generated) => Ok(generated),
        Outcome::Rows(..) => Err(nothing_came()),
    });
    let texts: Vec<Generated> = texts.collect::<Result<_>>()?;
    match texts.is_empty() {
        true => Err(nothing_came()),
        false => Ok(texts),
    }
}

/// Goes on with the asks; `None`: all are answered.
pub(super) fn ask(
    asking: &mut Asking,
    event: Event<'_>,
    options: &Arc<Options>,
    route: impl Fn() -> Result<Arc<Route>>,
) -> Result<Option<Todo>> {
    if let Some(chunk) = asking.speaking.as_mut().and_then(|s| s.next_chunk()) {
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
            Step::Describe { fresh } => {
                if fresh {
                    // The model may be another now.
                    asking.made.clear();
                }
                return Ok(Some(Todo::Describe { fresh }));
            }
            Step::Send(request) => {
                asking.note_freedom();
                return Ok(Some(Todo::Send(request)));
            }
            Step::Open(request) => {
                asking.note_freedom();
                return Ok(Some(Todo::Open(request)));
            }
            Step::Read => return Ok(Some(Todo::Read)),
            Step::Delta(delta) => {
                let speaking = asking.speaking.as_mut().ok_or_else(nothing_came)?;
                speaking.delta(delta, asking.tasks.front().and_then(echoed));
                if let Some(chunk) = speaking.next_chunk() {
                    return Ok(Some(Todo::Chunk(chunk)));
                }
                // It may be the beginning of a tool's call, and is held back.
                let exchange = asking.current.as_mut().ok_or_else(nothing_came)?;
                step = exchange.go_on()?;
                continue;
            }
            Step::Done(outcome) => outcome,
        };
        let task = asking.tasks.pop_front();
        asking.made.pop_front();
        if let Some(exchange) = asking.current.take() {
            // A model that nobody describes gives one choice; who wanted more has allowed that.
            if !exchange.knows_its_model() {
                asking.tasks.retain(|task| choice(task) == 0);
                asking.made.clear();
            }
        }
        let is_last = asking.tasks.is_empty();
        match (&mut asking.speaking, outcome) {
            (speaking, Outcome::Text(mut generated)) => {
                if let Some(task) = &task {
                    generated.usage = own_share((generated.usage, task));
                }
                asking.used = Some(match asking.used {
                    Some(used) => used.plus(generated.usage),
                    None => generated.usage,
                });
                let prompt = task.as_ref().and_then(echoed);
                match speaking {
                    Some(speaking) => {
                        speaking.finish(generated, is_last, prompt);
                        return Ok(speaking.next_chunk().map(Todo::Chunk));
                    }
                    None => {
                        if let Some(prompt) = prompt {
                            generated.text.insert_str(0, prompt);
                        }
                        asking.outcomes.push(Outcome::Text(generated));
                    }
                }
            }
            (_, outcome) => asking.outcomes.push(outcome),
        }
        if is_last {
            return Ok(None);
        }
        step = begin(asking, options, &route)?;
    }
}

/// The prompt, where it is to stand before the text.
fn echoed(task: &Task) -> Option<&str> {
    match task {
        Task::Text(ask) if ask.generation.echo => Some(&ask.prompt),
        _ => None,
    }
}

/// What is counted for a task: the prompt is the first choice's.
fn own_share((usage, task): (Usage, &Task)) -> Usage {
    match choice(task) {
        0 => usage,
        _ => usage.without_prompt(),
    }
}

/// Which of its prompt's choices it is.
fn choice(task: &Task) -> usize {
    match task {
        Task::Text(ask) => ask.choice,
        Task::Embed(_) => 0,
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
    let mut exchange = Box::new(Exchange::new(route()?, options.clone(), task));
    if let Some(tried) = tried {
        exchange.go_on_after(*tried);
    }
    asking.current.insert(exchange).start()
}

pub(super) fn nothing_came() -> Error {
    Error::protocol("the server gave no answer")
}

//! A stream of chunks, pulled by the caller: it runs on his thread, while he waits for the next.

use super::cancel::Token;
use super::run::{Progress, Run, Waiter};
use super::{Client, Embeddings};
use crate::error::{Error, Result};
use crate::plan::call::Call;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// What a stream gives next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<T = String> {
    /// OpenAI's chunk, as JSON, or an answer that comes whole.
    Chunk(T),
    /// Nothing came in time; the stream goes on.
    Timeout,
    /// There is no more.
    Done,
}

/// A call that gives its answer in chunks, or whole, as its one chunk. Dropping it cancels it.
#[derive(Debug)]
pub struct Stream {
    client: Arc<Client>,
    token: Arc<Token>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Runs(Box<Run>),
    /// How it ended, told again whenever it is asked.
    Ended(Result<()>),
}

impl Stream {
    pub(super) fn new(client: Arc<Client>, call: Call) -> Stream {
        Stream {
            client,
            token: Arc::default(),
            state: Mutex::new(State::Runs(Box::new(Run::new(call)))),
        }
    }

    /// Waits for the next chunk, no longer than `patience`; without one, as long as the call's own time-outs let it.
    ///
    /// The time the caller takes between two calls counts for the call's `timeout`. While TLS or a proxy is agreed on,
    /// `connect_timeout` counts instead of `patience`.
    ///
    /// Errors: `BUSY` while another thread waits for a chunk, which changes nothing. Any other ends the stream: it is given again
    /// to whoever asks again.
    pub fn next(&self, patience: Option<Duration>) -> Result<Next> {
        let text = |_: &mut Run, text| Ok(text);
        self.pull(patience, |call| call.as_rows(false), text)
    }

    /// The same for the operation `embeddings`, whose one chunk comes as numbers; no JSON of them is made.
    ///
    /// Errors as [`Stream::next`], and `ARGUMENT` for another operation, which changes nothing.
    pub fn next_rows(&self, patience: Option<Duration>) -> Result<Next<Embeddings>> {
        let rows = |run: &mut Run, info| Embeddings::take(run, info, &self.client);
        self.pull(patience, |call| call.as_rows(true), rows)
    }

    /// Waits for the next chunk, and lets `give` make of it what the caller gets.
    fn pull<T>(
        &self,
        patience: Option<Duration>,
        ask: impl FnOnce(&mut Call) -> Result<()>,
        give: impl FnOnce(&mut Run, String) -> Result<T>,
    ) -> Result<Next<T>> {
        if self.client.is_forked() {
            return Err(Error::forked());
        }
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => {
                // What panicked is not gone on with.
                let mut state = poisoned.into_inner();
                *state = State::Ended(Err(Error::panicked()));
                state
            }
            // Who cancels holds it for a moment, too.
            Err(TryLockError::WouldBlock) if self.token.is_cancelled() => {
                return Err(Error::cancelled());
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::busy(
                    "another thread is waiting for this stream's next chunk",
                ));
            }
        };
        let run = match &mut *state {
            State::Runs(run) => run,
            State::Ended(Ok(())) => return Ok(Next::Done),
            State::Ended(Err(error)) => return Err(error.clone()),
        };
        ask(&mut run.call)?;
        let waiter = Waiter {
            patience: patience.and_then(|p| Instant::now().checked_add(p)),
            token: Some(&self.token),
        };
        let ended = match run.advance(&self.client, waiter) {
            Ok(Progress::Chunk(chunk)) => return give(run, chunk).map(Next::Chunk),
            Ok(Progress::Paused) => return Ok(Next::Timeout),
            Ok(Progress::Answer(nothing)) if nothing.is_empty() => Ok(Next::Done),
            Ok(Progress::Answer(whole)) => give(run, whole).map(Next::Chunk),
            Err(error) => Err(error),
        };
        *state = State::Ended(ended.as_ref().map(drop).map_err(Error::clone));
        ended
    }

    /// Ends the stream at once with `CANCELLED`, and with it the request at the server. Any thread, any number of times.
    pub fn cancel(&self) {
        // In a child of fork() the connection is the parent's.
        if !self.client.is_forked() {
            self.token.cancel();
            // While nobody waits for a chunk, no one else closes what was sent before its turn.
            let ended = self.state.try_lock().ok().and_then(|mut state| {
                let runs = matches!(*state, State::Runs(_));
                runs.then(|| std::mem::replace(&mut *state, State::Ended(Err(Error::cancelled()))))
            });
            drop(ended);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // A run that panicked is let go as it is.
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        *state = State::Ended(Ok(()));
    }
}

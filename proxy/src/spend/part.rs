//! A journal on its way into the database: the process's own, or a dead one's.

use super::apply::{self, Applied};
use super::batch::Batch;
use super::file::{Lines, Tail};
use super::journal::Journal;
use crate::store::{Failure, Result, Store};
use std::sync::Arc;
use tracing::{error, warn};

/// Rows in one transaction.
const AT_ONCE: usize = 1_000;

/// Bytes that are taken of memory at once.
const OF_MEMORY: usize = 512 << 10;

/// Where a journal's lines are.
#[derive(Debug)]
pub(super) enum Source {
    /// In a file, whose first line is none of a row.
    File(Tail),
    /// See [`Journal::memory`].
    Memory,
}

/// A journal on its way into the database.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) id: String,
    pub(super) source: Source,
    replica: String,
    /// Its process is this one.
    pub(super) is_own: bool,
    /// So many bytes are there; `None`: that is not known yet.
    pub(super) applied: Option<u64>,
    /// It may be there or not.
    tried: Option<Arc<Batch>>,
    /// Rows at once: fewer, while one is looked for that is not taken.
    most: usize,
}

/// What one step came to.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// There is nothing to bring.
    Idle,
    /// It went on, with these rows if any; whether there is more.
    Went(Option<Arc<Batch>>, bool),
}

impl Part {
    /// Whose it is.
    pub(super) fn replica(&self) -> &str {
        &self.replica
    }

    /// This process's: nothing of it is in the database.
    pub(super) fn own(id: &str, source: Source, replica: &str) -> Part {
        Part {
            id: id.to_owned(),
            source,
            replica: replica.to_owned(),
            is_own: true,
            applied: Some(0),
            tried: None,
            most: AT_ONCE,
        }
    }

    /// A dead process's.
    pub(super) fn adopted(tail: Tail) -> Part {
        let (id, replica) = (tail.id.clone(), tail.replica.clone());
        Part {
            is_own: false,
            applied: None,
            ..Part::own(&id, Source::File(tail), &replica)
        }
    }

    /// Brings some rows into the database. `end`: bytes of the file that are whole.
    pub(super) async fn step(
        &mut self,
        store: &Store,
        journal: &Journal,
        end: u64,
        keeps: bool,
    ) -> Result<Step> {
        if let Some(batch) = self.tried.take() {
            return self.bring(store, batch, true).await;
        }
        let from = self.reached(store).await?;
        let lines = match &self.source {
            Source::File(tail) => tail
                .read(from, end)
                .map_err(|e| Failure::Broken(format!("a journal of spend cannot be read: {e}")))?,
            Source::Memory => {
                self.replica = journal.replica().to_string();
                journal.memory(OF_MEMORY)
            }
        };
        let batch = self.batch(from, &lines, keeps);
        if batch.is_empty() {
            return Ok(Step::Idle);
        }
        let to = batch.to;
        let read = from + lines.bytes.len() as u64;
        match self.bring(store, Arc::new(batch), false).await {
            Ok(Step::Went(batch, is_more)) => {
                let is_more = is_more || to < read || !lines.is_last;
                Ok(Step::Went(batch, is_more))
            }
            other => other,
        }
    }

    async fn reached(&mut self, store: &Store) -> Result<u64> {
        if let Some(applied) = self.applied {
            return Ok(applied);
        }
        let reached = apply::reached(store, self.id.clone()).await?.unwrap_or(0);
        self.applied = Some(reached);
        Ok(reached)
    }

    /// `again`: it was tried before, and no answer came.
    async fn bring(&mut self, store: &Store, batch: Arc<Batch>, again: bool) -> Result<Step> {
        match apply::apply(store, batch.clone()).await {
            Ok(Applied::Now) => {
                self.applied = Some(batch.to);
                self.most = AT_ONCE;
                Ok(Step::Went(Some(batch), again))
            }
            Ok(Applied::Before(Some(to))) => {
                self.applied = Some(to);
                // It was the answer that was lost.
                let came = again && to == batch.to;
                Ok(Step::Went(Some(batch).filter(|_| came), true))
            }
            Ok(Applied::Before(None)) => {
                // The database has lost what it said, or another is in its place: neither has anything of the journal.
                match self.source {
                    Source::File(_) => self.applied = Some(0),
                    // What was in there is no more.
                    Source::Memory => apply::begin_at(store, self.id.clone(), batch.from).await?,
                }
                Ok(Step::Went(None, true))
            }
            Err(Failure::Away) => {
                self.tried = Some(batch);
                Err(Failure::Away)
            }
            Err(failure) => {
                let passed = match batch.count > 1 {
                    true => {
                        self.most = batch.count / 2;
                        None
                    }
                    false => self.refuse(store, &batch, &failure).await?,
                };
                Ok(Step::Went(passed, true))
            }
        }
    }

    fn batch(&self, from: u64, lines: &Lines, keeps: bool) -> Batch {
        let lines = &lines.bytes;
        let end_of_head = || lines.iter().position(|byte| *byte == b'\n');
        let head = match (&self.source, from) {
            (Source::File(_), 0) => end_of_head().map_or(0, |at| at + 1),
            _ => 0,
        };
        Batch {
            journal: self.id.clone(),
            replica: self.replica.clone(),
            from,
            ..Batch::read(from + head as u64, &lines[head..], self.most, keeps)
        }
    }

    /// Puts a row aside that the database does not take, so that those behind it come in.
    async fn refuse(
        &mut self,
        store: &Store,
        batch: &Batch,
        failure: &Failure,
    ) -> Result<Option<Arc<Batch>>> {
        let rows = batch.rows.as_deref().unwrap_or_default();
        let costs: Vec<_> = batch
            .costs()
            .map(|(scope, cost)| format!("{scope} {}", cost.0))
            .collect();
        let (costs, journal) = (costs.join(", "), &self.id);
        let is_aside = match &self.source {
            Source::File(tail) => tail.refuse(batch.from, batch.to).is_ok(),
            Source::Memory => false,
        };
        match is_aside {
            true => warn!(
                "the database does not take a request's spend, which is in {journal}.refused now: {failure}"
            ),
            false => {
                error!("the database does not take a request's spend: {failure}: {costs} {rows}")
            }
        }
        let passed = Arc::new(Batch {
            journal: self.id.clone(),
            from: batch.from,
            to: batch.to,
            ..Batch::default()
        });
        let is_passed = apply::apply(store, passed.clone()).await? == Applied::Now;
        if is_passed {
            self.applied = Some(batch.to);
        }
        Ok(Some(passed).filter(|_| is_passed))
    }
}

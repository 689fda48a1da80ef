//! What brings journals into the database: the process's own all the time, and those of processes that are dead.

use super::apply;
use super::file::{self, Tail};
use super::journal::Journal;
use super::part::{Part, Source, Step};
use super::retention;
use crate::keys::{Every, Money, Time};
use crate::store::{Failure, Result, Store};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tracing::{info, warn};

/// Rows that come within it come into the database together.
const TOGETHER: Duration = Duration::from_millis(100);

/// The longest pause while the database is away, or does not take what there is.
const LONGEST: Duration = Duration::from_secs(5);

/// Between two looks for journals of the dead.
const LOOK: Duration = Duration::from_secs(30);

/// A pause that is worth a word: a database that is being opened takes less.
const WORTH_A_WORD: Duration = Duration::from_secs(1);

/// While requests come, bringing what they cost into the database takes one part of so many of the time: both may want the same processor.
const SHARE: u32 = 32;

/// The longest of these pauses. A database that is far away takes long, and no processor of ours: of that it is not to take many times as
/// long.
const GIVES_WAY: Duration = Duration::from_millis(300);

/// With so many bytes behind it goes on without a pause.
const BEHIND: u64 = 128 << 20;

/// Journals of the dead at once.
const ADOPTED: usize = 16;

/// Between two looks for rows that are too old.
const RETAIN: Duration = Duration::from_secs(600);

/// Bytes of a file after which there is to be a new one.
const LARGE: u64 = 16 << 20;

/// So much of a large file may be left to be brought into the database when there is a new one.
const LEFT: u64 = 1 << 20;

/// What is kept of single requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// `disable_spend_logs`: sums of keys, teams and users alone.
    pub disable_spend_logs: bool,
    /// `maximum_spend_logs_retention_period`; `None`: for ever.
    pub retention: Option<Every>,
}

/// Told of what this process has spent, when that is in the database: the text of a scope, and the sum.
pub type Told = Box<dyn Fn(&str, Money) + Send + Sync>;

/// Told of a replica that is dead, and whose file is in the database.
pub type Buried = Box<dyn Fn(&str) + Send + Sync>;

/// What brings a process's journal into a database, and those that dead processes left in its folder.
pub struct Flusher {
    journal: Journal,
    store: Store,
    policy: watch::Receiver<Policy>,
    told: Told,
    buried: Option<Buried>,
    parts: Vec<Part>,
    /// What was said to be no journal.
    strange: BTreeSet<PathBuf>,
    looks_at: Instant,
    retains_at: Instant,
}

impl Flusher {
    /// For one journal and one database. `told` is called after each commit.
    pub fn new(
        journal: Journal,
        store: Store,
        policy: watch::Receiver<Policy>,
        told: Told,
    ) -> Flusher {
        let memory = journal.name_of_memory();
        let memory = Part::own(&memory, Source::Memory, &journal.replica());
        Flusher {
            journal,
            store,
            policy,
            told,
            buried: None,
            parts: vec![memory],
            strange: BTreeSet::new(),
            looks_at: Instant::now(),
            retains_at: Instant::now(),
        }
    }

    /// Has somebody told of replicas that are dead: nobody needs what they hold.
    pub fn burying(self, buried: Buried) -> Flusher {
        Flusher {
            buried: Some(buried),
            ..self
        }
    }

    /// Until [`Journal::finish`] is called and all is in the database. To be spawned on a runtime that lives as long.
    pub async fn run(mut self) {
        let mut ends = self.journal.ends();
        let mut is_up = self.store.watch();
        let mut trouble = None;
        loop {
            let (began, length) = (Instant::now(), self.journal.length());
            let passed = self.pass().await;
            let is_ending = *ends.borrow();
            let passed = match passed {
                Ok(false) if is_ending => match self.end().await {
                    Ok(true) => break,
                    // A row came at the last moment.
                    Ok(false) => continue,
                    Err(failure) => Err(failure),
                },
                passed => passed,
            };
            match passed {
                Ok(is_more) => {
                    if trouble.take().is_some_and(|pause| pause >= WORTH_A_WORD) {
                        info!("what requests cost comes into the database again");
                    }
                    if is_more {
                        let comes = self.journal.length() != length;
                        let pause = pause(began.elapsed(), comes, self.behind());
                        if !pause.is_zero() {
                            let end = ends.wait_for(|ends| *ends);
                            let _ = tokio::time::timeout(pause, end).await;
                        }
                        continue;
                    }
                    let idle = self.journal.wait(|| self.is_idle());
                    tokio::select! {
                        _ = tokio::time::timeout(self.until_next(), idle) => {}
                        _ = ends.wait_for(|ends| *ends) => continue,
                    }
                    tokio::select! {
                        () = tokio::time::sleep(TOGETHER) => {}
                        _ = ends.wait_for(|ends| *ends) => {}
                    }
                }
                Err(failure) => {
                    let pause =
                        trouble.map_or(TOGETHER, |pause: Duration| (pause * 2).min(LONGEST));
                    let was = trouble.unwrap_or_default();
                    if was < WORTH_A_WORD && pause >= WORTH_A_WORD {
                        warn!("what requests cost is in the journal alone for now: {failure}");
                    }
                    trouble = Some(pause);
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        _ = is_up.wait_for(|is_up| *is_up), if !self.store.is_up() => {}
                        _ = ends.wait_for(|ends| *ends), if !is_ending => {}
                    }
                }
            }
        }
        self.journal.ended();
    }

    /// Brings some of each journal into the database; whether there is more.
    async fn pass(&mut self) -> Result<bool> {
        self.journal.recover();
        let policy = *self.policy.borrow();
        let current = self.journal.id();
        self.follow(current.as_deref());
        let mut is_more = false;
        if !*self.journal.ends().borrow() {
            self.look();
            self.retain(policy.retention).await?;
        }
        let mut failed = Ok(());
        let (mut over, mut left) = (Vec::new(), Vec::new());
        for part in &mut self.parts {
            let is_current = current.as_ref() == Some(&part.id);
            let end = match is_current {
                true => self.journal.length(),
                false => u64::MAX,
            };
            let step = part.step(&self.store, &self.journal, end, !policy.disable_spend_logs);
            match step.await {
                Ok(Step::Idle) if is_current || matches!(part.source, Source::Memory) => {}
                Ok(Step::Idle) => over.push(part.id.clone()),
                Ok(Step::Went(batch, more)) => {
                    is_more |= more || !is_current;
                    if let (Source::Memory, Some(batch)) = (&part.source, &batch) {
                        self.journal.forget(batch.to - batch.from);
                    }
                    if let Some(batch) = batch.filter(|_| part.is_own) {
                        batch
                            .costs()
                            .for_each(|(scope, sum)| (self.told)(scope, sum));
                    }
                }
                Err(Failure::Away) => return Err(Failure::Away),
                // The others go on; a dead one's is looked for again.
                Err(failure) => {
                    left.extend(Some(part.id.clone()).filter(|_| !is_current));
                    failed = Err(failure);
                }
            }
        }
        for id in over {
            self.remove(&id).await?;
        }
        self.parts
            .retain(|part| matches!(part.source, Source::Memory) || !left.contains(&part.id));
        self.rotate(current.as_deref());
        failed.map(|()| is_more)
    }

    /// Takes the file that the process writes now to those that are read.
    fn follow(&mut self, current: Option<&str>) {
        let Some(id) = current.filter(|id| self.parts.iter().all(|part| part.id != *id)) else {
            return;
        };
        // An error: it is tried again.
        if let Some(Ok(tail)) = self.journal.tail().filter(|tail| is_of(tail, id)) {
            let replica = tail.replica.clone();
            self.parts.push(Part::own(id, Source::File(tail), &replica));
        }
    }

    /// Looks for journals of processes that are dead.
    fn look(&mut self) {
        let now = Instant::now();
        if now < self.looks_at {
            return;
        }
        self.looks_at = now + LOOK;
        // An error: there is no such folder, which is said elsewhere.
        for path in file::all(self.journal.folder()).unwrap_or_default() {
            if self.parts.len() > ADOPTED {
                break;
            }
            match Tail::adopt(&path) {
                Ok(Some(tail)) => {
                    self.parts.push(Part::adopted(tail));
                }
                Ok(None) => {}
                Err(e) => {
                    if self.strange.insert(path.clone()) {
                        warn!("{}: expected a journal of spend: {e}", path.display());
                    }
                }
            }
        }
    }

    /// Removes some rows that are too old.
    async fn retain(&mut self, retention: Option<Every>) -> Result<()> {
        let now = Instant::now();
        let is_due = now >= self.retains_at && self.store.is_up();
        if let Some(retention) = retention.filter(|_| is_due) {
            let oldest = retention::oldest(retention, Time::now());
            let is_more = retention::remove(&self.store, oldest).await? == retention::AT_ONCE;
            // In between others come to write.
            self.retains_at = now + if is_more { TOGETHER } else { RETAIN };
        }
        Ok(())
    }

    /// All of a file is in the database.
    async fn remove(&mut self, id: &str) -> Result<()> {
        let Some(at) = self.parts.iter().position(|part| part.id == id) else {
            return Ok(());
        };
        if let Source::File(tail) = &self.parts[at].source {
            // The file first: while it is there, how far it is applied must be known.
            if tail.remove().is_err() {
                return Ok(());
            }
        }
        let part = self.parts.remove(at);
        if let Some(buried) = self.buried.as_ref().filter(|_| !part.is_own) {
            buried(part.replica());
        }
        apply::forget(&self.store, id.to_owned()).await
    }

    /// Begins a new file where the present one is large and nearly all of it is in the database.
    fn rotate(&self, current: Option<&str>) {
        let length = self.journal.length();
        let is_due = |part: &Part| {
            let left = length.saturating_sub(part.applied.unwrap_or(0));
            Some(part.id.as_str()) == current && length >= LARGE && left <= LEFT
        };
        if self.parts.iter().any(is_due) {
            // An error: the old one will do.
            let _ = self.journal.rotate();
        }
    }

    /// Ends the process's own file; whether all that was in it, and in memory, is in the database.
    async fn end(&mut self) -> Result<bool> {
        let current = self.journal.id();
        let part = self
            .parts
            .iter()
            .find(|part| Some(&part.id) == current.as_ref());
        let applied = part.and_then(|part| part.applied).unwrap_or(0);
        if !self.journal.close(applied) {
            return Ok(false);
        }
        let own: Vec<String> = self.parts.iter().map(|part| part.id.clone()).collect();
        for id in own {
            self.remove(&id).await?;
        }
        Ok(true)
    }

    /// Bytes that the process has written, and that are not in the database yet.
    fn behind(&self) -> u64 {
        let current = self.journal.id();
        let mut own = self
            .parts
            .iter()
            .filter(|part| Some(&part.id) == current.as_ref());
        let applied = own.next().and_then(|part| part.applied).unwrap_or(0);
        self.journal.length().saturating_sub(applied)
    }

    fn is_idle(&self) -> bool {
        let current = self.journal.id();
        let is_done = |part: &Part| match current.as_ref() == Some(&part.id) {
            true => part.applied == Some(self.journal.length()),
            false => matches!(part.source, Source::Memory),
        };
        self.parts.iter().all(is_done) && self.journal.is_in_file()
    }

    /// Until there is something to do beside rows that come.
    fn until_next(&self) -> Duration {
        let retains_at = self.policy.borrow().retention.map(|_| self.retains_at);
        let next = retains_at.map_or(self.looks_at, |at| at.min(self.looks_at));
        let until = next.saturating_duration_since(Instant::now());
        until.max(TOGETHER)
    }
}

/// Before more is brought into the database, where the last took so long; `comes`: requests have ended meanwhile.
fn pause(took: Duration, comes: bool, behind: u64) -> Duration {
    match comes && behind < BEHIND {
        true => (took * (SHARE - 1)).min(GIVES_WAY),
        false => Duration::ZERO,
    }
}

fn is_of(tail: &std::io::Result<Tail>, id: &str) -> bool {
    tail.as_ref().is_ok_and(|tail| tail.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_before_their_bookkeeping_until_too_much_is_behind() {
        let took = Duration::from_millis(3);
        assert_eq!(pause(took, true, 1_000), Duration::from_millis(3 * 31));
        assert_eq!(pause(took, false, 1_000), Duration::ZERO);
        assert_eq!(pause(took, true, BEHIND), Duration::ZERO);
        assert_eq!(pause(Duration::from_millis(50), true, 1_000), GIVES_WAY);
    }
}

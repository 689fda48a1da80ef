//! Where workers write what requests cost: into the process's file; into memory, while the file cannot be written.

use super::file::{Lines, Own, Tail, unique};
use super::row::Row;
use crate::quota::Replica;
use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};

/// Bytes of rows that are kept in memory while the file cannot be written; a row has some 300.
const KEPT: usize = 8 << 20;

/// Between tries to write the file again.
const PAUSE: Duration = Duration::from_secs(1);

/// What requests cost, as they end: for any thread. A clone is the same journal.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    replica: Arc<Replica>,
    state: Mutex<State>,
    lost: AtomicU64,
    /// Whoever brings rows into the database waits for one.
    is_idle: AtomicBool,
    wake: Notify,
    /// It ends, and has ended.
    ends: watch::Sender<bool>,
    ended: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    own: Option<Own>,
    /// Whose it is: see [`Replica::epoch`].
    epoch: u64,
    /// Why it cannot be written was said.
    is_told: bool,
    tries_again: Instant,
    memory: Memory,
}

/// Rows that are nowhere else.
#[derive(Debug)]
struct Memory {
    /// A journal's, as a file has one.
    id: String,
    lines: Vec<u8>,
    /// It may be in the database, and is not for a file any more.
    is_tried: bool,
}

impl Journal {
    /// A journal in a folder, of this process: what it spends is taken off what it has borrowed under its name. A folder that cannot be
    /// written is told, and tried again.
    pub fn open(folder: &Path, replica: Arc<Replica>) -> Journal {
        let journal = Journal(Arc::new(Inner {
            folder: folder.to_owned(),
            state: Mutex::new(State {
                own: None,
                epoch: replica.epoch(),
                is_told: false,
                tries_again: Instant::now(),
                memory: Memory {
                    // Without random numbers there is no other journal either.
                    id: format!("{}.memory", unique().unwrap_or_default()),
                    lines: Vec::new(),
                    is_tried: false,
                },
            }),
            replica,
            lost: AtomicU64::new(0),
            is_idle: AtomicBool::new(false),
            wake: Notify::new(),
            ends: watch::Sender::new(false),
            ended: watch::Sender::new(false),
        }));
        journal.0.state().renew(&journal.0);
        journal
    }

    /// Writes a row: it counts when this comes back, whatever becomes of the process. Takes few microseconds, and waits for nobody.
    pub fn append(&self, row: &Row<'_>) {
        thread_local! {
            static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        LINE.with_borrow_mut(|line| {
            line.clear();
            // Into memory, which fails for no row.
            if serde_json::to_writer(&mut *line, row).is_ok() {
                line.push(b'\n');
                self.write(line);
            }
        });
        if self.0.is_idle.swap(false, Ordering::AcqRel) {
            self.0.wake.notify_one();
        }
    }

    /// Rows that were told to the log alone, since nothing could be written and memory was full.
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Rows that come no more: all that there are come into the database, if that takes no longer than this. What is left over then comes
    /// with the next start. Whether all did.
    pub async fn finish(&self, patience: Duration) -> bool {
        self.0.ends.send_replace(true);
        let mut ended = self.0.ended.subscribe();
        let all = tokio::time::timeout(patience, ended.wait_for(|ended| *ended)).await;
        matches!(all, Ok(Ok(_)))
    }

    fn write(&self, line: &[u8]) {
        let mut state = self.0.state();
        let epoch = self.0.replica.epoch();
        if state.epoch != epoch {
            // What was borrowed under the old name is void; a file tells one name.
            state.epoch = epoch;
            state.own = None;
            state.tries_again = Instant::now();
            state.renew(&self.0);
        }
        if state.own.is_none() && *self.0.ends.borrow() {
            // Nobody else sees to it any more.
            state.renew(&self.0);
        }
        if let Some(own) = &mut state.own {
            // What is in memory came first, but no order is kept among rows.
            match own.append(line) {
                Ok(()) => return,
                Err(e) => state.broke(&e),
            }
        }
        if state.memory.lines.len() + line.len() <= KEPT {
            state.memory.lines.extend_from_slice(line);
            return;
        }
        drop(state);
        self.0.lost.fetch_add(1, Ordering::Relaxed);
        let line = String::from_utf8_lossy(line);
        error!(
            "a request's spend is in no journal and in no database: {}",
            line.trim_end()
        );
    }

    /// Tries again to write what could not be written. Only who reads the journal does so: rows that are in memory may be on their way.
    pub(super) fn recover(&self) {
        self.0.state().renew(&self.0);
    }

    /// The name of the file that is written now; `None`: none can be.
    pub(super) fn id(&self) -> Option<String> {
        self.0.state().own.as_ref().map(|own| own.id.clone())
    }

    /// So many bytes of it are whole.
    pub(super) fn length(&self) -> u64 {
        self.0.state().own.as_ref().map_or(0, Own::length)
    }

    /// The file as it is now, to read it while it grows; `None`: there is none.
    pub(super) fn tail(&self) -> Option<io::Result<Tail>> {
        let state = self.0.state();
        state.own.as_ref().map(|own| own.tail())
    }

    /// Begins a new file. The old one is as long as it will ever be.
    pub(super) fn rotate(&self) -> io::Result<()> {
        let next = Own::create(&self.0.folder, &self.0.replica.name())?;
        self.0.state().own = Some(next);
        Ok(())
    }

    /// Ends the file, if it is no longer than this.
    pub(super) fn close(&self, length: u64) -> bool {
        let mut state = self.0.state();
        let is_all = state.own.as_ref().is_none_or(|own| own.length() == length);
        let is_all = is_all && state.memory.lines.is_empty();
        if is_all {
            state.own = None;
            // Whoever still comes gets another one.
            state.tries_again = Instant::now();
        }
        is_all
    }

    /// Under which name the database knows what comes out of memory.
    pub(super) fn name_of_memory(&self) -> String {
        self.0.state().memory.id.clone()
    }

    /// Whether nothing is in memory alone.
    pub(super) fn is_in_file(&self) -> bool {
        self.0.state().memory.lines.is_empty()
    }

    /// Some rows in memory. From now on they stay there until they are forgotten.
    pub(super) fn memory(&self, most: usize) -> Lines {
        let memory = &mut self.0.state().memory;
        let most = most.min(memory.lines.len());
        let end = memory.lines[..most].iter().rposition(|byte| *byte == b'\n');
        let bytes = memory.lines[..end.map_or(0, |at| at + 1)].to_vec();
        memory.is_tried = !bytes.is_empty();
        Lines {
            is_last: bytes.len() == memory.lines.len(),
            bytes,
        }
    }

    /// So many bytes of memory are in the database.
    pub(super) fn forget(&self, count: u64) {
        let memory = &mut self.0.state().memory;
        let count = memory
            .lines
            .len()
            .min(usize::try_from(count).unwrap_or(usize::MAX));
        memory.lines.drain(..count);
        memory.is_tried = false;
        if memory.lines.is_empty() {
            memory.lines = Vec::new();
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// The name under which is borrowed now.
    pub(super) fn replica(&self) -> Arc<str> {
        self.0.replica.name()
    }

    /// Waits for a row that comes after this is called, or for the end. `is_empty` is asked when rows that come are noticed already.
    pub(super) async fn wait(&self, is_empty: impl Fn() -> bool) {
        self.0.is_idle.store(true, Ordering::Release);
        if is_empty() {
            self.0.wake.notified().await;
        }
        self.0.is_idle.store(false, Ordering::Release);
    }

    /// Whether rows come no more.
    pub(super) fn ends(&self) -> watch::Receiver<bool> {
        self.0.ends.subscribe()
    }

    pub(super) fn ended(&self) {
        self.0.ended.send_replace(true);
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn broke(&mut self, e: &io::Error) {
        // Whoever reads it has it still, and its lock.
        self.own = self.own.take().filter(|own| !own.is_torn);
        if !std::mem::replace(&mut self.is_told, true) {
            warn!(
                "the journal of what requests cost cannot be written, and is kept in memory: {e}"
            );
        }
    }

    /// Sees to it that there is a file, and that what is in memory alone is in it.
    fn renew(&mut self, of: &Inner) {
        let is_well = self.own.is_some() && !self.is_told;
        let now = Instant::now();
        if is_well || now < self.tries_again {
            return;
        }
        self.tries_again = now + PAUSE;
        if self.own.is_none() {
            match Own::create(&of.folder, &of.replica.name()) {
                Ok(own) => self.own = Some(own),
                Err(e) => return self.broke(&e),
            }
        }
        let (Some(own), memory) = (&mut self.own, &mut self.memory) else {
            return;
        };
        if !memory.lines.is_empty() && !memory.is_tried {
            if let Err(e) = own.append(&memory.lines) {
                return self.broke(&e);
            }
            memory.lines = Vec::new();
        }
        if std::mem::take(&mut self.is_told) {
            info!("the journal of what requests cost can be written again");
        }
    }
}

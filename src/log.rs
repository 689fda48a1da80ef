//! The library's own log: a swappable target, off until the host sets one.
//!
//! It never takes over the host's `log` logger, and no line holds a key, a header's value or a prompt.

use arc_swap::ArcSwapOption;
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Something failed and nobody is told otherwise.
    Error = 1,
    /// Something the operator should know.
    Warn = 2,
    /// One line for what happens rarely.
    Info = 3,
    /// One line a request.
    Debug = 4,
}

/// Where lines go.
pub type Target = Box<dyn Fn(Level, &str) + Send + Sync>;

static MAX: AtomicU8 = AtomicU8::new(0);

/// Behind no lock: a thread that is in a target when another one forks would hold it in the child for ever.
static TARGET: ArcSwapOption<Slot> = ArcSwapOption::const_empty();

struct Slot {
    target: Target,
    /// The process that set it: in a child, threads that were in it are not there to leave it.
    pid: u32,
    /// Ends when nobody holds the slot any more, and tells whoever has `is_gone`.
    _lives: Sender<()>,
    is_gone: Mutex<Option<Receiver<()>>>,
}

thread_local! {
    static WRITING: Cell<bool> = const { Cell::new(false) };
}

/// Sets the target, or none. When it returns, the old target is not running and will not run again.
///
/// Called from inside a target it does nothing and returns `false`: it would wait for itself.
pub fn set(target: Option<Target>, max: Option<Level>) -> bool {
    if WRITING.get() {
        return false;
    }
    let max = match &target {
        Some(_) => max.map_or(0, |l| l as u8),
        None => 0,
    };
    let pid = std::process::id();
    let slot = target.map(|target| {
        let (lives, is_gone) = channel();
        Arc::new(Slot {
            target,
            pid,
            _lives: lives,
            is_gone: Mutex::new(Some(is_gone)),
        })
    });
    let old = TARGET.swap(slot);
    MAX.store(max, Ordering::Relaxed);
    if let Some(old) = old.filter(|old| old.pid == pid) {
        let is_gone = old
            .is_gone
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(old);
        // Nothing is ever sent: it ends with the slot.
        is_gone.and_then(|is_gone| is_gone.recv().ok());
    }
    true
}

/// Whether a line of this level would go anywhere.
pub fn enabled(level: Level) -> bool {
    level as u8 <= MAX.load(Ordering::Relaxed)
}

/// Writes a line, if somebody listens.
pub fn write(level: Level, line: fmt::Arguments<'_>) {
    // A target that itself makes a call must not be called again from within.
    if !enabled(level) || WRITING.get() {
        return;
    }
    let text = line.to_string();
    if let Some(slot) = TARGET.load_full() {
        WRITING.set(true);
        (slot.target)(level, &text);
        WRITING.set(false);
    }
}

/// `warn!("…")`: something the operator should know.
macro_rules! warn_line {
    ($($arg:tt)*) => { $crate::log::write($crate::log::Level::Warn, format_args!($($arg)*)) };
}

/// `debug!("…")`: one line a request. What it tells is found out only where somebody listens.
macro_rules! debug_line {
    ($($arg:tt)*) => {
        if $crate::log::enabled($crate::log::Level::Debug) {
            $crate::log::write($crate::log::Level::Debug, format_args!($($arg)*));
        }
    };
}

pub(crate) use {debug_line, warn_line};

//! The library's own log: a swappable target, off until the host sets one.
//!
//! It never takes over the host's `log` logger, and no line holds a key, a header's value or a prompt.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{PoisonError, RwLock};

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
static TARGET: RwLock<Option<Target>> = RwLock::new(None);

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
    let mut slot = TARGET.write().unwrap_or_else(PoisonError::into_inner);
    MAX.store(
        match &target {
            Some(_) => max.map_or(0, |l| l as u8),
            None => 0,
        },
        Ordering::Relaxed,
    );
    *slot = target;
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
    let slot = TARGET.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(target) = slot.as_ref() {
        WRITING.set(true);
        target(level, &text);
        WRITING.set(false);
    }
}

/// `warn!("…")`: something the operator should know.
macro_rules! warn_line {
    ($($arg:tt)*) => { $crate::log::write($crate::log::Level::Warn, format_args!($($arg)*)) };
}

/// `debug!("…")`: one line a request.
macro_rules! debug_line {
    ($($arg:tt)*) => { $crate::log::write($crate::log::Level::Debug, format_args!($($arg)*)) };
}

pub(crate) use {debug_line, warn_line};

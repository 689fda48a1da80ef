//! What is known of models: looked up once for each model and server, by one request while the others wait. What is remembered, and
//! for how long, is [`Known`]'s.

use mishikallm::Error;
use mishikallm::plan::known::{Known, Slots};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// All models, shared by all worker threads.
#[derive(Debug, Default)]
pub struct Models(Mutex<Slots<Slot>>);

/// One model's.
#[derive(Debug, Default)]
pub struct Slot {
    state: Mutex<State>,
    pub(super) changed: Arc<Notify>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) looking: bool,
    pub(super) known: Known,
    /// How many look-ups have ended, and the error of the last one, for those who waited for it.
    pub(super) ended: u64,
    pub(super) error: Option<Error>,
}

impl Slot {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A look-up by this request. Dropping it leaves the look-up to those who wait.
#[derive(Debug)]
pub(super) struct Looking(pub(super) Arc<Slot>);

impl Drop for Looking {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.looking = false;
        state.ended += 1;
        drop(state);
        self.0.changed.notify_waiters();
    }
}

impl Models {
    fn slots(&self) -> MutexGuard<'_, Slots<Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn slot(&self, url: &str) -> Arc<Slot> {
        self.slots().get(url)
    }

    /// Forgets a model that was changed.
    pub(super) fn forget(&self, url: &str) {
        let slot = self.slot(url);
        slot.lock().known.forget(Instant::now());
    }

    /// Forgets a model of every version, for good: it was loaded or unloaded.
    pub(super) fn forget_all(&self, root: &str) {
        self.slots().forget_all(root);
    }
}

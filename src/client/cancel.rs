//! Ending a call from another thread, at once, wherever it waits.
//!
//! A call that can be cancelled has a [`Token`]. Whatever it is about to wait for is handed to the token first: a socket,
//! which is shut down, or a place where it sleeps, which is woken. Then it looks at the token, and waits.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;
use ureq::unversioned::transport::ShutdownHandle;

/// What waits can be interrupted by.
pub type Interrupt = Weak<dyn ShutdownHandle>;

/// Tells one call that it is over.
#[derive(Default)]
pub struct Token {
    cancelled: AtomicBool,
    /// What the call waits for, or may be about to.
    waits_for: Mutex<Option<Interrupt>>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cancelled = self.is_cancelled();
        f.debug_struct("Token")
            .field("cancelled", &cancelled)
            .finish_non_exhaustive()
    }
}

impl Token {
    fn lock(&self) -> MutexGuard<'_, Option<Interrupt>> {
        self.waits_for
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the call. Any thread, any number of times.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        // Under the lock: a socket that the call has given back is not its own any more.
        let waits_for = self.lock();
        if let Some(handle) = waits_for.as_ref().and_then(Weak::upgrade) {
            handle.shutdown();
        }
    }

    /// Whether it was ended.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// The call is about to wait for this; `false`: it is over, and is not to wait.
    #[must_use]
    pub fn wait_for(&self, handle: Interrupt) -> bool {
        *self.lock() = Some(handle);
        !self.is_cancelled()
    }

    /// The call waits for nothing any more.
    pub fn release(&self) {
        *self.lock() = None;
    }
}

/// A place to sleep where others can wake one up.
#[derive(Debug, Default)]
pub struct Bed {
    mutex: Mutex<()>,
    woken: Condvar,
}

impl Bed {
    /// Sleeps until then, or until somebody wakes it and `is_over` says yes; gives what that says.
    pub fn sleep(&self, until: Instant, is_over: impl Fn() -> bool) -> bool {
        let mut guard = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if is_over() {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            guard = self
                .woken
                .wait_timeout(guard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl ShutdownHandle for Bed {
    fn shutdown(&self) {
        drop(self.mutex.lock().unwrap_or_else(PoisonError::into_inner));
        self.woken.notify_all();
    }
}

/// Whoever is to be woken, in the form a token takes.
pub fn interrupt<T: ShutdownHandle + 'static>(what: &Arc<T>) -> Interrupt {
    Arc::downgrade(what) as Interrupt
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn a_sleeper_is_woken_at_once_and_nobody_sleeps_after() {
        let (token, bed) = (Arc::new(Token::default()), Arc::new(Bed::default()));
        let began = Instant::now();
        let far = began + Duration::from_secs(20);
        assert!(token.wait_for(interrupt(&bed)));
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| bed.sleep(far, || token.is_cancelled()));
            token.cancel();
            token.cancel();
            assert!(sleeper.join().unwrap());
        });
        assert!(!token.wait_for(interrupt(&bed)));
        assert!(bed.sleep(far, || token.is_cancelled()));
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn what_was_given_back_is_left_alone() {
        struct Counts(AtomicBool);
        impl ShutdownHandle for Counts {
            fn shutdown(&self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let (token, socket) = (Token::default(), Arc::new(Counts(AtomicBool::new(false))));
        assert!(token.wait_for(interrupt(&socket)));
        token.release();
        token.cancel();
        assert!(!socket.0.load(Ordering::SeqCst));
    }
}

//! The host's signals are the host's threads' business.

use std::mem::MaybeUninit;
use std::ptr;

/// While it lives, this thread gets no signal, and a thread that it starts will never get one.
pub(super) struct Blocked {
    before: libc::sigset_t,
}

/// Blocks all signals for this thread.
pub(super) fn block() -> Blocked {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: both point to room for a set. sigfillset fills the first, and pthread_sigmask the second: neither fails with these
    // arguments.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::sigemptyset(before.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr());
        Blocked {
            before: before.assume_init(),
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the set is the one that this thread had.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut());
        }
    }
}

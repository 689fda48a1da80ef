//! The host's signals are the host's threads' business, but for those that a thread brings upon itself: a fault in a
//! callback is for the host's handler.

use std::mem::MaybeUninit;
use std::ptr;

/// What a thread gets for its own faults. Where it is blocked, the process ends without a handler.
const FAULTS: [libc::c_int; 6] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGSYS,
];

/// While it lives, this thread gets no signal of others, and a thread that it starts will never get one.
pub(super) struct Blocked {
    before: libc::sigset_t,
}

/// Blocks all signals but the faults for this thread.
pub(super) fn block() -> Blocked {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: both point to room for a set. sigfillset fills the first, and pthread_sigmask the second: neither fails with
    // these arguments, nor does sigdelset with a signal that exists.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        for fault in FAULTS {
            libc::sigdelset(all.as_mut_ptr(), fault);
        }
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

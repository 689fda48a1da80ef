//! What every entry point goes through: no panic crosses, and an answer is always given.

use super::text::to_c;
use crate::error::{Error, Result};
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// Runs `body`; a panic becomes the error `PANIC`.
///
/// Unwind safety: whatever a panic leaves half done is behind locks whose poison is ignored on purpose, because each
/// holds only values that are whole at any point (caches, pools).
pub(super) fn guarded<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| Err(Error::panicked()))
}

/// Runs `body` and gives its JSON, or the error's JSON, to the caller.
pub(super) fn answer(out_status: *mut i32, body: impl FnOnce() -> Result<String>) -> *mut c_char {
    let (json, status) = match guarded(body) {
        Ok(json) => (json, 0),
        Err(e) => (e.to_json(), e.status().as_i32()),
    };
    if !out_status.is_null() {
        // SAFETY: not NULL, and by the header's contract it points to a writable int32_t.
        unsafe { out_status.write(status) };
    }
    to_c(json)
}

/// Runs `body` and gives what it makes to the caller as a handle, or NULL and the error's JSON.
///
/// # Safety
/// `out_error` is NULL or points to a writable `char *`.
pub(super) unsafe fn constructed<T>(
    out_error: *mut *mut c_char,
    body: impl FnOnce() -> Result<T>,
) -> *mut T {
    // SAFETY: the same contract.
    unsafe { constructed_if(out_error, || body().map(Some)) }
}

/// The same, where there may be nothing to give and no error either: both are NULL then.
///
/// # Safety
/// `out_error` is NULL or points to a writable `char *`.
pub(super) unsafe fn constructed_if<T>(
    out_error: *mut *mut c_char,
    body: impl FnOnce() -> Result<Option<T>>,
) -> *mut T {
    let (made, error) = match guarded(body) {
        Ok(Some(made)) => (Box::into_raw(Box::new(made)), ptr::null_mut()),
        Ok(None) => (ptr::null_mut(), ptr::null_mut()),
        Err(e) => (ptr::null_mut(), to_c(e.to_json())),
    };
    if out_error.is_null() {
        // SAFETY: just made by `to_c`, or NULL.
        unsafe { super::mishikallm_string_free(error) };
    } else {
        // SAFETY: not NULL, and writable by contract.
        unsafe { out_error.write(error) };
    }
    made
}

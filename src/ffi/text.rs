//! Strings over the border: NUL-terminated UTF-8 both ways.

use crate::error::{Error, Result};
use std::ffi::{CString, c_char};
use std::slice;

/// Borrows a caller's string for the duration of a call. `name` is the parameter's name in the header.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string that nobody changes during `'a`.
pub(super) unsafe fn from_c<'a>(name: &str, text: *const c_char, most: usize) -> Result<&'a str> {
    if text.is_null() {
        return Err(Error::argument(
            name,
            format!("{name}: expected a string, got NULL"),
        ));
    }
    // SAFETY: not NULL and NUL-terminated by contract; the scan ends at the limit, before the end of a longer string.
    let length = unsafe { libc::strnlen(text, most.saturating_add(1)) };
    if length > most {
        return Err(Error::limit(
            413,
            format!("{name}: longer than the limit of {most} bytes"),
        )
        .with_param(name));
    }
    // SAFETY: strnlen has read these bytes.
    let bytes = unsafe { slice::from_raw_parts(text.cast::<u8>(), length) };
    std::str::from_utf8(bytes).map_err(|e| {
        Error::argument(
            name,
            format!(
                "{name}: expected UTF-8, got another byte at offset {}",
                e.valid_up_to()
            ),
        )
    })
}

/// Hands a string to the caller, who frees it with `mishikallm_string_free`.
pub(super) fn to_c(text: String) -> *mut c_char {
    let mut bytes = text.into_bytes();
    // JSON escapes U+0000, so there is no NUL in it; were there one, the caller would still get a string.
    if memchr::memchr(0, &bytes).is_some() {
        bytes = b"{}".to_vec();
    }
    bytes.reserve_exact(1);
    bytes.push(0);
    // SAFETY: the last byte is the only NUL.
    unsafe { CString::from_vec_with_nul_unchecked(bytes) }.into_raw()
}

/// Frees a string that this library returned.
///
/// @param string  NULL is a no-op. Each string is freed once; a string from elsewhere must not be given.
///
/// Any thread, at any time, also after the client that made it is gone. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_string_free(string: *mut c_char) {
    if !string.is_null() {
        // SAFETY: by contract it came from CString::into_raw in `to_c`, and is freed once.
        drop(unsafe { CString::from_raw(string) });
    }
}

//! Versions, statuses, and what the library can do.

use super::text::to_c;
use crate::error::Status;
use std::ffi::{CStr, c_char};

/// The first number of the version when the header was made; mishikallm_version() tells the one that is loaded.
pub const MISHIKALLM_VERSION_MAJOR: i32 = 0;
/// The second number of the version; see MISHIKALLM_VERSION_MAJOR.
pub const MISHIKALLM_VERSION_MINOR: i32 = 1;
/// The third number of the version; see MISHIKALLM_VERSION_MAJOR.
pub const MISHIKALLM_VERSION_PATCH: i32 = 0;
/// The ABI's version when the header was made; also the number in the soname. 0 until 1.0: no promise yet.
pub const MISHIKALLM_ABI_VERSION: u32 = 0;

/// The answer is whole.
pub const MISHIKALLM_OK: i32 = 0;
/// A stream has ended.
pub const MISHIKALLM_DONE: i32 = 1;
/// Nothing arrived within the time that the caller gave; not an error.
pub const MISHIKALLM_TIMEOUT: i32 = 2;
/// The request is wrong: NULL, no UTF-8, no JSON, or a field that the message names.
pub const MISHIKALLM_ARGUMENT: i32 = -1;
/// The client's configuration is wrong.
pub const MISHIKALLM_CONFIG: i32 = -2;
/// The server cannot be reached: its name, the connection, TLS.
pub const MISHIKALLM_CONNECT: i32 = -3;
/// A time-out ran out; the message says which and after how long.
pub const MISHIKALLM_DEADLINE: i32 = -4;
/// The server answered with an error; the message has its words.
pub const MISHIKALLM_SERVER: i32 = -5;
/// The server's answer was cut short, or is not what Triton sends.
pub const MISHIKALLM_PROTOCOL: i32 = -6;
/// The call was cancelled.
pub const MISHIKALLM_CANCELLED: i32 = -7;
/// The client was closed.
pub const MISHIKALLM_CLOSED: i32 = -8;
/// Another thread holds what this call needs.
pub const MISHIKALLM_BUSY: i32 = -9;
/// The client was made before fork() and used in the child.
pub const MISHIKALLM_FORKED: i32 = -10;
/// A size limit was passed; mishikallm_info() tells the limits.
pub const MISHIKALLM_LIMIT: i32 = -11;
/// A defect of the library; the call is lost, nothing else is.
pub const MISHIKALLM_PANIC: i32 = -12;
/// No deployment is left that could take the call.
pub const MISHIKALLM_UNAVAILABLE: i32 = -13;

/// Tells the ABI's version of the library that is loaded.
///
/// @return a number that a host compares with MISHIKALLM_ABI_VERSION where it loads the library at run time.
///
/// Any thread. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn mishikallm_abi_version() -> u32 {
    crate::ABI_VERSION
}

/// Tells the version of the library that is loaded, such as "0.1.0".
///
/// @return a static string, not to be freed.
///
/// Any thread. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn mishikallm_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

/// Tells what the library can do, as a JSON object: version, abi, features, operations (what mishikallm_invoke() takes)
/// and limits.
///
/// @return a string that the caller frees with mishikallm_string_free(); never NULL.
///
/// Any thread. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn mishikallm_info() -> *mut c_char {
    to_c(super::guard::guarded(|| Ok(crate::client::info())).unwrap_or_else(|e| e.to_json()))
}

/// Names a status, such as "ARGUMENT" for MISHIKALLM_ARGUMENT.
///
/// @param status  Any number.
/// @return a static string, not to be freed; "UNKNOWN" for a number that is no status.
///
/// Any thread. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn mishikallm_status_name(status: i32) -> *const c_char {
    let name: &'static CStr = match Status::ALL.iter().find(|s| s.as_i32() == status) {
        None => c"UNKNOWN",
        Some(status) => match status {
            Status::Ok => c"OK",
            Status::Done => c"DONE",
            Status::Timeout => c"TIMEOUT",
            Status::Argument => c"ARGUMENT",
            Status::Config => c"CONFIG",
            Status::Connect => c"CONNECT",
            Status::Deadline => c"DEADLINE",
            Status::Server => c"SERVER",
            Status::Protocol => c"PROTOCOL",
            Status::Cancelled => c"CANCELLED",
            Status::Closed => c"CLOSED",
            Status::Busy => c"BUSY",
            Status::Forked => c"FORKED",
            Status::Limit => c"LIMIT",
            Status::Panic => c"PANIC",
            Status::Unavailable => c"UNAVAILABLE",
        },
    };
    name.as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(status: i32) -> &'static str {
        // SAFETY: the function returns static NUL-terminated strings.
        unsafe { CStr::from_ptr(mishikallm_status_name(status)) }
            .to_str()
            .unwrap()
    }

    #[test]
    fn constants_numbers_and_names_agree() {
        let constants = [
            (MISHIKALLM_OK, Status::Ok),
            (MISHIKALLM_DONE, Status::Done),
            (MISHIKALLM_TIMEOUT, Status::Timeout),
            (MISHIKALLM_ARGUMENT, Status::Argument),
            (MISHIKALLM_CONFIG, Status::Config),
            (MISHIKALLM_CONNECT, Status::Connect),
            (MISHIKALLM_DEADLINE, Status::Deadline),
            (MISHIKALLM_SERVER, Status::Server),
            (MISHIKALLM_PROTOCOL, Status::Protocol),
            (MISHIKALLM_CANCELLED, Status::Cancelled),
            (MISHIKALLM_CLOSED, Status::Closed),
            (MISHIKALLM_BUSY, Status::Busy),
            (MISHIKALLM_FORKED, Status::Forked),
            (MISHIKALLM_LIMIT, Status::Limit),
            (MISHIKALLM_PANIC, Status::Panic),
            (MISHIKALLM_UNAVAILABLE, Status::Unavailable),
        ];
        assert_eq!(constants.len(), Status::ALL.len());
        for (number, status) in constants {
            assert_eq!(status.as_i32(), number);
            assert_eq!(name(number), status.name());
        }
        assert_eq!(name(99), "UNKNOWN");
    }

    #[test]
    fn the_version_is_cargos() {
        let version = format!(
            "{MISHIKALLM_VERSION_MAJOR}.{MISHIKALLM_VERSION_MINOR}.{MISHIKALLM_VERSION_PATCH}"
        );
        assert_eq!(version, crate::VERSION);
        assert_eq!(MISHIKALLM_ABI_VERSION, crate::ABI_VERSION);
    }
}

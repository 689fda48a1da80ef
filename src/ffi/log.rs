//! The log over the border.

use super::guard::guarded;
use crate::error::{Error, Status};
use crate::log::{self, Level};
use std::ffi::{CString, c_char, c_void};

/// Log level: something failed and nobody is told otherwise.
pub const MISHIKALLM_LOG_ERROR: i32 = 1;
/// Log level: something the operator should know.
pub const MISHIKALLM_LOG_WARN: i32 = 2;
/// Log level: what happens rarely.
pub const MISHIKALLM_LOG_INFO: i32 = 3;
/// Log level: one line a request.
pub const MISHIKALLM_LOG_DEBUG: i32 = 4;

/// Takes a line of the log.
///
/// The message is NUL-terminated UTF-8 without a line break at its end, borrowed for the callback; the level is one of
/// MISHIKALLM_LOG_ERROR to MISHIKALLM_LOG_DEBUG. Called on the thread that makes a call, so by several threads at once.
/// It must not throw or longjmp() out of the callback. It may call this library; what that would log is not logged.
pub type mishikallm_log_fn =
    Option<unsafe extern "C" fn(level: i32, message: *const c_char, userdata: *mut c_void)>;

/// The host's callback and its data.
struct Host {
    write: unsafe extern "C" fn(i32, *const c_char, *mut c_void),
    userdata: *mut c_void,
}

// SAFETY: the header says that the callback is called by several threads at once; userdata is only handed through.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

impl Host {
    fn line(&self, level: Level, text: &str) {
        let text = CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default();
        // SAFETY: the host's function, with arguments as its type promises.
        unsafe { (self.write)(level as i32, text.as_ptr(), self.userdata) };
    }
}

/// Sets where the library's log goes, for the whole process. Without it nothing is logged.
///
/// @param write      May be NULL: nowhere.
/// @param userdata   May be NULL. Handed to each call of write; must stay valid until another mishikallm_set_log() has
///   returned.
/// @param max_level  The least important level that is written: MISHIKALLM_LOG_ERROR to MISHIKALLM_LOG_DEBUG; 0: none.
/// @return MISHIKALLM_OK; MISHIKALLM_ARGUMENT for a level that is none; MISHIKALLM_BUSY from inside a callback.
///
/// When it returns, the callback that was set before is not running and will not run again. No line holds a key, a
/// header's value or a prompt. Any thread. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_set_log(
    write: mishikallm_log_fn,
    userdata: *mut c_void,
    max_level: i32,
) -> i32 {
    let result = guarded(|| {
        let level = match max_level {
            0 => None,
            MISHIKALLM_LOG_ERROR => Some(Level::Error),
            MISHIKALLM_LOG_WARN => Some(Level::Warn),
            MISHIKALLM_LOG_INFO => Some(Level::Info),
            MISHIKALLM_LOG_DEBUG => Some(Level::Debug),
            _ => return Err(Error::argument("max_level", "max_level: expected 0 to 4")),
        };
        let target = write.map(|write| {
            let host = Host { write, userdata };
            Box::new(move |level: Level, text: &str| host.line(level, text)) as log::Target
        });
        match log::set(target, level) {
            true => Ok(()),
            false => Err(Error::busy("set_log: called from inside a log callback")),
        }
    });
    match result {
        Ok(()) => Status::Ok.as_i32(),
        Err(e) => e.status().as_i32(),
    }
}

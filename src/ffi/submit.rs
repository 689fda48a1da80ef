//! Submitted calls over the border: events, pushed to a callback on a thread of the library.

use super::client::{borrow, mishikallm_client};
use super::guard::{constructed, guarded};
use super::signals;
use super::stream::patience;
use super::text::from_c;
use crate::client::{Event, Submitted, Waited};
use crate::error::{Error, Status};
use crate::limits;
use crate::openai::Operation;
use std::ffi::{CString, c_char, c_void};
use std::ptr;

/// A call that runs on a thread of the library.
pub struct mishikallm_call {
    call: Submitted,
}

/// Takes what a submitted call tells.
///
/// With MISHIKALLM_OK: json is a chunk where the request has "stream": true, else the answer. Then exactly one last
/// event: MISHIKALLM_DONE, and json is NULL, or a negative status, and json is an error JSON. After it userdata is
/// not touched. The last event comes in every case: after a cancel, after the client is closed, and after a defect.
///
/// Called on a thread of the library, never twice at once for one call; json is borrowed for the callback. A slow
/// callback holds up its own call, and one of the client's threads; nothing is read ahead for it. It must not throw
/// or longjmp() out of the callback. It may cancel and free any call, this one too, submit others, and close or free
/// the client; it must not wait for its own call, which is MISHIKALLM_BUSY. Signals are not delivered to these
/// threads.
pub type mishikallm_event_fn =
    Option<unsafe extern "C" fn(status: i32, json: *const c_char, userdata: *mut c_void)>;

/// The host's callback and its data.
struct Host {
    event: unsafe extern "C" fn(i32, *const c_char, *mut c_void),
    userdata: *mut c_void,
}

// SAFETY: the header says that the callback is called on another thread; userdata is only handed through.
unsafe impl Send for Host {}

impl Host {
    fn tell(&self, event: Event<'_>) {
        // JSON escapes U+0000, so there is no NUL in it.
        let text = |json: &str| CString::new(json).unwrap_or_default();
        let (status, json) = match event {
            Event::Piece(json) => (Status::Ok, Some(text(json))),
            Event::Done => (Status::Done, None),
            Event::Failed(error) => (error.status(), Some(text(&error.to_json()))),
        };
        let json = json.as_ref().map_or(ptr::null(), |json| json.as_ptr());
        // SAFETY: the host's function, with arguments as its type promises.
        unsafe { (self.event)(status.as_i32(), json, self.userdata) };
    }
}

/// Starts a call on a thread of the library, and tells a callback how it goes.
///
/// @param client        May be NULL: the default client.
/// @param operation     Not NULL. As in mishikallm_invoke().
/// @param request_json  Not NULL. The operation's request as a JSON object. With "stream": true a chat or text
///   completion tells its chunks.
/// @param event         Not NULL. Takes the events; may be called before this returns.
/// @param userdata      May be NULL. Handed to each event; must stay valid until the last one has returned.
/// @param out_error     May be NULL. Always written: NULL on success, else an error JSON that the caller frees with
///   mishikallm_string_free().
/// @return a call that the caller frees with mishikallm_call_free(); NULL when the request is wrong, or the client
///   has as many calls as it takes ("code": "queue_full"): then there will be no event.
///
/// A client's configuration says how many threads it may have: workers (16), and how many more calls may wait:
/// queue_size (1024). Threads start with the first submit, and end after some seconds without work. Calls of one
/// model are taken in their order; models take turns. The time-outs begin when a thread takes the call.
///
/// Does not block. Any thread, and callbacks too. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_submit(
    client: *const mishikallm_client,
    operation: *const c_char,
    request_json: *const c_char,
    event: mishikallm_event_fn,
    userdata: *mut c_void,
    out_error: *mut *mut c_char,
) -> *mut mishikallm_call {
    // SAFETY: NULL or writable, by the caller's contract.
    unsafe {
        constructed(out_error, || {
            // SAFETY: NULL or a live handle, by the caller's contract.
            let client = borrow(client)?;
            // SAFETY: NULL or NUL-terminated strings, by the caller's contract.
            let operation =
                Operation::parse(from_c("operation", operation, limits::CONFIG_BYTES)?)?;
            let request = from_c("request_json", request_json, limits::REQUEST_BYTES)?;
            let event = event
                .ok_or_else(|| Error::argument("event", "event: expected a function, got NULL"))?;
            let host = Host { event, userdata };
            let _signals = signals::block();
            let call = client.submit(operation, request, move |event| host.tell(event))?;
            Ok(mishikallm_call { call })
        })
    }
}

/// Ends a submitted call at once with MISHIKALLM_CANCELLED, and with it the request at the server. Its last event
/// follows on a thread of the library.
///
/// @param call  NULL is a no-op. One that is over stays as it is.
///
/// Any thread, any number of times, and callbacks too, until the call is freed. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_call_cancel(call: *const mishikallm_call) {
    // SAFETY: NULL or a live handle, by the caller's contract.
    if let Some(handle) = unsafe { call.as_ref() } {
        let _ = guarded(|| {
            let _signals = signals::block();
            handle.call.cancel();
            Ok(())
        });
    }
}

/// Waits until a submitted call is over, and the callback of its last event has returned.
///
/// @param call        Not NULL.
/// @param timeout_ms  Milliseconds to wait; 0: only look; negative: for ever.
/// @return MISHIKALLM_OK: no callback runs any more; MISHIKALLM_TIMEOUT: it is not over yet; MISHIKALLM_BUSY from
///   inside the call's own callback; MISHIKALLM_ARGUMENT for NULL; MISHIKALLM_FORKED in a child of fork().
///
/// Blocks. Any thread, any number at once. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_call_wait(
    call: *const mishikallm_call,
    timeout_ms: i32,
) -> i32 {
    let waited = guarded(|| {
        // SAFETY: NULL or a live handle, by the caller's contract.
        unsafe { call.as_ref() }
            .ok_or_else(|| Error::argument("call", "call: expected a call, got NULL"))?
            .call
            .wait(patience(timeout_ms))
    });
    match waited {
        Ok(Waited::Over) => Status::Ok.as_i32(),
        Ok(Waited::Timeout) => Status::Timeout.as_i32(),
        Err(e) => e.status().as_i32(),
    }
}

/// Gives up the handle of a submitted call. The call goes on, and its last event still comes.
///
/// @param call  NULL is a no-op. No other thread may be using the handle, or be about to.
///
/// Any thread, before or after the call is over or its client is freed, from a callback, and in a child of fork()
/// too. Each call is freed once. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_call_free(call: *mut mishikallm_call) {
    if !call.is_null() {
        // SAFETY: by contract it came from Box::into_raw, and is freed once.
        let handle = unsafe { Box::from_raw(call) };
        let _ = guarded(|| {
            drop(handle);
            Ok(())
        });
    }
}

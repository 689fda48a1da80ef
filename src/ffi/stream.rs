//! Streams over the border: chunks, pulled one by one.

use super::client::{borrow, mishikallm_client};
use super::guard::{constructed, guarded};
use super::text::{from_c, to_c};
use crate::client::{Next, Stream};
use crate::error::{Error, Result, Status};
use crate::limits;
use crate::openai::Operation;
use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

/// A call that gives its answer in chunks, and can be cancelled.
///
/// It runs on the thread that asks for the next chunk, and on no other.
pub struct mishikallm_stream {
    stream: Arc<Stream>,
}

/// Opens a stream of chunks.
///
/// @param client        May be NULL: the default client.
/// @param operation     Not NULL. As in mishikallm_invoke().
/// @param request_json  Not NULL. The operation's request as a JSON object. Chat and text completions come in chunks,
///   and stream_options {"include_usage": true} gives one more chunk at the end, which has the usage and no choices.
///   With "stream": false, and for every other operation, the whole answer is the one chunk: a call that another
///   thread can cancel, and that its own can leave for a while.
/// @param out_error     May be NULL. Always written: NULL on success, else an error JSON that the caller frees with
///   mishikallm_string_free().
/// @return a stream that the caller frees with mishikallm_stream_free(); NULL when the request is wrong.
///
/// Nothing is sent before the first mishikallm_stream_next(): whether the server can be reached shows there. A stream
/// keeps what it needs of its client, which may be freed before it. Beside the time-outs of mishikallm_completion():
///
/// - stream_timeout: seconds in place of timeout, for streams. What the host takes between two chunks counts
/// - num_retries and fallbacks hold until the first chunk; after it an error is an error
///
/// Does not block. Any thread. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_stream_open(
    client: *const mishikallm_client,
    operation: *const c_char,
    request_json: *const c_char,
    out_error: *mut *mut c_char,
) -> *mut mishikallm_stream {
    // SAFETY: NULL or writable, by the caller's contract.
    unsafe {
        constructed(out_error, || {
            // SAFETY: NULL or a live handle, by the caller's contract.
            let client = borrow(client)?;
            // SAFETY: NULL or NUL-terminated strings, by the caller's contract.
            let operation =
                Operation::parse(from_c("operation", operation, limits::CONFIG_BYTES)?)?;
            let request = from_c("request_json", request_json, limits::REQUEST_BYTES)?;
            let stream = Arc::new(client.stream(operation, request)?);
            Ok(mishikallm_stream { stream })
        })
    }
}

/// Waits for the next chunk of a stream.
///
/// @param stream      Not NULL.
/// @param timeout_ms  Milliseconds to wait; 0: only what is there already; negative: as long as the call's own
///   time-outs let it.
/// @param out_status  May be NULL. Gets MISHIKALLM_OK with a chunk; MISHIKALLM_DONE when there is no more;
///   MISHIKALLM_TIMEOUT when nothing came in time, and the stream goes on; or a negative status with an error.
/// @return OpenAI's chat.completion.chunk, or text_completion, or an answer that comes whole, which the caller frees
///   with mishikallm_string_free(); an error JSON with a negative status; NULL only with MISHIKALLM_DONE and
///   MISHIKALLM_TIMEOUT.
///
/// The chunks that came before an error are given before it. An answer that was cut short never ends with
/// MISHIKALLM_DONE. An error ends the stream, and is given again to whoever asks again; MISHIKALLM_BUSY, while
/// another thread is waiting for this stream's next chunk, changes nothing. While TLS or a proxy is agreed on, and
/// while a host's name is looked up, timeout_ms does not count, but connect_timeout does.
///
/// Blocks. One thread at a time, which need not be the same each time. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_stream_next(
    stream: *mut mishikallm_stream,
    timeout_ms: i32,
    out_status: *mut i32,
) -> *mut c_char {
    // SAFETY: NULL or a live handle, by the caller's contract.
    let next = guarded(|| unsafe { shared(stream) }?.next(patience(timeout_ms)));
    let status = status_of(&next);
    let text = match next {
        Ok(Next::Chunk(chunk)) => to_c(chunk),
        Ok(Next::Timeout | Next::Done) => ptr::null_mut(),
        Err(e) => to_c(e.to_json()),
    };
    if !out_status.is_null() {
        // SAFETY: not NULL, and writable by contract.
        unsafe { out_status.write(status.as_i32()) };
    }
    text
}

/// The stream of a handle.
///
/// # Safety
/// NULL or a live handle; only borrowed shared, as another thread may cancel it.
pub(super) unsafe fn shared(stream: *mut mishikallm_stream) -> Result<Arc<Stream>> {
    // SAFETY: by the caller's contract.
    unsafe { stream.as_ref() }
        .map(|handle| handle.stream.clone())
        .ok_or_else(|| Error::argument("stream", "stream: expected a stream, got NULL"))
}

/// How the caller is told what came.
pub(super) fn status_of<T>(next: &Result<Next<T>>) -> Status {
    match next {
        Ok(Next::Chunk(_)) => Status::Ok,
        Ok(Next::Timeout) => Status::Timeout,
        Ok(Next::Done) => Status::Done,
        Err(e) => e.status(),
    }
}

/// The time that a caller gives; negative: all there is.
pub(super) fn patience(timeout_ms: i32) -> Option<Duration> {
    u64::try_from(timeout_ms).ok().map(Duration::from_millis)
}

/// Ends a stream at once with MISHIKALLM_CANCELLED, and with it the request at the server: the connection is closed.
///
/// @param stream  NULL is a no-op.
///
/// A thread that waits in mishikallm_stream_next() gets the error at once, wherever it waits, but for the look-up of
/// a host's name, which nothing can interrupt. Any thread, any number of times, until the stream is freed. Since
/// 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_stream_cancel(stream: *const mishikallm_stream) {
    // SAFETY: NULL or a live handle, by the caller's contract.
    if let Some(handle) = unsafe { stream.as_ref() } {
        let _ = guarded(|| {
            handle.stream.cancel();
            Ok(())
        });
    }
}

/// Cancels a stream, as mishikallm_stream_cancel() does, and gives up its handle.
///
/// @param stream  NULL is a no-op. No other thread may be about to use the handle; one that waits in
///   mishikallm_stream_next() already is no obstacle, and gets MISHIKALLM_CANCELLED.
///
/// Any thread, before or after its client is freed, and in a child of fork() too. Each stream is freed once. Since
/// 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_stream_free(stream: *mut mishikallm_stream) {
    if !stream.is_null() {
        // SAFETY: by contract it came from Box::into_raw, and is freed once.
        let handle = unsafe { Box::from_raw(stream) };
        let _ = guarded(|| {
            handle.stream.cancel();
            drop(handle);
            Ok(())
        });
    }
}

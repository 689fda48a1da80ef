//! Embeddings over the border as an array of floats.

use super::client::{borrow, mishikallm_client};
use super::guard::{answer, constructed, constructed_if};
use super::stream::{mishikallm_stream, patience, shared, status_of};
use super::text::from_c;
use crate::client::{Embeddings, Next};
use crate::error::{Error, Status};
use crate::limits;
use std::ffi::c_char;
use std::ptr;

/// Rows of numbers, one for each input of a request.
///
/// It never changes, and keeps nothing of its client, which may be freed before it.
pub struct mishikallm_embeddings {
    embeddings: Embeddings,
}

/// Asks for embeddings and waits for all of them, as numbers: no JSON of them is made, and floats that a server sends as
/// binary data are handed out where they arrived.
///
/// @param client        May be NULL: the default client.
/// @param request_json  Not NULL. As in mishikallm_embedding(); encoding_format has no meaning here.
/// @param out_error     May be NULL. Always written: NULL on success, else an error JSON that the caller frees with
///   mishikallm_string_free().
/// @return the rows, which the caller frees with mishikallm_embeddings_free(); NULL on failure.
///
/// Numbers of another datatype are given as the nearest 32-bit floats.
///
/// Blocks. Any thread, any number at once. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_embedding_f32(
    client: *const mishikallm_client,
    request_json: *const c_char,
    out_error: *mut *mut c_char,
) -> *mut mishikallm_embeddings {
    // SAFETY: NULL or writable, by the caller's contract.
    unsafe {
        constructed(out_error, || {
            // SAFETY: NULL or a live handle, by the caller's contract.
            let client = borrow(client)?;
            // SAFETY: NULL or a NUL-terminated string, by the caller's contract.
            let request = from_c("request_json", request_json, limits::REQUEST_BYTES)?;
            let embeddings = client.embedding_f32(request)?;
            Ok(mishikallm_embeddings { embeddings })
        })
    }
}

/// Gives the numbers: the first row, then the second, and so on.
///
/// @param embeddings   May be NULL: there are no numbers then.
/// @param out_rows     May be NULL. Gets the number of rows, which is that of the inputs.
/// @param out_columns  May be NULL. Gets the number of numbers in each row.
/// @return rows * columns floats, finite, not to be freed and valid until the embeddings are freed; NULL for NULL.
///
/// Does not block. Any thread, any number at once. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_embeddings_data(
    embeddings: *const mishikallm_embeddings,
    out_rows: *mut usize,
    out_columns: *mut usize,
) -> *const f32 {
    // SAFETY: NULL or a live handle, by the caller's contract.
    let embeddings = unsafe { embeddings.as_ref() }.map(|handle| &handle.embeddings);
    let (rows, columns) = embeddings.map_or((0, 0), |e| (e.rows(), e.columns()));
    for (out, value) in [(out_rows, rows), (out_columns, columns)] {
        if !out.is_null() {
            // SAFETY: not NULL, and by the header's contract it points to a writable size_t.
            unsafe { out.write(value) };
        }
    }
    embeddings.map_or(ptr::null(), |e| e.data().as_ptr())
}

/// Tells who made the embeddings, and what they took.
///
/// @param embeddings  Not NULL.
/// @return {"model": "...", "usage": {...}}, as in the answer of mishikallm_embedding(), or an error JSON; never NULL.
///   The caller frees it with mishikallm_string_free().
///
/// Does not block. Any thread, any number at once. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_embeddings_info(
    embeddings: *const mishikallm_embeddings,
) -> *mut c_char {
    answer(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, by the caller's contract.
        let handle = unsafe { embeddings.as_ref() };
        let handle = handle.ok_or_else(|| {
            Error::argument("embeddings", "embeddings: expected embeddings, got NULL")
        })?;
        Ok(handle.embeddings.info().to_owned())
    })
}

/// Frees embeddings, and with them the numbers that mishikallm_embeddings_data() gave.
///
/// @param embeddings  NULL is a no-op. No other thread may be about to use them.
///
/// Any thread, at any time, also after the client is freed, and in a child of fork() too. Each is freed once. Since
/// 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_embeddings_free(embeddings: *mut mishikallm_embeddings) {
    if !embeddings.is_null() {
        // SAFETY: by contract it came from Box::into_raw, and is freed once.
        drop(unsafe { Box::from_raw(embeddings) });
    }
}

/// Waits for the numbers of a stream of the operation "embeddings": mishikallm_embedding_f32(), to be cancelled.
///
/// @param stream      Not NULL.
/// @param timeout_ms  As in mishikallm_stream_next().
/// @param out_status  May be NULL. As in mishikallm_stream_next().
/// @param out_error   May be NULL. Always written: NULL, or with a negative status an error JSON that the caller frees
///   with mishikallm_string_free().
/// @return the rows, which the caller frees with mishikallm_embeddings_free(); NULL with any status but MISHIKALLM_OK.
///
/// It gives what mishikallm_stream_next() would, but as numbers: the rows once, and MISHIKALLM_DONE from then on. For
/// another operation it is MISHIKALLM_ARGUMENT, which changes nothing.
///
/// Blocks. One thread at a time, which need not be the same each time. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_stream_embeddings(
    stream: *mut mishikallm_stream,
    timeout_ms: i32,
    out_status: *mut i32,
    out_error: *mut *mut c_char,
) -> *mut mishikallm_embeddings {
    let mut status = Status::Panic;
    // SAFETY: NULL or writable, by the caller's contract.
    let made = unsafe {
        constructed_if(out_error, || {
            // SAFETY: NULL or a live handle, by the caller's contract.
            let next = shared(stream).and_then(|stream| stream.next_rows(patience(timeout_ms)));
            status = status_of(&next);
            next.map(|next| match next {
                Next::Chunk(embeddings) => Some(mishikallm_embeddings { embeddings }),
                Next::Timeout | Next::Done => None,
            })
        })
    };
    if !out_status.is_null() {
        // SAFETY: not NULL, and writable by contract.
        unsafe { out_status.write(status.as_i32()) };
    }
    made
}

//! Clients over the border.

use super::guard::{constructed, guarded};
use super::signals;
use super::text::from_c;
use crate::Client;
use crate::error::Result;
use crate::limits;
use std::ffi::c_char;
use std::sync::Arc;

/// Calls models: connections, what is known of models, and defaults for every request.
///
/// A client is for any number of threads at once. Make one and keep it; NULL is the process-wide default client.
pub struct mishikallm_client {
    client: Arc<Client>,
}

/// Borrows the client behind a handle; NULL is the default client.
///
/// # Safety
/// `client` is NULL, or came from `mishikallm_client_new` and is not freed before this returns.
pub(super) unsafe fn borrow(client: *const mishikallm_client) -> Result<Arc<Client>> {
    // SAFETY: valid by contract where it is not NULL.
    match unsafe { client.as_ref() } {
        Some(handle) => Ok(handle.client.clone()),
        None => Client::default_client(),
    }
}

/// Makes a client.
///
/// @param config_json  May be NULL, "" or "{}": no configuration. Else a JSON object, see below.
/// @param out_error    May be NULL. Always written: NULL on success, else an error JSON that the caller frees with
///   mishikallm_string_free().
/// @return a client that the caller frees with mishikallm_client_free(); NULL on failure.
///
/// The configuration holds defaults for every request, under the names and with the meaning that they have in one,
/// see mishikallm_completion(): api_base, api_key, extra_headers, timeout, connect_timeout, first_byte_timeout,
/// idle_timeout, stream_timeout, num_retries, drop_params, chat_template, tool_call_parser, tokenizer, triton and the
/// rest. An api_key and extra_headers that stand beside an api_base are for that server: a request, or a fallback,
/// that names another server gets none of them. And it holds what only a client has:
///
/// - model_list: [{"model_name": "...", "mishikallm_params": {"model": "triton/NAME", "api_base": "...", ...}},
///   ...]: names that a request may give as its model, and where and how each is called. Several of one name share
///   its calls. Beside the fields of a call an entry has rpm, tpm, max_parallel_requests, weight, order (those with
///   the lowest are asked, the others where all of them have failed or rest), metrics_url (see triton-load), and
///   parameters for requests that do not have them (such as top_k); "model_info" has its "id" and "max_input_tokens".
///   A * in a name stands for any text, and for the same text in "model"
/// - router_settings: {"routing_strategy": "simple-shuffle" | "least-busy" | "latency-based-routing" |
///   "usage-based-routing" | "triton-load", "num_retries", "timeout", "stream_timeout", "retry_after",
///   "allowed_fails" (3 in a minute), "cooldown_time" (5 s), "disable_cooldowns", "enable_pre_call_checks",
///   "model_group_alias", "fallbacks": [{"name": ["other", ...]}, ...], "default_fallbacks",
///   "context_window_fallbacks", "max_fallbacks" (of one call)}: a retry goes to a deployment that has not failed in
///   the call; one that fails too often rests, and is then tried by one call alone. Where none can take a call:
///   UNAVAILABLE.
///   triton-load prefers the server with the least to do. Each is asked at most once a second, beside a call that
///   chooses among several: for its model's statistics (GET .../stats), which tell how long requests waited and were
///   worked on; or, with an entry's "metrics_url": "http://host:8002/metrics", for Triton's metrics, which tell how
///   many wait now, and of the queues and KV caches of vLLM and TensorRT-LLM, of which statistics know nothing. A
///   server that does not tell is not asked again for ten seconds, and is taken to be as busy as the others. Our own
///   requests under way count besides
/// - tls: {"ca_file", "client_cert_file", "client_key_file", "insecure"}: PEM files; without ca_file the system's
///   certificates are trusted; insecure: true trusts any
/// - proxy: "http://..." or "socks5://...", "" for none; without it the environment's ALL_PROXY, HTTPS_PROXY,
///   HTTP_PROXY and NO_PROXY count. No proxy is used for this machine's own loopback
/// - workers: the most threads for submitted calls (16), and queue_size: how many more calls may wait for one (1024)
/// - max_reply_bytes: the longest reply that is read from a server; mishikallm_info() tells the default
///
/// A field that is none of these is an error. Reads the certificates and the chat templates; opens no connection and
/// starts no thread. Any thread. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_client_new(
    config_json: *const c_char,
    out_error: *mut *mut c_char,
) -> *mut mishikallm_client {
    // SAFETY: NULL or writable, by the caller's contract.
    unsafe {
        constructed(out_error, || {
            let config = match config_json.is_null() {
                true => "",
                // SAFETY: a NUL-terminated string by contract, and not NULL.
                false => from_c("config_json", config_json, limits::CONFIG_BYTES)?,
            };
            let client = Arc::new(Client::new(config)?);
            Ok(mishikallm_client { client })
        })
    }
}

/// Ends every call under way on this client with MISHIKALLM_CLOSED, at once, and lets it refuse new ones.
///
/// @param client  NULL is a no-op: the default client is never closed.
///
/// Streams and submitted calls too: the last event of a submitted call, on a thread of the library, may come a moment
/// after this returns; mishikallm_call_wait() waits for it. The handle stays valid until it is freed. Any thread, any
/// number of times. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_client_close(client: *const mishikallm_client) {
    // SAFETY: valid by contract where it is not NULL.
    if let Some(handle) = unsafe { client.as_ref() } {
        let _ = guarded(|| {
            let _signals = signals::block();
            handle.client.close();
            Ok(())
        });
    }
}

/// Closes a client, as mishikallm_client_close() does, and gives up its handle.
///
/// @param client  NULL is a no-op. No other thread may be about to use the handle; calls that have begun end with
///   MISHIKALLM_CLOSED and are no obstacle.
///
/// Any thread, and in a child of fork() too. Each client is freed once. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_client_free(client: *mut mishikallm_client) {
    if !client.is_null() {
        // SAFETY: by contract it came from Box::into_raw, and is freed once.
        let handle = unsafe { Box::from_raw(client) };
        let _ = guarded(|| {
            let _signals = signals::block();
            handle.client.close();
            drop(handle);
            Ok(())
        });
    }
}

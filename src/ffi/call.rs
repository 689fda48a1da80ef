//! One-shot calls over the border: JSON in, JSON out.

use super::client::{borrow, mishikallm_client};
use super::guard::answer;
use super::text::from_c;
use crate::error::Result;
use crate::limits;
use crate::openai::Operation;
use std::ffi::c_char;

/// # Safety
/// As the functions below.
unsafe fn call(
    client: *const mishikallm_client,
    operation: impl FnOnce() -> Result<Operation>,
    request_json: *const c_char,
    out_status: *mut i32,
) -> *mut c_char {
    answer(out_status, || {
        // SAFETY: NULL or a live handle, by the callers' contract.
        let client = unsafe { borrow(client) }?;
        let operation = operation()?;
        // SAFETY: NULL or a NUL-terminated string, by the callers' contract.
        let request = unsafe { from_c("request_json", request_json, limits::REQUEST_BYTES) }?;
        client.call(operation, request)
    })
}

/// Asks for a chat completion and waits for the whole answer.
///
/// @param client        May be NULL: the default client.
/// @param request_json  Not NULL. OpenAI's request as a JSON object, see below.
/// @param out_status    May be NULL. Gets MISHIKALLM_OK, or a negative status.
/// @return OpenAI's chat.completion, or an error JSON; never NULL. The caller frees it with mishikallm_string_free().
///   Its usage has "estimated": true where the model tells no token counts.
///
/// OpenAI's fields; the first two must be there:
///
/// - model: "triton/NAME", or a name of the client's model_list
/// - messages: [{"role": "user", "content": "..."}, ...]; a content may also be a list of parts of the type "text"
/// - max_tokens or max_completion_tokens, temperature, top_p, stop (a string or a list of strings), seed, ...
/// - n above 1, tools, logprobs, response_format and others that no Triton model takes are refused, see drop_params;
///   user, metadata, store and others that change nothing for the model are accepted and not sent; stream is false,
///   see mishikallm_stream_open() for chunks
/// - any other key goes to the model under its own name
///
/// Beside them, in the same object, what says where and how to call. A client may hold defaults for these:
///
/// - api_base: a server ("http://host:8000", ".../v2"), a model (".../v2/models/NAME[/versions/N]") or an endpoint
///   (".../generate", ".../infer"). For a server or a model, the metadata is read once and the request made to fit
/// - api_key: sent as "authorization: Bearer ..."; extra_headers: an object of headers
/// - timeout: seconds for each try, look-ups included (600)
/// - connect_timeout: seconds for one connection, TLS included (10)
/// - first_byte_timeout: seconds until the answer begins (idle_timeout, where that is given)
/// - idle_timeout: the server's longest silence in seconds (no limit but timeout)
/// - num_retries: tries after the first (0), for the statuses 408, 429, 500, 502, 503, 504 and connections that fail
/// - fallbacks: a list of models' names, or of objects {"model", "api_base", ...}, to ask instead when this fails
/// - drop_params: true leaves out what a Triton model cannot do, instead of refusing it
/// - allowed_openai_params: a list of names to send although they would be refused or left out
/// - additional_drop_params: a list of names to leave out
/// - extra_body: an object for the top level of a generate request
/// - mock_response: a text to answer without calling anybody
/// - chat_template: how messages become a prompt, see below; chat_template_kwargs: an object of variables for it
/// - tool_call_parser: how the model writes calls of tools ("llama3_json", "pythonic", "mistral", "hermes",
///   "qwen3_coder", "deepseek"), where the chat template does not show it
/// - separate_reasoning: true tells <think>...</think> apart, as reasoning_content
/// - tokenizer: the path of a Hugging Face tokenizer.json, or of a folder that has one. Usage is then exact where the
///   model does not count, and texts can be given to a model that takes token ids
/// - triton: what a model's metadata cannot tell, see below
///
/// chat_template is one of
///
/// - the name of a built-in template, such as "llama3.1", "qwen2.5", "mistral-v3", "gemma2" or "chatml"
/// - "auto": the built-in template that the model's name tells of
/// - a Jinja source
/// - the path of a chat_template.jinja, of a tokenizer_config.json, or of a folder that has one of them
///
/// Without one the contents are joined by a space, and the roles are lost. A template that knows tools makes tools and
/// tool_choice possible; tool_choice "required" or of one function, and response_format, need a model that can be
/// guided (vLLM, TensorRT-LLM).
///
/// The fields of triton, all of which may be left out:
///
/// - input, output: the names of the tensors that take and give what the call is about
/// - endpoint: "generate" or "infer"; version: the model's version
/// - dialect: "vllm", "tensorrtllm", "llmapi" or "general": how the model is spoken to, where its inputs mislead
/// - inputs: {"NAME": value}: inputs, the same for each row of a batch; null leaves one out that would be sent
/// - parameters: {"NAME": value}: request parameters, likewise
/// - binary: whether tensors come as binary data (true, where the metadata is known)
/// - pooling: "mean", "cls" or "last": how the vectors of an input's tokens become one embedding
/// - normalize: true gives embeddings the length 1
/// - truncate_dimensions: true cuts embeddings to dimensions here and gives them the length 1, where the model does not
///   take dimensions
///
/// Other names are base_url for api_base, headers for extra_headers, request_timeout for timeout, and max_retries for
/// num_retries.
///
/// Blocks. Any thread, any number at once. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_completion(
    client: *const mishikallm_client,
    request_json: *const c_char,
    out_status: *mut i32,
) -> *mut c_char {
    // SAFETY: the caller's contract is ours.
    unsafe { call(client, || Ok(Operation::Chat), request_json, out_status) }
}

/// Asks for a text completion and waits for the whole answer.
///
/// @param client        May be NULL: the default client.
/// @param request_json  Not NULL. OpenAI's request as a JSON object: model, prompt (a string, or a list of strings,
///   each answered by a choice of its own), and the rest as in mishikallm_completion().
/// @param out_status    May be NULL. Gets MISHIKALLM_OK, or a negative status.
/// @return OpenAI's text_completion, or an error JSON; never NULL. The caller frees it with mishikallm_string_free().
///
/// Blocks. Any thread, any number at once. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_text_completion(
    client: *const mishikallm_client,
    request_json: *const c_char,
    out_status: *mut i32,
) -> *mut c_char {
    // SAFETY: the caller's contract is ours.
    unsafe { call(client, || Ok(Operation::Text), request_json, out_status) }
}

/// Asks for embeddings and waits for all of them.
///
/// @param client        May be NULL: the default client.
/// @param request_json  Not NULL. OpenAI's request as a JSON object: model, input (a string, a list of strings, or
///   token ids for a model that takes integers), encoding_format ("float" or "base64": little-endian 32-bit floats),
///   dimensions (for a model that takes it; see triton.truncate_dimensions), and what says where and how, as in
///   mishikallm_completion(); an endpoint in api_base ends in "/infer" or "/embeddings". More inputs than the model's
///   max_batch_size go in several requests, up to 8 of them at once.
/// @param out_status    May be NULL. Gets MISHIKALLM_OK, or a negative status.
/// @return OpenAI's list of embeddings, one for each input, in order, or an error JSON; never NULL. The caller frees
///   it with mishikallm_string_free().
///
/// Blocks. Any thread, any number at once. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_embedding(
    client: *const mishikallm_client,
    request_json: *const c_char,
    out_status: *mut i32,
) -> *mut c_char {
    // SAFETY: the caller's contract is ours.
    unsafe {
        call(
            client,
            || Ok(Operation::Embeddings),
            request_json,
            out_status,
        )
    }
}

/// Does what an operation's name says. New operations need no new function; mishikallm_info() lists them.
///
/// @param client        May be NULL: the default client.
/// @param operation     Not NULL. An operation's name, see below.
/// @param request_json  Not NULL. The operation's request as a JSON object.
/// @param out_status    May be NULL. Gets MISHIKALLM_OK, or a negative status.
/// @return the operation's answer, or an error JSON; never NULL. The caller frees it with mishikallm_string_free().
///
/// - "chat.completions", "completions", "embeddings": as the three functions above
/// - "models": {"api_base"} gives what the server there has ready, as OpenAI's list of models. With "all": true it
///   has those that are not ready too, each with "ready" and the "states" of its versions: {"version", "state",
///   "reason"}
/// - "health": {"api_base", "model"} tells whether the server there is ready, and the model, where one is named:
///   {"status": "healthy" or "unhealthy", "ready": true, "model": "NAME", "model_ready": true}
/// - "infer": any tensors in and out, see below
/// - "model.metadata", "model.config": {"model", "api_base"} gives what Triton says of the model, as it says it
/// - "model.statistics": the same; without a model, of all models
/// - "model.load": {"model", "api_base", "parameters"} loads a model, or loads it anew, and gives {"model_name":
///   "NAME", "loaded": true}. In parameters: config, an object or its JSON in a string, and "file:PATH", files in
///   base64. The server must run with --model-control-mode explicit
/// - "model.unload": {"model", "api_base", "unload_dependents"} gives {"model_name": "NAME", "loaded": false} as
///   soon as no new request is taken
/// - "server": {"api_base"} gives {"name", "version", "extensions", "live": true, "ready": true}
///
/// The request of "infer" has model and what says where and how, and:
///
/// - inputs: KServe's list [{"name", "shape", "datatype", "data"}], data flat or nested; or {"NAME": value, ...},
///   where the model's metadata gives the datatype, and the value's nested lists the shape: as many dimensions as
///   the model's, or one fewer, which is a batch of 1 (where the model takes one element in a row, [-1,1], a flat
///   list is as many rows); or {"NAME": {"shape", "data"}}
/// - outputs: a list of names, or of {"name", "parameters"} (all)
/// - parameters: sent as they are: sequence_id, priority, timeout, the model's own; id: a string that comes back
/// - nested: true gives data in lists nested as the shape says
/// - triton: {"version", "binary"}: binary false has tensors travel as JSON, but those that it cannot carry
///
/// It gives KServe's {"model_name", "model_version", "id", "parameters", "outputs": [{"name", "datatype", "shape",
/// "data"}]}, data one flat list in row-major order; whole numbers with every digit, floats as the shortest text
/// that reads back as the same. In both directions a float that JSON has no number for is "NaN", "Infinity" or
/// "-Infinity", and an element of BYTES is a string, or {"base64": "..."} where it is no UTF-8. A decoupled model
/// is asked through generate_stream, which takes bare elements and flat lists, and gives "responses": [{"outputs"},
/// ...] in place of outputs.
///
/// Blocks. Any thread, any number at once. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mishikallm_invoke(
    client: *const mishikallm_client,
    operation: *const c_char,
    request_json: *const c_char,
    out_status: *mut i32,
) -> *mut c_char {
    // SAFETY: NULL or a NUL-terminated string, by the caller's contract.
    let parse =
        || Operation::parse(unsafe { from_c("operation", operation, limits::CONFIG_BYTES) }?);
    // SAFETY: the caller's contract is ours.
    unsafe { call(client, parse, request_json, out_status) }
}

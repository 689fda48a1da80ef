/*
 * libmishikallm: models on NVIDIA Triton Inference Server with OpenAI's JSON.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *     #include <mishikallm.h>
 *     #include <stdio.h>
 *
 *     int main(void)
 *     {
 *         int32_t status;
 *         char *answer = mishikallm_completion(NULL,
 *             "{\"model\":\"triton/llama\",\"api_base\":\"http://localhost:8000\","
 *             "\"messages\":[{\"role\":\"user\",\"content\":\"who are u?\"}]}", &status);
 *         puts(answer);
 *         mishikallm_string_free(answer);
 *         return status == MISHIKALLM_OK ? 0 : 1;
 *     }
 *
 * Shared:  cc program.c -lmishikallm
 * Static:  cc program.c libmishikallm.a -lpthread -ldl -lm
 *
 * RULES, for every function; each function's comment says only what is its own.
 *
 *  1. JSON is NUL-terminated UTF-8. Every char * returned is the caller's: free it with mishikallm_string_free().
 *     Every const char * is static, or borrowed for the duration of a callback. What the caller hands in stays the
 *     caller's, and is only read until the function returns.
 *  2. A call that fails returns
 *         {"error": {"message": "...", "type": "...", "param": "...", "code": "...", "status": 400}}
 *     where the answer would be, and a negative status in the out-parameter, which may be NULL. "status" is the HTTP
 *     status that says the same; "param" is the field at fault, or null; "retry_after" (seconds) is there where the
 *     server sent it. There is no last error of a thread.
 *  3. A const handle may be used by any number of threads at once, any other by one at a time: a second one gets
 *     MISHIKALLM_BUSY. A _close and a _cancel may be called from any thread, any number of times. A _free takes NULL;
 *     handles are freed in any order.
 *  4. A client may be NULL: the process-wide default client, whose requests each carry their api_base.
 *  5. No thread starts before the first mishikallm_submit(). A client that was made before fork() answers
 *     MISHIKALLM_FORKED in the child, with its streams and calls, and all of them are freed there as anywhere. The
 *     default client is the child's own.
 *  6. Nothing that the caller or the server sends aborts the process: NULL where a string is expected, bytes that are
 *     no UTF-8, text that is no JSON are MISHIKALLM_ARGUMENT, with a message that names the field. A defect of the
 *     library becomes MISHIKALLM_PANIC. No message and no log line holds a key or a header's value, and none a prompt,
 *     unless the server's own words repeat it.
 *  7. Time-outs bound connecting, TLS and waiting, and a cancel ends each of them at once. Resolving a host's name is
 *     the system's: it takes the time that resolv.conf says, which counts, and nothing interrupts it.
 *  8. Unknown fields of an answer are to be ignored: there may be more in later versions. Numbers of statuses and
 *     constants never change; functions are only added.
 *  9. The shared library is never unloaded (it is linked with -z nodelete): dlclose() is harmless at any time, and a
 *     later dlopen() finds it as it was. Link a plugin that holds the static library with -z nodelete too.
 */


#ifndef MISHIKALLM_H
#define MISHIKALLM_H

#include <stdint.h>
#include <stddef.h>

/**
 * The first number of the version when the header was made; mishikallm_version() tells the one that is loaded.
 */
#define MISHIKALLM_VERSION_MAJOR 0

/**
 * The second number of the version; see MISHIKALLM_VERSION_MAJOR.
 */
#define MISHIKALLM_VERSION_MINOR 1

/**
 * The third number of the version; see MISHIKALLM_VERSION_MAJOR.
 */
#define MISHIKALLM_VERSION_PATCH 0

/**
 * The ABI's version when the header was made; also the number in the soname. 0 until 1.0: no promise yet.
 */
#define MISHIKALLM_ABI_VERSION 0

/**
 * The answer is whole.
 */
#define MISHIKALLM_OK 0

/**
 * A stream has ended.
 */
#define MISHIKALLM_DONE 1

/**
 * Nothing arrived within the time that the caller gave; not an error.
 */
#define MISHIKALLM_TIMEOUT 2

/**
 * The request is wrong: NULL, no UTF-8, no JSON, or a field that the message names.
 */
#define MISHIKALLM_ARGUMENT -1

/**
 * The client's configuration is wrong.
 */
#define MISHIKALLM_CONFIG -2

/**
 * The server cannot be reached: its name, the connection, TLS.
 */
#define MISHIKALLM_CONNECT -3

/**
 * A time-out ran out; the message says which and after how long.
 */
#define MISHIKALLM_DEADLINE -4

/**
 * The server answered with an error; the message has its words.
 */
#define MISHIKALLM_SERVER -5

/**
 * The server's answer was cut short, or is not what Triton sends.
 */
#define MISHIKALLM_PROTOCOL -6

/**
 * The call was cancelled.
 */
#define MISHIKALLM_CANCELLED -7

/**
 * The client was closed.
 */
#define MISHIKALLM_CLOSED -8

/**
 * Another thread holds what this call needs.
 */
#define MISHIKALLM_BUSY -9

/**
 * The client was made before fork() and used in the child.
 */
#define MISHIKALLM_FORKED -10

/**
 * A size limit was passed; mishikallm_info() tells the limits.
 */
#define MISHIKALLM_LIMIT -11

/**
 * A defect of the library; the call is lost, nothing else is.
 */
#define MISHIKALLM_PANIC -12

/**
 * No deployment is left that could take the call.
 */
#define MISHIKALLM_UNAVAILABLE -13

/**
 * Log level: something failed and nobody is told otherwise.
 */
#define MISHIKALLM_LOG_ERROR 1

/**
 * Log level: something the operator should know.
 */
#define MISHIKALLM_LOG_WARN 2

/**
 * Log level: what happens rarely.
 */
#define MISHIKALLM_LOG_INFO 3

/**
 * Log level: one line a request.
 */
#define MISHIKALLM_LOG_DEBUG 4

/**
 * A call that runs on a thread of the library.
 */
typedef struct mishikallm_call mishikallm_call;

/**
 * Calls models: connections, what is known of models, and defaults for every request.
 *
 * A client is for any number of threads at once. Make one and keep it; NULL is the process-wide default client.
 */
typedef struct mishikallm_client mishikallm_client;

/**
 * Rows of numbers, one for each input of a request.
 *
 * It never changes, and keeps nothing of its client, which may be freed before it.
 */
typedef struct mishikallm_embeddings mishikallm_embeddings;

/**
 * A call that gives its answer in chunks, and can be cancelled.
 *
 * It runs on the thread that asks for the next chunk, and on no other.
 */
typedef struct mishikallm_stream mishikallm_stream;

/**
 * Takes a line of the log.
 *
 * The message is NUL-terminated UTF-8 without a line break at its end, borrowed for the callback; the level is one of
 * MISHIKALLM_LOG_ERROR to MISHIKALLM_LOG_DEBUG. Called on the thread that makes a call, so by several threads at once.
 * It must not throw or longjmp() out of the callback. It may call this library; what that would log is not logged.
 */
typedef void (*mishikallm_log_fn)(int32_t level,
                                  const char *message,
                                  void *userdata);

/**
 * Takes what a submitted call tells.
 *
 * With MISHIKALLM_OK: json is a chunk where the request has "stream": true, else the answer. Then exactly one last
 * event: MISHIKALLM_DONE, and json is NULL, or a negative status, and json is an error JSON. After it userdata is
 * not touched. The last event comes in every case: after a cancel, after the client is closed, and after a defect.
 *
 * Called on a thread of the library, never twice at once for one call; json is borrowed for the callback. A slow
 * callback holds up its own call, and one of the client's threads; nothing is read ahead for it. It must not throw
 * or longjmp() out of the callback. It may cancel and free any call, this one too, submit others, and close or free
 * the client; it must not wait for its own call, which is MISHIKALLM_BUSY. Signals are not delivered to these
 * threads.
 */
typedef void (*mishikallm_event_fn)(int32_t status,
                                    const char *json,
                                    void *userdata);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Tells the ABI's version of the library that is loaded.
 *
 * @return a number that a host compares with MISHIKALLM_ABI_VERSION where it loads the library at run time.
 *
 * Any thread. Since 0.1.0.
 */
uint32_t mishikallm_abi_version(void);

/**
 * Tells the version of the library that is loaded, such as "0.1.0".
 *
 * @return a static string, not to be freed.
 *
 * Any thread. Since 0.1.0.
 */
const char *mishikallm_version(void);

/**
 * Tells what the library can do, as a JSON object: version, abi, features, operations (what mishikallm_invoke() takes)
 * and limits.
 *
 * @return a string that the caller frees with mishikallm_string_free(); never NULL.
 *
 * Any thread. Since 0.1.0.
 */
char *mishikallm_info(void);

/**
 * Names a status, such as "ARGUMENT" for MISHIKALLM_ARGUMENT.
 *
 * @param status  Any number.
 * @return a static string, not to be freed; "UNKNOWN" for a number that is no status.
 *
 * Any thread. Since 0.1.0.
 */
const char *mishikallm_status_name(int32_t status);

/**
 * Sets where the library's log goes, for the whole process. Without it nothing is logged.
 *
 * @param write      May be NULL: nowhere.
 * @param userdata   May be NULL. Handed to each call of write; must stay valid until another mishikallm_set_log() has
 *   returned.
 * @param max_level  The least important level that is written: MISHIKALLM_LOG_ERROR to MISHIKALLM_LOG_DEBUG; 0: none.
 * @return MISHIKALLM_OK; MISHIKALLM_ARGUMENT for a level that is none; MISHIKALLM_BUSY from inside a callback.
 *
 * When it returns, the callback that was set before is not running and will not run again. No line holds a key, a
 * header's value or a prompt. Any thread. Since 0.1.0.
 */
int32_t mishikallm_set_log(mishikallm_log_fn write,
                           void *userdata,
                           int32_t max_level);

/**
 * Frees a string that this library returned.
 *
 * @param string  NULL is a no-op. Each string is freed once; a string from elsewhere must not be given.
 *
 * Any thread, at any time, also after the client that made it is gone. Since 0.1.0.
 */
void mishikallm_string_free(char *string);

/**
 * Makes a client.
 *
 * @param config_json  May be NULL, "" or "{}": no configuration. Else a JSON object, see below.
 * @param out_error    May be NULL. Always written: NULL on success, else an error JSON that the caller frees with
 *   mishikallm_string_free().
 * @return a client that the caller frees with mishikallm_client_free(); NULL on failure.
 *
 * The configuration holds defaults for every request, under the names and with the meaning that they have in one,
 * see mishikallm_completion(): api_base, api_key, extra_headers, timeout, connect_timeout, first_byte_timeout,
 * idle_timeout, stream_timeout, num_retries, drop_params, chat_template, tool_call_parser, tokenizer, triton and the
 * rest. An api_key and extra_headers that stand beside an api_base are for that server: a request, or a fallback,
 * that names another server gets none of them. And it holds what only a client has:
 *
 * - model_list: [{"model_name": "...", "mishikallm_params": {"model": "triton/NAME", "api_base": "...", ...}},
 *   ...]: names that a request may give as its model, and where and how each is called. Several of one name share
 *   its calls. Beside the fields of a call an entry has rpm, tpm, max_parallel_requests, weight, order (those with
 *   the lowest are asked, the others where all of them have failed or rest), metrics_url (see triton-load), and
 *   parameters for requests that do not have them (such as top_k); "model_info" has its "id" and "max_input_tokens".
 *   A * in a name stands for any text, and for the same text in "model"
 * - router_settings: {"routing_strategy": "simple-shuffle" | "least-busy" | "latency-based-routing" |
 *   "usage-based-routing" | "triton-load", "num_retries", "timeout", "stream_timeout", "retry_after",
 *   "allowed_fails" (3 in a minute), "cooldown_time" (5 s), "disable_cooldowns", "enable_pre_call_checks",
 *   "model_group_alias", "fallbacks": [{"name": ["other", ...]}, ...], "default_fallbacks",
 *   "context_window_fallbacks", "max_fallbacks" (of one call)}: a retry goes to a deployment that has not failed in
 *   the call; one that fails too often rests, and is then tried by one call alone. Where none can take a call:
 *   UNAVAILABLE.
 *   triton-load prefers the server with the least to do. Each is asked at most once a second, beside a call that
 *   chooses among several: for its model's statistics (GET .../stats), which tell how long requests waited and were
 *   worked on; or, with an entry's "metrics_url": "http://host:8002/metrics", for Triton's metrics, which tell how
 *   many wait now, and of the queues and KV caches of vLLM and TensorRT-LLM, of which statistics know nothing. A
 *   server that does not tell is not asked again for ten seconds, and is taken to be as busy as the others. Our own
 *   requests under way count besides
 * - tls: {"ca_file", "client_cert_file", "client_key_file", "insecure"}: PEM files; without ca_file the system's
 *   certificates are trusted; insecure: true trusts any
 * - proxy: "http://..." or "socks5://...", "" for none; without it the environment's ALL_PROXY, HTTPS_PROXY,
 *   HTTP_PROXY and NO_PROXY count. No proxy is used for this machine's own loopback
 * - workers: the most threads for submitted calls (16), and queue_size: how many more calls may wait for one (1024)
 * - max_reply_bytes: the longest reply that is read from a server; mishikallm_info() tells the default
 *
 * A field that is none of these is an error. Reads the certificates and the chat templates; opens no connection and
 * starts no thread. Any thread. Since 0.1.0.
 */
mishikallm_client *mishikallm_client_new(const char *config_json,
                                         char **out_error);

/**
 * Ends every call under way on this client with MISHIKALLM_CLOSED, at once, and lets it refuse new ones.
 *
 * @param client  NULL is a no-op: the default client is never closed.
 *
 * Streams and submitted calls too: the last event of a submitted call, on a thread of the library, may come a moment
 * after this returns; mishikallm_call_wait() waits for it. The handle stays valid until it is freed. Any thread, any
 * number of times. Since 0.1.0.
 */
void mishikallm_client_close(const mishikallm_client *client);

/**
 * Closes a client, as mishikallm_client_close() does, and gives up its handle.
 *
 * @param client  NULL is a no-op. No other thread may be about to use the handle; calls that have begun end with
 *   MISHIKALLM_CLOSED and are no obstacle.
 *
 * Any thread, and in a child of fork() too. Each client is freed once. Since 0.1.0.
 */
void mishikallm_client_free(mishikallm_client *client);

/**
 * Asks for a chat completion and waits for the whole answer.
 *
 * @param client        May be NULL: the default client.
 * @param request_json  Not NULL. OpenAI's request as a JSON object, see below.
 * @param out_status    May be NULL. Gets MISHIKALLM_OK, or a negative status.
 * @return OpenAI's chat.completion, or an error JSON; never NULL. The caller frees it with mishikallm_string_free().
 *   Its usage has "estimated": true where the model tells no token counts.
 *
 * OpenAI's fields; the first two must be there:
 *
 * - model: "triton/NAME", or a name of the client's model_list
 * - messages: [{"role": "user", "content": "..."}, ...]; a content may also be a list of parts of the type "text"
 * - max_tokens or max_completion_tokens, temperature, top_p, stop (a string or a list of strings), seed, ...
 * - n above 1, tools, logprobs, response_format and others that no Triton model takes are refused, see drop_params;
 *   user, metadata, store and others that change nothing for the model are accepted and not sent; stream is false,
 *   see mishikallm_stream_open() for chunks
 * - any other key goes to the model under its own name
 *
 * Beside them, in the same object, what says where and how to call. A client may hold defaults for these:
 *
 * - api_base: a server ("http://host:8000", ".../v2"), a model (".../v2/models/NAME[/versions/N]") or an endpoint
 *   (".../generate", ".../infer"). For a server or a model, the metadata is read once and the request made to fit
 * - api_key: sent as "authorization: Bearer ..."; extra_headers: an object of headers
 * - timeout: seconds for each try, look-ups included (600)
 * - connect_timeout: seconds for one connection, TLS included (10)
 * - first_byte_timeout: seconds until the answer begins (idle_timeout, where that is given)
 * - idle_timeout: the server's longest silence in seconds (no limit but timeout)
 * - num_retries: tries after the first (0), for the statuses 408, 429, 500, 502, 503, 504 and connections that fail
 * - fallbacks: a list of models' names, or of objects {"model", "api_base", ...}, to ask instead when this fails
 * - drop_params: true leaves out what a Triton model cannot do, instead of refusing it
 * - allowed_openai_params: a list of names to send although they would be refused or left out
 * - additional_drop_params: a list of names to leave out
 * - extra_body: an object for the top level of a generate request
 * - mock_response: a text to answer without calling anybody
 * - chat_template: how messages become a prompt, see below; chat_template_kwargs: an object of variables for it
 * - tool_call_parser: how the model writes calls of tools ("llama3_json", "pythonic", "mistral", "hermes",
 *   "qwen3_coder", "deepseek"), where the chat template does not show it
 * - separate_reasoning: true tells <think>...</think> apart, as reasoning_content
 * - tokenizer: the path of a Hugging Face tokenizer.json, or of a folder that has one. Usage is then exact where the
 *   model does not count, and texts can be given to a model that takes token ids
 * - triton: what a model's metadata cannot tell, see below
 *
 * chat_template is one of
 *
 * - the name of a built-in template, such as "llama3.1", "qwen2.5", "mistral-v3", "gemma2" or "chatml"
 * - "auto": the built-in template that the model's name tells of
 * - a Jinja source
 * - the path of a chat_template.jinja, of a tokenizer_config.json, or of a folder that has one of them
 *
 * Without one the contents are joined by a space, and the roles are lost. A template that knows tools makes tools and
 * tool_choice possible; tool_choice "required" or of one function, and response_format, need a model that can be
 * guided (vLLM, TensorRT-LLM).
 *
 * The fields of triton, all of which may be left out:
 *
 * - input, output: the names of the tensors that take and give what the call is about
 * - endpoint: "generate" or "infer"; version: the model's version
 * - dialect: "vllm", "tensorrtllm", "llmapi" or "general": how the model is spoken to, where its inputs mislead
 * - inputs: {"NAME": value}: inputs, the same for each row of a batch; null leaves one out that would be sent
 * - parameters: {"NAME": value}: request parameters, likewise
 * - binary: whether tensors come as binary data (true, where the metadata is known)
 * - pooling: "mean", "cls" or "last": how the vectors of an input's tokens become one embedding
 * - normalize: true gives embeddings the length 1
 * - truncate_dimensions: true cuts embeddings to dimensions here and gives them the length 1, where the model does not
 *   take dimensions
 *
 * Other names are base_url for api_base, headers for extra_headers, request_timeout for timeout, and max_retries for
 * num_retries.
 *
 * Blocks. Any thread, any number at once. Since 0.1.0.
 */
char *mishikallm_completion(const mishikallm_client *client,
                            const char *request_json,
                            int32_t *out_status);

/**
 * Asks for a text completion and waits for the whole answer.
 *
 * @param client        May be NULL: the default client.
 * @param request_json  Not NULL. OpenAI's request as a JSON object: model, prompt (a string, or a list of strings,
 *   each answered by a choice of its own), and the rest as in mishikallm_completion().
 * @param out_status    May be NULL. Gets MISHIKALLM_OK, or a negative status.
 * @return OpenAI's text_completion, or an error JSON; never NULL. The caller frees it with mishikallm_string_free().
 *
 * Blocks. Any thread, any number at once. Since 0.1.0.
 */
char *mishikallm_text_completion(const mishikallm_client *client,
                                 const char *request_json,
                                 int32_t *out_status);

/**
 * Asks for embeddings and waits for all of them.
 *
 * @param client        May be NULL: the default client.
 * @param request_json  Not NULL. OpenAI's request as a JSON object: model, input (a string, a list of strings, or
 *   token ids for a model that takes integers), encoding_format ("float" or "base64": little-endian 32-bit floats),
 *   dimensions (for a model that takes it; see triton.truncate_dimensions), and what says where and how, as in
 *   mishikallm_completion(); an endpoint in api_base ends in "/infer" or "/embeddings". More inputs than the model's
 *   max_batch_size go in several requests, up to 8 of them at once.
 * @param out_status    May be NULL. Gets MISHIKALLM_OK, or a negative status.
 * @return OpenAI's list of embeddings, one for each input, in order, or an error JSON; never NULL. The caller frees
 *   it with mishikallm_string_free().
 *
 * Blocks. Any thread, any number at once. Since 0.1.0.
 */
char *mishikallm_embedding(const mishikallm_client *client,
                           const char *request_json,
                           int32_t *out_status);

/**
 * Does what an operation's name says. New operations need no new function; mishikallm_info() lists them.
 *
 * @param client        May be NULL: the default client.
 * @param operation     Not NULL. An operation's name, see below.
 * @param request_json  Not NULL. The operation's request as a JSON object.
 * @param out_status    May be NULL. Gets MISHIKALLM_OK, or a negative status.
 * @return the operation's answer, or an error JSON; never NULL. The caller frees it with mishikallm_string_free().
 *
 * - "chat.completions", "completions", "embeddings": as the three functions above
 * - "models": {"api_base"} gives what the server there has ready, as OpenAI's list of models. With "all": true it
 *   has those that are not ready too, each with "ready" and the "states" of its versions: {"version", "state",
 *   "reason"}
 * - "health": {"api_base", "model"} tells whether the server there is ready, and the model, where one is named:
 *   {"status": "healthy" or "unhealthy", "ready": true, "model": "NAME", "model_ready": true}
 * - "infer": any tensors in and out, see below
 * - "model.metadata", "model.config": {"model", "api_base"} gives what Triton says of the model, as it says it
 * - "model.statistics": the same; without a model, of all models
 * - "model.load": {"model", "api_base", "parameters"} loads a model, or loads it anew, and gives {"model_name":
 *   "NAME", "loaded": true}. In parameters: config, an object or its JSON in a string, and "file:PATH", files in
 *   base64. The server must run with --model-control-mode explicit
 * - "model.unload": {"model", "api_base", "unload_dependents"} gives {"model_name": "NAME", "loaded": false} as
 *   soon as no new request is taken
 * - "server": {"api_base"} gives {"name", "version", "extensions", "live": true, "ready": true}
 *
 * The request of "infer" has model and what says where and how, and:
 *
 * - inputs: KServe's list [{"name", "shape", "datatype", "data"}], data flat or nested; or {"NAME": value, ...},
 *   where the model's metadata gives the datatype, and the value's nested lists the shape: as many dimensions as
 *   the model's, or one fewer, which is a batch of 1 (where the model takes one element in a row, [-1,1], a flat
 *   list is as many rows); or {"NAME": {"shape", "data"}}
 * - outputs: a list of names, or of {"name", "parameters"} (all)
 * - parameters: sent as they are: sequence_id, priority, timeout, the model's own; id: a string that comes back
 * - nested: true gives data in lists nested as the shape says
 * - triton: {"version", "binary"}: binary false has tensors travel as JSON, but those that it cannot carry
 *
 * It gives KServe's {"model_name", "model_version", "id", "parameters", "outputs": [{"name", "datatype", "shape",
 * "data"}]}, data one flat list in row-major order; whole numbers with every digit, floats as the shortest text
 * that reads back as the same. In both directions a float that JSON has no number for is "NaN", "Infinity" or
 * "-Infinity", and an element of BYTES is a string, or {"base64": "..."} where it is no UTF-8. A decoupled model
 * is asked through generate_stream, which takes bare elements and flat lists, and gives "responses": [{"outputs"},
 * ...] in place of outputs.
 *
 * Blocks. Any thread, any number at once. Since 0.1.0.
 */
char *mishikallm_invoke(const mishikallm_client *client,
                        const char *operation,
                        const char *request_json,
                        int32_t *out_status);

/**
 * Opens a stream of chunks.
 *
 * @param client        May be NULL: the default client.
 * @param operation     Not NULL. As in mishikallm_invoke().
 * @param request_json  Not NULL. The operation's request as a JSON object. Chat and text completions come in chunks,
 *   and stream_options {"include_usage": true} gives one more chunk at the end, which has the usage and no choices.
 *   With "stream": false, and for every other operation, the whole answer is the one chunk: a call that another
 *   thread can cancel, and that its own can leave for a while.
 * @param out_error     May be NULL. Always written: NULL on success, else an error JSON that the caller frees with
 *   mishikallm_string_free().
 * @return a stream that the caller frees with mishikallm_stream_free(); NULL when the request is wrong.
 *
 * Nothing is sent before the first mishikallm_stream_next(): whether the server can be reached shows there. A stream
 * keeps what it needs of its client, which may be freed before it. Beside the time-outs of mishikallm_completion():
 *
 * - stream_timeout: seconds in place of timeout, for streams. What the host takes between two chunks counts
 * - num_retries and fallbacks hold until the first chunk; after it an error is an error
 *
 * Does not block. Any thread. Since 0.1.0.
 */
mishikallm_stream *mishikallm_stream_open(const mishikallm_client *client,
                                          const char *operation,
                                          const char *request_json,
                                          char **out_error);

/**
 * Waits for the next chunk of a stream.
 *
 * @param stream      Not NULL.
 * @param timeout_ms  Milliseconds to wait; 0: only what is there already; negative: as long as the call's own
 *   time-outs let it.
 * @param out_status  May be NULL. Gets MISHIKALLM_OK with a chunk; MISHIKALLM_DONE when there is no more;
 *   MISHIKALLM_TIMEOUT when nothing came in time, and the stream goes on; or a negative status with an error.
 * @return OpenAI's chat.completion.chunk, or text_completion, or an answer that comes whole, which the caller frees
 *   with mishikallm_string_free(); an error JSON with a negative status; NULL only with MISHIKALLM_DONE and
 *   MISHIKALLM_TIMEOUT.
 *
 * The chunks that came before an error are given before it. An answer that was cut short never ends with
 * MISHIKALLM_DONE. An error ends the stream, and is given again to whoever asks again; MISHIKALLM_BUSY, while
 * another thread is waiting for this stream's next chunk, changes nothing. While TLS or a proxy is agreed on, and
 * while a host's name is looked up, timeout_ms does not count, but connect_timeout does.
 *
 * Blocks. One thread at a time, which need not be the same each time. Since 0.1.0.
 */
char *mishikallm_stream_next(mishikallm_stream *stream,
                             int32_t timeout_ms,
                             int32_t *out_status);

/**
 * Ends a stream at once with MISHIKALLM_CANCELLED, and with it the request at the server: the connection is closed.
 *
 * @param stream  NULL is a no-op.
 *
 * A thread that waits in mishikallm_stream_next() gets the error at once, wherever it waits, but for the look-up of
 * a host's name, which nothing can interrupt. Any thread, any number of times, until the stream is freed. Since
 * 0.1.0.
 */
void mishikallm_stream_cancel(const mishikallm_stream *stream);

/**
 * Cancels a stream, as mishikallm_stream_cancel() does, and gives up its handle.
 *
 * @param stream  NULL is a no-op. No other thread may be about to use the handle; one that waits in
 *   mishikallm_stream_next() already is no obstacle, and gets MISHIKALLM_CANCELLED.
 *
 * Any thread, before or after its client is freed, and in a child of fork() too. Each stream is freed once. Since
 * 0.1.0.
 */
void mishikallm_stream_free(mishikallm_stream *stream);

/**
 * Starts a call on a thread of the library, and tells a callback how it goes.
 *
 * @param client        May be NULL: the default client.
 * @param operation     Not NULL. As in mishikallm_invoke().
 * @param request_json  Not NULL. The operation's request as a JSON object. With "stream": true a chat or text
 *   completion tells its chunks.
 * @param event         Not NULL. Takes the events; may be called before this returns.
 * @param userdata      May be NULL. Handed to each event; must stay valid until the last one has returned.
 * @param out_error     May be NULL. Always written: NULL on success, else an error JSON that the caller frees with
 *   mishikallm_string_free().
 * @return a call that the caller frees with mishikallm_call_free(); NULL when the request is wrong, or the client
 *   has as many calls as it takes ("code": "queue_full"): then there will be no event.
 *
 * A client's configuration says how many threads it may have: workers (16), and how many more calls may wait:
 * queue_size (1024). Threads start with the first submit, and end after some seconds without work. Calls of one
 * model are taken in their order; models take turns. The time-outs begin when a thread takes the call.
 *
 * Does not block. Any thread, and callbacks too. Since 0.1.0.
 */
mishikallm_call *mishikallm_submit(const mishikallm_client *client,
                                   const char *operation,
                                   const char *request_json,
                                   mishikallm_event_fn event,
                                   void *userdata,
                                   char **out_error);

/**
 * Ends a submitted call at once with MISHIKALLM_CANCELLED, and with it the request at the server. Its last event
 * follows on a thread of the library.
 *
 * @param call  NULL is a no-op. One that is over stays as it is.
 *
 * Any thread, any number of times, and callbacks too, until the call is freed. Since 0.1.0.
 */
void mishikallm_call_cancel(const mishikallm_call *call);

/**
 * Waits until a submitted call is over, and the callback of its last event has returned.
 *
 * @param call        Not NULL.
 * @param timeout_ms  Milliseconds to wait; 0: only look; negative: for ever.
 * @return MISHIKALLM_OK: no callback runs any more; MISHIKALLM_TIMEOUT: it is not over yet; MISHIKALLM_BUSY from
 *   inside the call's own callback; MISHIKALLM_ARGUMENT for NULL; MISHIKALLM_FORKED in a child of fork().
 *
 * Blocks. Any thread, any number at once. Since 0.1.0.
 */
int32_t mishikallm_call_wait(const mishikallm_call *call,
                             int32_t timeout_ms);

/**
 * Gives up the handle of a submitted call. The call goes on, and its last event still comes.
 *
 * @param call  NULL is a no-op. No other thread may be using the handle, or be about to.
 *
 * Any thread, before or after the call is over or its client is freed, from a callback, and in a child of fork()
 * too. Each call is freed once. Since 0.1.0.
 */
void mishikallm_call_free(mishikallm_call *call);

/**
 * Asks for embeddings and waits for all of them, as numbers: no JSON of them is made, and floats that a server sends as
 * binary data are handed out where they arrived.
 *
 * @param client        May be NULL: the default client.
 * @param request_json  Not NULL. As in mishikallm_embedding(); encoding_format has no meaning here.
 * @param out_error     May be NULL. Always written: NULL on success, else an error JSON that the caller frees with
 *   mishikallm_string_free().
 * @return the rows, which the caller frees with mishikallm_embeddings_free(); NULL on failure.
 *
 * Numbers of another datatype are given as the nearest 32-bit floats.
 *
 * Blocks. Any thread, any number at once. Since 0.1.0.
 */
mishikallm_embeddings *mishikallm_embedding_f32(const mishikallm_client *client,
                                                const char *request_json,
                                                char **out_error);

/**
 * Gives the numbers: the first row, then the second, and so on.
 *
 * @param embeddings   May be NULL: there are no numbers then.
 * @param out_rows     May be NULL. Gets the number of rows, which is that of the inputs.
 * @param out_columns  May be NULL. Gets the number of numbers in each row.
 * @return rows * columns floats, finite, not to be freed and valid until the embeddings are freed; NULL for NULL.
 *
 * Does not block. Any thread, any number at once. Since 0.1.0.
 */
const float *mishikallm_embeddings_data(const mishikallm_embeddings *embeddings,
                                        size_t *out_rows,
                                        size_t *out_columns);

/**
 * Tells who made the embeddings, and what they took.
 *
 * @param embeddings  Not NULL.
 * @return {"model": "...", "usage": {...}}, as in the answer of mishikallm_embedding(), or an error JSON; never NULL.
 *   The caller frees it with mishikallm_string_free().
 *
 * Does not block. Any thread, any number at once. Since 0.1.0.
 */
char *mishikallm_embeddings_info(const mishikallm_embeddings *embeddings);

/**
 * Frees embeddings, and with them the numbers that mishikallm_embeddings_data() gave.
 *
 * @param embeddings  NULL is a no-op. No other thread may be about to use them.
 *
 * Any thread, at any time, also after the client is freed, and in a child of fork() too. Each is freed once. Since
 * 0.1.0.
 */
void mishikallm_embeddings_free(mishikallm_embeddings *embeddings);

/**
 * Waits for the numbers of a stream of the operation "embeddings": mishikallm_embedding_f32(), to be cancelled.
 *
 * @param stream      Not NULL.
 * @param timeout_ms  As in mishikallm_stream_next().
 * @param out_status  May be NULL. As in mishikallm_stream_next().
 * @param out_error   May be NULL. Always written: NULL, or with a negative status an error JSON that the caller frees
 *   with mishikallm_string_free().
 * @return the rows, which the caller frees with mishikallm_embeddings_free(); NULL with any status but MISHIKALLM_OK.
 *
 * It gives what mishikallm_stream_next() would, but as numbers: the rows once, and MISHIKALLM_DONE from then on. For
 * another operation it is MISHIKALLM_ARGUMENT, which changes nothing.
 *
 * Blocks. One thread at a time, which need not be the same each time. Since 0.1.0.
 */
mishikallm_embeddings *mishikallm_stream_embeddings(mishikallm_stream *stream,
                                                    int32_t timeout_ms,
                                                    int32_t *out_status,
                                                    char **out_error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MISHIKALLM_H */

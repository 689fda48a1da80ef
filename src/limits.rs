//! Upper bounds on everything that comes from outside, so that no caller and no server can make the library take
//! memory or time without end. `mishikallm_info()` tells them.

use std::time::Duration;

/// Bytes of one request JSON. Triton itself takes bodies of 64 MiB by default (`--http-max-input-size`).
pub const REQUEST_BYTES: usize = 64 << 20;

/// Bytes of one client configuration JSON.
pub const CONFIG_BYTES: usize = 1 << 20;

/// Bytes of one reply body. 512 embeddings of 4096 numbers are 45 MB as JSON text.
pub const REPLY_BYTES: usize = 256 << 20;

/// Bytes of the header of a reply.
pub const REPLY_HEADER_BYTES: usize = 48 << 10;

/// Bytes of one event of a stream. A model that repeats its text so far in each needs more than a token's.
pub const EVENT_BYTES: usize = 16 << 20;

/// Bytes of the body of a metadata or config look-up.
pub const LOOKUP_BYTES: usize = 4 << 20;

/// Bytes of Triton's words that an error message carries on.
pub const MESSAGE_BYTES: usize = 4096;

/// Bytes of all headers that a caller adds; few servers take more than 64 KiB.
pub const HEADER_BYTES: usize = 512 << 10;

/// Bytes of one header's value.
pub const HEADER_VALUE_BYTES: usize = 32 << 10;

/// Bytes of a model's name that the model list has no entry for but one with a `*`. Triton's own are names of folders: 255 at most.
pub const NAME_BYTES: usize = 1024;

/// Fallbacks of one request.
pub const FALLBACKS: usize = 16;

/// Fields of one request; OpenAI's have some thirty.
pub const FIELDS: usize = 1024;

/// Prompts in one text completion (each is one request to Triton).
pub const PROMPTS: usize = 2048;

/// Inputs in one embeddings request; OpenAI's own limit is 2048.
pub const EMBEDDING_INPUTS: usize = 16384;

/// Choices (`n`) for one prompt; each is one request to Triton.
pub const CHOICES: usize = 128;

/// Alternatives of a token whose log probabilities are told; OpenAI's own limit.
pub const TOP_LOGPROBS: usize = 20;

/// Tools of one request; OpenAI's own limit.
pub const TOOLS: usize = 128;
/// Rows of token ids in one request to a model that says no limit.
pub const TOKEN_ROWS: usize = 64;

/// Requests of one call that are under way at once, each on a connection of its own.
pub const REQUESTS_AT_ONCE: usize = 8;

/// How long a request that is sent before its turn may take to be sent; what is not sent then is sent in its turn.
pub const SEND_AHEAD: Duration = Duration::from_millis(250);

/// Bytes of a `tokenizer.json`; the largest have some 35 MB.
pub const TOKENIZER_BYTES: usize = 128 << 20;

/// Stop sequences in one request.
pub const STOP_SEQUENCES: usize = 64;

/// Retries that one call may ask for.
pub const RETRIES: u32 = 32;

/// Longest pause before a retry, also when `Retry-After` asks for more.
pub const RETRY_WAIT: Duration = Duration::from_secs(60);

/// One try of a call, look-ups included, unless `timeout` says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(600);

/// TCP, proxy and TLS handshake of one connection, unless `connect_timeout` says otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One metadata look-up. A gateway that swallows it costs a call no more than this.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// A look-up that had less time than this and got no answer is not remembered as failed.
pub const LOOKUP_TELLING: Duration = Duration::from_secs(1);

/// How long a look-up that failed is not tried again.
pub const LOOKUP_FAILED_FOR: Duration = Duration::from_secs(60);

/// How old what a server told of its load may be before it is asked again.
pub const LOAD_AGE: Duration = Duration::from_secs(1);

/// How long a server that does not tell its load is not asked again.
pub const LOAD_FAILED_FOR: Duration = Duration::from_secs(10);

/// How long a server may take to tell its load.
pub const LOAD_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a call that has its own answer waits for what it asked of loads.
pub const LOAD_LINGER: Duration = Duration::from_millis(5);

/// A question about a load that nobody came back with is asked again then.
pub const LOAD_LOST_AFTER: Duration = Duration::from_secs(5);

/// How often, at most, a model that looks stale is looked up anew.
pub const LOOKUP_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Chat templates, and tokenizers, that one client keeps; a program that has more of them reads some again.
pub const FILES: usize = 64;

/// Models whose metadata one client keeps.
pub const MODELS: usize = 1024;

/// Longest time-out a caller may ask for: a year.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(366 * 24 * 3600);

/// Idle connections kept for one server.
pub const IDLE_CONNECTIONS_PER_SERVER: usize = 256;

/// Idle connections kept in all.
pub const IDLE_CONNECTIONS: usize = 1024;

/// How long an idle connection is kept. Short: servers and load balancers in between drop them without a word.
pub const IDLE_CONNECTION_AGE: Duration = Duration::from_secs(15);

/// Threads that run submitted calls, unless the client's `workers` says otherwise.
pub const WORKERS: usize = 16;

/// The most that `workers` may say.
pub const WORKERS_MOST: usize = 1024;

/// Submitted calls that wait for a thread, unless the client's `queue_size` says otherwise.
pub const QUEUE: usize = 1024;

/// The most that `queue_size` may say.
pub const QUEUE_MOST: usize = 1 << 20;

/// How long a thread that has no submitted call to run waits for one before it ends.
pub const WORKER_IDLE: Duration = Duration::from_secs(10);

/// Bytes of a stream that are read at once.
pub const READ_BYTES: usize = 8 << 10;

/// Bytes of a model's text that are held back because they may be a tool call. More of them are content.
pub const CALL_HELD_BYTES: usize = 4 << 20;

/// Bytes of the name of a tool that is called; OpenAI's own limit is 64.
pub const CALL_NAME_BYTES: usize = 256;

/// How deep the arguments of a tool call may be nested.
pub const CALL_DEPTH: usize = 100;

/// Bytes of a chat template's source. The largest in use have some 20 KB.
pub const TEMPLATE_BYTES: usize = 128 << 10;

/// `+` and `~` in one tag of a chat template: the engine's compiler takes a time that grows with the square of them.
pub const TEMPLATE_JOINED: usize = 512;

/// Bytes of a `tokenizer_config.json`. Those of models with a thousand added tokens have 200 KB.
pub const TOKENIZER_CONFIG_BYTES: usize = 8 << 20;

/// Bytes of the prompt that a chat template makes: no more than a request may have.
pub const PROMPT_BYTES: usize = REQUEST_BYTES;

/// Steps of a chat template, whatever the messages: each is one instruction, or 64 bytes of text that it makes.
/// A hundred messages take some 50,000.
pub const TEMPLATE_STEPS: u64 = 1_000_000;

/// Further steps for each message, and for each 4 bytes of the messages and tools.
pub const TEMPLATE_STEPS_PER_MESSAGE: u64 = 5_000;

/// The most steps for all messages together.
pub const TEMPLATE_STEPS_MOST: u64 = 8_000_000;

/// How deep a chat template's macros and loops may be in each other.
pub const TEMPLATE_DEPTH: usize = 100;

/// Bytes of stack that a chat template from outside is compiled and rendered on, at least. Only what is used takes memory:
/// a few pages, unless a template nests what it makes as deep as its steps let it.
pub const TEMPLATE_STACK: usize = 256 << 20;

/// Further bytes of stack for each step.
pub const TEMPLATE_STACK_PER_STEP: usize = 128;

/// Bytes of a format for `strftime_now`.
pub const TIME_FORMAT_BYTES: usize = 1024;

//! The blocking client: many threads, one pool of connections. Threads of its own it has only for submitted calls.

mod ahead;
mod buffers;
mod cancel;
mod connect;
mod context;
mod embeddings;
mod explain;
mod http;
mod loads;
mod look_up;
mod models;
mod pool;
mod recent;
mod resolve;
mod resources;
mod run;
mod socket;
mod stream;
mod submit;
pub mod tls;

use crate::config::{ClientConfig, Deployment, Options, TritonOptions};
use crate::error::{Error, Result};
use crate::openai::Operation;
use crate::plan::call::{Call, Env, Manner};
use crate::plan::fleet::Fleet;
use crate::plan::resources::Resources;
use crate::triton::endpoint::{self, Route};
use crate::{ABI_VERSION, VERSION, json, limits};
use arc_swap::ArcSwapOption;
use cancel::Bed;
use once_cell::sync::OnceCell;
use serde_json::json;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use ureq::unversioned::transport::ShutdownHandle;

pub use self::http::goes_by_environments_proxy;
pub use embeddings::Embeddings;
pub use stream::{Next, Stream};
pub use submit::{Event, Submitted, Waited};

/// Calls models. Any number of threads may use one at once.
pub struct Client {
    fleet: Arc<Fleet>,
    http: http::Http,
    models: models::Models,
    closed: AtomicBool,
    /// Where calls pause between two tries.
    bed: Arc<Bed>,
    /// Runs what is submitted.
    workers: Arc<submit::Workers>,
    /// The process that made it: sockets and locks are worth nothing in a child.
    pid: u32,
}

impl fmt::Debug for Client {
    /// Says nothing of the configuration: a URL or a proxy may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client from its configuration's JSON; an empty string is the default configuration.
    ///
    /// Reads certificates, opens nothing. Errors have the status `CONFIG`, or `LIMIT` for a configuration too long.
    pub fn new(config_json: &str) -> Result<Client> {
        let fleet = fleet(ClientConfig::read(config_json)?)?;
        let config = fleet.config();
        Ok(Client {
            http: http::Http::new(config)?,
            models: models::Models::default(),
            closed: AtomicBool::new(false),
            bed: Arc::default(),
            workers: Arc::new(submit::Workers::new(
                config.workers.unwrap_or(limits::WORKERS),
                config.queue_size.unwrap_or(limits::QUEUE),
            )),
            fleet: Arc::new(fleet),
            pid: std::process::id(),
        })
    }

    /// The process-wide client without a configuration: each request carries its `api_base`. A child of `fork()` gets its own.
    pub fn default_client() -> Result<Arc<Client>> {
        // Behind no lock: a thread that makes it when another one forks would hold it in the child for ever.
        static DEFAULT: ArcSwapOption<Client> = ArcSwapOption::const_empty();
        let there = DEFAULT.load();
        if let Some(client) = there.as_ref().filter(|client| !client.is_forked()) {
            return Ok(client.clone());
        }
        let made = Arc::new(Client::new("")?);
        let before = DEFAULT.compare_and_swap(&there, Some(made.clone()));
        // Another thread may have been faster; all use the same one.
        let faster = Option::clone(&before).filter(|client| !client.is_forked());
        Ok(faster.unwrap_or(made))
    }

    /// Does what `operation` names, with OpenAI's JSON in and out; blocks until the answer is whole.
    pub fn invoke(&self, operation: &str, request_json: &str) -> Result<String> {
        self.call(Operation::parse(operation)?, request_json)
    }

    /// The same, for an operation that is already known.
    pub fn call(&self, operation: Operation, request_json: &str) -> Result<String> {
        let call = self.prepare(operation, request_json, Manner::Whole)?;
        self.run(call)
    }

    /// Opens a stream of chunks. Nothing is sent before the first chunk is asked for.
    ///
    /// A text comes in chunks unless the request says `stream: false`; that, and any other operation's answer, is one chunk.
    /// A wrong request is found here.
    pub fn stream(self: &Arc<Self>, operation: Operation, request_json: &str) -> Result<Stream> {
        let call = self.prepare(operation, request_json, Manner::Chunks)?;
        Ok(Stream::new(self.clone(), call))
    }

    /// Does what `operation` names on a thread of the client's own, and tells `on_event` of it: each piece, then exactly once how
    /// it ended. A request with `stream: true` gives its chunks as pieces, any other its one answer.
    ///
    /// A wrong request is found here, and so is a full queue, with the status `BUSY`.
    pub fn submit(
        self: &Arc<Self>,
        operation: Operation,
        request_json: &str,
        on_event: impl FnMut(submit::Event<'_>) + Send + 'static,
    ) -> Result<Submitted> {
        let call = self.prepare(operation, request_json, Manner::AsAsked)?;
        submit::submit(self, call, Box::new(on_event))
    }

    /// Reads a request; nothing is sent.
    fn prepare(&self, operation: Operation, request_json: &str, manner: Manner) -> Result<Call> {
        if self.is_forked() {
            return Err(Error::forked());
        }
        if self.is_closed() {
            return Err(Error::closed());
        }
        if request_json.len() > limits::REQUEST_BYTES {
            return Err(Error::limit(
                413,
                format!(
                    "request_json: {} bytes, more than the limit of {}",
                    request_json.len(),
                    limits::REQUEST_BYTES
                ),
            )
            .with_param("request_json"));
        }
        let fields = json::object_with_raw("request_json", request_json, operation.raw_field())?;
        let now = Instant::now();
        Call::new(operation, fields, &self.fleet, env(), manner, now)
    }

    /// Whether this is a child of the process that made it: its sockets are the parent's, and its threads are not here.
    fn is_forked(&self) -> bool {
        std::process::id() != self.pid
    }

    /// Ends every call under way with `CLOSED` and refuses new ones. May be called often, and from any thread.
    ///
    /// Submitted calls are told so on a thread of the client's own, which may be a moment after this returns.
    pub fn close(&self) {
        if self.is_forked() || self.closed.swap(true, Ordering::SeqCst) {
            return;
        }
        self.http.shutdown();
        self.bed.shutdown();
        self.workers.close();
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}

/// The deployments of a configuration, with files to read. What no call could use is found here, not at the first call.
pub fn fleet(config: ClientConfig) -> Result<Fleet> {
    check_places(&config)?;
    let files = resources::Files::default();
    check_templates(&config, &files)?;
    Fleet::new(config, Box::new(files))
}

/// Finds a chat template that no call could use, likewise. That of a deployment is its own or the client's.
fn check_templates(config: &ClientConfig, files: &resources::Files) -> Result<()> {
    let check = |options: &Options, model: &str, place: &str| match &options.chat_template {
        // By whose name it goes is not known yet.
        Some(named) if !(named == "auto" && model.is_empty()) => {
            let found = files.template(named, model);
            found
                .map(drop)
                .map_err(|e| Error::config("chat_template", [place, e.message()].concat()))
        }
        _ => Ok(()),
    };
    check(&config.defaults, "", "")?;
    config
        .deployments
        .iter()
        .enumerate()
        .try_for_each(|(i, d)| {
            let model = endpoint::model_name(&d.model)?;
            // By its name, `auto` finds a template; a * is not the whole of one.
            let model = if model.contains('*') { "" } else { model };
            let options = d.options.clone().or(&config.defaults);
            check(&options, model, &place(i, d))
        })
}

/// Finds a URL or a model's name that no call could use when the client is made, not at the first call.
fn check_places(config: &ClientConfig) -> Result<()> {
    let check = |base: Option<&str>, model: &str, triton: &TritonOptions| {
        let name = endpoint::model_name(model)?;
        match base {
            Some(base) => Route::new(Some(base), name, triton).map(drop),
            None => Ok(()),
        }
    };
    let as_config = |place: String, e: Error| {
        Error::config(e.param().unwrap_or("config_json"), place + e.message())
    };
    let defaults = &config.defaults;
    check(defaults.api_base.as_deref(), "triton/-", &defaults.triton)
        .map_err(|e| as_config(String::new(), e))?;
    for (i, d) in config.deployments.iter().enumerate() {
        check(d.options.api_base.as_deref(), &d.model, &d.options.triton)
            .map_err(|e| as_config(place(i, d), e))?;
    }
    Ok(())
}

/// Where a mistake is.
fn place(i: usize, d: &Deployment) -> String {
    format!("model_list[{i}], model_name \"{}\": ", d.model_name)
}

/// Time, chance and an identity for one call.
pub fn env() -> Env {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    // The standard library's keys for hash maps are the process's own randomness, and differ in each process.
    static KEYS: OnceCell<(u64, u64)> = OnceCell::new();
    let keys = KEYS.get_or_init(|| {
        let random = RandomState::new();
        (random.hash_one(0), random.hash_one(1))
    });
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    // The first half is another for each call of a process; the clock tells a process from its parent.
    let high = scattered(call ^ keys.0);
    let low = scattered(high ^ keys.1 ^ now.as_nanos() as u64);
    Env {
        unix_time: now.as_secs(),
        id: hexadecimal([high, low]),
        random: low,
        trace: None,
    }
}

/// The last step of SplitMix64: each number becomes another one, without a likeness between neighbours.
fn scattered(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// 32 digits; `format!` costs as much as the rest of an answer.
fn hexadecimal(halves: [u64; 2]) -> String {
    let mut text = String::with_capacity(32);
    for byte in halves.into_iter().flat_map(u64::to_be_bytes) {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    text
}

/// What `mishikallm_info` tells.
pub fn info() -> String {
    let mut features = vec![
        "tls",
        "stream",
        "submit",
        "embedding_f32",
        "stream_operations",
        "chat_templates",
        "tools",
    ];
    if cfg!(feature = "tokenizers") {
        features.push("tokenizers");
    }
    let operations: Vec<&str> = Operation::ALL.iter().map(|op| op.name()).collect();
    json!({
        "version": VERSION,
        "abi": ABI_VERSION,
        "features": features,
        "operations": operations,
        "limits": {
            "request_bytes": limits::REQUEST_BYTES,
            "config_bytes": limits::CONFIG_BYTES,
            "reply_bytes": limits::REPLY_BYTES,
            "fields": limits::FIELDS,
            "header_bytes": limits::HEADER_BYTES,
            "name_bytes": limits::NAME_BYTES,
            "fallbacks": limits::FALLBACKS,
            "prompts": limits::PROMPTS,
            "choices": limits::CHOICES,
            "top_logprobs": limits::TOP_LOGPROBS,
            "tools": limits::TOOLS,
            "template_bytes": limits::TEMPLATE_BYTES,
            "prompt_bytes": limits::PROMPT_BYTES,
            "embedding_inputs": limits::EMBEDDING_INPUTS,
            "token_rows": limits::TOKEN_ROWS,
            "requests_at_once": limits::REQUESTS_AT_ONCE,
            "tokenizer_bytes": limits::TOKENIZER_BYTES,
            "stop_sequences": limits::STOP_SEQUENCES,
            "call_held_bytes": limits::CALL_HELD_BYTES,
            "call_name_bytes": limits::CALL_NAME_BYTES,
            "call_depth": limits::CALL_DEPTH,
            "retries": limits::RETRIES,
            "retry_wait_seconds": limits::RETRY_WAIT.as_secs(),
            "timeout_seconds": limits::TIMEOUT.as_secs(),
            "connect_timeout_seconds": limits::CONNECT_TIMEOUT.as_secs(),
            "lookup_timeout_seconds": limits::LOOKUP_TIMEOUT.as_secs(),
            "models": limits::MODELS,
            "idle_connections": limits::IDLE_CONNECTIONS,
            "idle_connections_per_server": limits::IDLE_CONNECTIONS_PER_SERVER,
            "event_bytes": limits::EVENT_BYTES,
            "workers": limits::WORKERS,
            "workers_most": limits::WORKERS_MOST,
            "queue_size": limits::QUEUE,
            "queue_size_most": limits::QUEUE_MOST,
            "worker_idle_seconds": limits::WORKER_IDLE.as_secs(),
            "idle_connection_age_seconds": limits::IDLE_CONNECTION_AGE.as_secs(),
        },
    })
    .to_string()
}

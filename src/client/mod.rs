//! The blocking client: many threads, one pool of connections, no thread of its own.

mod context;
mod http;
mod models;
mod pool;
mod resolve;
mod run;
mod socket;
mod tls;

use crate::config::{ClientConfig, TritonOptions};
use crate::error::{Error, Result};
use crate::openai::Operation;
use crate::plan::call::{Call, Env};
use crate::triton::endpoint::{self, Route};
use crate::{ABI_VERSION, VERSION, json, limits};
use once_cell::sync::OnceCell;
use serde_json::json;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Calls models. Any number of threads may use one at once.
pub struct Client {
    config: ClientConfig,
    http: http::Http,
    models: models::Models,
    closed: AtomicBool,
    /// Wakes those who pause between two tries when the client is closed.
    pausing: Mutex<()>,
    wake: Condvar,
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
        let config = ClientConfig::read(config_json)?;
        check_places(&config)?;
        Ok(Client {
            http: http::Http::new(&config)?,
            config,
            models: models::Models::default(),
            closed: AtomicBool::new(false),
            pausing: Mutex::new(()),
            wake: Condvar::new(),
            pid: std::process::id(),
        })
    }

    /// The process-wide client without a configuration: each request carries its `api_base`.
    pub fn default_client() -> Result<&'static Arc<Client>> {
        static DEFAULT: OnceCell<Arc<Client>> = OnceCell::new();
        DEFAULT.get_or_try_init(|| Client::new("").map(Arc::new))
    }

    /// Does what `operation` names, with OpenAI's JSON in and out; blocks until the answer is whole.
    pub fn invoke(&self, operation: &str, request_json: &str) -> Result<String> {
        self.call(Operation::parse(operation)?, request_json)
    }

    /// The same, for an operation that is already known.
    pub fn call(&self, operation: Operation, request_json: &str) -> Result<String> {
        if std::process::id() != self.pid {
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
        let fields = json::object("request_json", request_json)?;
        let mut call = Call::new(operation, fields, &self.config, env())?;
        self.run(&mut call)
    }

    /// Ends every call under way with `CLOSED` and refuses new ones. May be called often, and from any thread.
    pub fn close(&self) {
        if self.closed.swap(true, Ordering::SeqCst) || std::process::id() != self.pid {
            return;
        }
        self.http.shutdown();
        drop(self.pausing.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_all();
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Waits; `false`: the client was closed meanwhile.
    fn sleep(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut guard = self.pausing.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.is_closed() {
                return false;
            }
            if left.is_zero() {
                return true;
            }
            guard = self
                .wake
                .wait_timeout(guard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
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
    for (name, d) in &config.models {
        check(d.options.api_base.as_deref(), &d.model, &d.options.triton)
            .map_err(|e| as_config(format!("model_list, model_name \"{name}\": "), e))?;
    }
    Ok(())
}

/// Time, chance and an identity for one call.
fn env() -> Env {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    // The standard library's keys for hash maps are the process's own randomness, and differ in each process.
    static KEYS: OnceCell<RandomState> = OnceCell::new();
    let keys = KEYS.get_or_init(RandomState::new);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let (high, low) = (
        keys.hash_one((call, 0u8, now)),
        keys.hash_one((call, 1u8, now)),
    );
    Env {
        unix_time: now.as_secs(),
        id: hexadecimal(high, low),
        random: low,
    }
}

/// 32 digits; `format!` costs as much as the rest of an answer.
fn hexadecimal(high: u64, low: u64) -> String {
    let value = u128::from(high) << 64 | u128::from(low);
    (0..32)
        .rev()
        .map(|i| char::from(b"0123456789abcdef"[(value >> (4 * i)) as usize & 15]))
        .collect()
}

/// What `mishikallm_info` tells.
pub fn info() -> String {
    let operations: Vec<&str> = Operation::ALL.iter().map(|op| op.name()).collect();
    json!({
        "version": VERSION,
        "abi": ABI_VERSION,
        "features": ["tls"],
        "operations": operations,
        "limits": {
            "request_bytes": limits::REQUEST_BYTES,
            "config_bytes": limits::CONFIG_BYTES,
            "reply_bytes": limits::REPLY_BYTES,
            "fields": limits::FIELDS,
            "header_bytes": limits::HEADER_BYTES,
            "fallbacks": limits::FALLBACKS,
            "prompts": limits::PROMPTS,
            "embedding_inputs": limits::EMBEDDING_INPUTS,
            "stop_sequences": limits::STOP_SEQUENCES,
            "retries": limits::RETRIES,
            "retry_wait_seconds": limits::RETRY_WAIT.as_secs(),
            "timeout_seconds": limits::TIMEOUT.as_secs(),
            "connect_timeout_seconds": limits::CONNECT_TIMEOUT.as_secs(),
            "lookup_timeout_seconds": limits::LOOKUP_TIMEOUT.as_secs(),
            "models": limits::MODELS,
            "idle_connections": limits::IDLE_CONNECTIONS,
            "idle_connections_per_server": limits::IDLE_CONNECTIONS_PER_SERVER,
            "idle_connection_age_seconds": limits::IDLE_CONNECTION_AGE.as_secs(),
        },
    })
    .to_string()
}

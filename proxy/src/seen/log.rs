//! The log: what goes to the standard error output, how much of it, and in which form.

use super::mask::{Mask, Secrets};
use super::{Outcome, Record, Visit, exchange};
use crate::cli::Cli;
use crate::config::Settings;
use arc_swap::ArcSwap;
use mishikallm::log as library;
use mishikallm::plan::trace::Trace;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;
use tracing::{Event, Subscriber, debug, error, info, warn};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::{self, FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, Layer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::reload;

/// A request's end that nobody waited for.
const HUNG_UP: &str = "the client hung up";

const QUIET: u8 = 0;
const REQUESTS: u8 = 1;
const EXCHANGES: u8 = 2;

/// How much is told. Looked at before anything is made of a request for the log.
static TELLS: AtomicU8 = AtomicU8::new(QUIET);
static AS_JSON: AtomicBool = AtomicBool::new(false);
static PROMPTS: AtomicBool = AtomicBool::new(false);
static SECRETS: LazyLock<ArcSwap<Secrets>> = LazyLock::new(ArcSwap::default);
static FILTER: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// The log as it is until a configuration says otherwise: lines of text, of what the operator should know.
pub fn start() {
    let (filter, handle) = reload::Layer::new(LevelFilter::INFO);
    let lines = Layer::new()
        .with_ansi(false)
        .log_internal_errors(false)
        .event_format(Form)
        .with_writer(std::io::stderr);
    let all = Registry::default().with(filter).with(lines);
    if tracing::subscriber::set_global_default(all).is_ok() {
        let _ = FILTER.set(handle);
    }
    library::set(Some(Box::new(of_library)), Some(library::Level::Warn));
}

/// What the flags and a configuration say of the log. When a configuration is read again, `json_logs`, `set_verbose` and `log_prompts`
/// hold from the next line on, also for requests under way. `--debug` and `--detailed_debug` are the command's: another word on them
/// needs a restart.
pub struct Log {
    tells: u8,
    as_json: bool,
    prompts: bool,
    secrets: Secrets,
}

impl Log {
    /// Changes nothing yet.
    pub fn of(cli: &Cli, settings: &Settings) -> Log {
        let mut secrets = Secrets::default();
        if let Some(key) = &settings.general.master_key {
            secrets.add(key.reveal());
        }
        if let Some(url) = &settings.general.keys.database_url {
            secrets.add(url.reveal());
            secrets.add(password(url.reveal()));
        }
        for deployment in settings.fleet.deployments() {
            let options = &deployment.options;
            if let Some(key) = &options.api_key {
                secrets.add(key.reveal());
            }
            for (name, value) in &options.headers {
                secrets.add_header(name, value.reveal());
            }
        }
        Log {
            tells: match (cli.detailed_debug, cli.debug || settings.verbose) {
                (true, _) => EXCHANGES,
                (false, true) => REQUESTS,
                (false, false) => QUIET,
            },
            as_json: settings.json_logs,
            prompts: settings.general.log_prompts,
            secrets,
        }
    }

    /// The log is so from now on.
    pub fn apply(self) {
        let (level, of_the_library) = match self.tells {
            EXCHANGES => (LevelFilter::TRACE, library::Level::Debug),
            REQUESTS => (LevelFilter::DEBUG, library::Level::Warn),
            _ => (LevelFilter::INFO, library::Level::Warn),
        };
        SECRETS.store(Arc::new(self.secrets));
        PROMPTS.store(self.prompts, Ordering::Relaxed);
        AS_JSON.store(self.as_json, Ordering::Relaxed);
        if let Some(filter) = FILTER.get() {
            let _ = filter.reload(level);
        }
        library::set(Some(Box::new(of_library)), Some(of_the_library));
        TELLS.store(self.tells, Ordering::Relaxed);
    }
}

/// Of a database's URL; empty where it has none.
fn password(url: &str) -> &str {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    user.split_once(':').map_or("", |(_, password)| password)
}

/// Each request is told.
pub fn tells_requests() -> bool {
    TELLS.load(Ordering::Relaxed) >= REQUESTS
}

/// Whole exchanges are told: nothing is made ready for [`super::exchange`] where this is false.
pub fn tells_exchanges() -> bool {
    TELLS.load(Ordering::Relaxed) >= EXCHANGES
}

/// With what may be shown now; `more` are secrets as well.
pub(super) fn masked<T>(more: Option<&Secrets>, show: impl FnOnce(Mask<'_>) -> T) -> T {
    let known = SECRETS.load();
    let all = more.map(|more| known.with(more));
    show(Mask {
        prompts: PROMPTS.load(Ordering::Relaxed),
        secrets: all.as_ref().unwrap_or(&known),
    })
}

/// The line of one request to a model.
pub(super) fn request(record: &Record) {
    let outcome = match record.outcome {
        Outcome::HungUp => HUNG_UP.to_owned(),
        Outcome::Answered => "answered".to_owned(),
        Outcome::Failed(kind, status) => format!("{status} {kind}"),
    };
    let secrets = record.told.as_deref().map(exchange::Told::secrets);
    let model = masked(secrets, |mask| mask.model(&record.group));
    let first = record
        .first_chunk
        .map(|at| milliseconds(at.saturating_duration_since(record.began)));
    debug!(
        call = record.id.as_str(),
        trace_id = record.trace.as_deref().map(Trace::id),
        method = "POST",
        path = record.path.as_deref(),
        status = record.outcome.status(),
        operation = record.operation.name(),
        model = model.as_str(),
        deployment = record.deployment.as_str(),
        outcome = outcome.as_str(),
        ms = milliseconds(record.took()),
        upstream_ms = milliseconds(record.upstream),
        first_chunk_ms = first,
        prompt_tokens = record.usage.map(|usage| usage.prompt_tokens),
        completion_tokens = record.usage.and_then(|usage| usage.completion_tokens),
        retries = record.retries,
        fallbacks = record.fallbacks,
        "request"
    );
}

/// The line of one request to another route.
pub(super) fn visit(visit: &Visit) {
    debug!(
        call = visit.id(),
        trace_id = visit.trace.as_ref().map(Trace::id),
        method = visit.method.as_str(),
        path = visit.path.as_deref(),
        status = visit.status(),
        outcome = match visit.is_over() {
            true => "answered",
            false => HUNG_UP,
        },
        ms = milliseconds(visit.took()),
        "request"
    );
}

/// To the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}

/// The library's own lines.
fn of_library(level: library::Level, line: &str) {
    exchange::with_current(|call, own| {
        let line = masked(own, |mask| mask.line(line));
        match level {
            library::Level::Error => error!(call, "{line}"),
            library::Level::Warn => warn!(call, "{line}"),
            library::Level::Info => info!(call, "{line}"),
            library::Level::Debug => debug!(call, "{line}"),
        }
    });
}

/// Text or JSON, as the configuration says at the moment.
struct Form;

impl<S, N> FormatEvent<S, N> for Form
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let form = format::format().with_target(false);
        match AS_JSON.load(Ordering::Relaxed) {
            true => form
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .format_event(context, writer, event),
            false => form.format_event(context, writer, event),
        }
    }
}

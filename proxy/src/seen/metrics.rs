//! What requests came to, for Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4.
//!
//! Labels have only names of the configuration, so that no caller can make new ones: a model is called as its entry of the
//! model list, with its `*`, and `unknown` where no entry covers it. Counters outlive a reload.

use super::{Outcome, Record};
use metrics::{Counter, Histogram, Unit, counter, gauge, histogram};
use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use mishikallm::plan::fleet::Fleet;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A client that hung up, as nginx counts it.
const HUNG_UP: u16 = 499;

/// What was measured is put into its buckets so often.
pub const UPKEEP: Duration = Duration::from_secs(5);

/// A deployment that the configuration has no more is told of for so long.
const FORGET_AFTER: Duration = Duration::from_secs(300);

/// Seconds that a request, the server, or its first token takes.
const SECONDS: [f64; 16] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
];

/// Seconds that a token takes.
const TOKEN_SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

/// Seconds that the proxy itself takes.
const OWN_SECONDS: [f64; 11] = [
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 1.0,
];

struct Exporter {
    handle: PrometheusHandle,
    since: f64,
}

static EXPORTER: OnceLock<Exporter> = OnceLock::new();
static IN_FLIGHT: AtomicI64 = AtomicI64::new(0);

/// From now on requests are counted.
///
/// Errors: the tables above are wrong.
pub fn start() -> Result<(), BuildError> {
    let suffix = |name: &str| Matcher::Suffix(name.to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(suffix("per_output_token_seconds"), &TOKEN_SECONDS)?
        .set_buckets_for_metric(suffix("overhead_seconds"), &OWN_SECONDS)?
        .set_buckets(&SECONDS)?
        .idle_timeout(MetricKindMask::GAUGE, Some(FORGET_AFTER))
        .install_recorder()?;
    describe();
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or_default().as_secs_f64();
    let _ = EXPORTER.set(Exporter { handle, since });
    Ok(())
}

fn describe() {
    for (name, text) in [
        (
            "mishikallm_requests_total",
            "Requests to models that are over, by HTTP status; 499: the client hung up",
        ),
        (
            "mishikallm_errors_total",
            "Requests that failed, by OpenAI's type of error",
        ),
        (
            "mishikallm_turned_away_total",
            "Requests that reached no model's route: no key, no such path, another method",
        ),
        ("mishikallm_prompt_tokens_total", "Tokens of prompts"),
        ("mishikallm_completion_tokens_total", "Tokens of answers"),
        ("mishikallm_retries_total", "Tries after the first one"),
        (
            "mishikallm_fallbacks_total",
            "How often another model was asked instead",
        ),
    ] {
        describe_counter!(name, text);
    }
    for (name, text) in [
        (
            "mishikallm_request_duration_seconds",
            "From a request's header to its end",
        ),
        (
            "mishikallm_upstream_duration_seconds",
            "How long the server was waited for",
        ),
        (
            "mishikallm_overhead_seconds",
            "What the proxy itself took of a request; of a stream, before its first chunk",
        ),
        (
            "mishikallm_time_to_first_token_seconds",
            "From a request's header to the first chunk of its answer",
        ),
        (
            "mishikallm_time_per_output_token_seconds",
            "Of streams, after the first chunk",
        ),
    ] {
        describe_histogram!(name, Unit::Seconds, text);
    }
    for (name, text) in [
        ("mishikallm_in_flight", "Requests to models under way"),
        (
            "mishikallm_deployment_in_flight",
            "Of a deployment: requests under way",
        ),
        (
            "mishikallm_deployment_cooling_down",
            "Of a deployment: 1 while it rests after failures",
        ),
        (
            "mishikallm_deployment_cooldowns",
            "Of a deployment: how often it was left to rest since the configuration was read",
        ),
        (
            "mishikallm_start_time_seconds",
            "When the proxy started, since 1970",
        ),
        ("mishikallm_build_info", "The proxy's version"),
    ] {
        describe_gauge!(name, text);
    }
}

/// Puts away what was measured, which would take ever more room where nobody asks for it.
pub fn upkeep() {
    if let Some(exporter) = EXPORTER.get() {
        exporter.handle.run_upkeep();
    }
}

/// All of it, as text.
pub fn text(fleet: &Fleet) -> String {
    let Some(exporter) = EXPORTER.get() else {
        return String::new();
    };
    gauge!("mishikallm_start_time_seconds").set(exporter.since);
    gauge!("mishikallm_build_info", "version" => mishikallm::VERSION).set(1.0);
    gauge!("mishikallm_in_flight").set(IN_FLIGHT.load(Ordering::Relaxed) as f64);
    let standings = fleet.standings(Instant::now());
    for (deployment, standing) in fleet.deployments().iter().zip(standings) {
        let labels = [
            ("model", deployment.model_name.clone()),
            ("deployment", deployment.id.clone()),
        ];
        let rests = f64::from(u8::from(standing.rests_for.is_some()));
        gauge!("mishikallm_deployment_in_flight", &labels).set(f64::from(standing.in_flight));
        gauge!("mishikallm_deployment_cooling_down", &labels).set(rests);
        gauge!("mishikallm_deployment_cooldowns", &labels).set(standing.cooldowns as f64);
    }
    exporter.handle.run_upkeep();
    exporter.handle.render()
}

/// A request to a model begins.
pub(super) fn began() {
    IN_FLIGHT.fetch_add(1, Ordering::Relaxed);
}

/// A request that reached no model's route.
pub fn turned_away(status: u16) {
    counter!("mishikallm_turned_away_total", "status" => status.to_string()).increment(1);
}

/// What one kind of request is counted by, found once by each thread.
struct Meters {
    requests: Counter,
    errors: Option<Counter>,
    retries: Counter,
    fallbacks: Counter,
    prompt_tokens: Counter,
    completion_tokens: Counter,
    duration: Histogram,
    upstream: Histogram,
    overhead: Histogram,
    first_token: Histogram,
    per_token: Histogram,
}

thread_local! {
    /// By operation, model, deployment, status and kind of error; and the room in which such a key is written.
    static METERS: RefCell<(String, HashMap<String, Meters>)> = RefCell::default();
}

/// A request to a model is over.
pub(super) fn finished(record: &Record) {
    IN_FLIGHT.fetch_sub(1, Ordering::Relaxed);
    if EXPORTER.get().is_none() {
        return;
    }
    // A thread that ends counts no more.
    let _ = METERS.try_with(|meters| {
        let (key, meters) = &mut *meters.borrow_mut();
        let (status, kind) = match record.outcome {
            Outcome::HungUp => (HUNG_UP, ""),
            Outcome::Answered => (200, ""),
            Outcome::Failed(kind, status) => (status, kind),
        };
        key.clear();
        let (operation, model) = (record.operation.name(), record.model());
        let _ = write!(
            key,
            "{operation}\n{model}\n{}\n{status}\n{kind}",
            record.deployment
        );
        if !meters.contains_key(key) {
            meters.insert(key.clone(), Meters::new(record, status, kind));
        }
        if let Some(meters) = meters.get(key) {
            meters.count(record);
        }
    });
}

impl Meters {
    fn new(record: &Record, status: u16, kind: &str) -> Meters {
        let labels = [
            ("operation", record.operation.name().to_owned()),
            ("model", record.model().to_owned()),
            ("deployment", record.deployment.clone()),
        ];
        let with = |name: &'static str, value: String| {
            let mut labels = labels.to_vec();
            labels.push((name, value));
            labels
        };
        Meters {
            requests: counter!(
                "mishikallm_requests_total",
                &with("status", status.to_string())
            ),
            errors: (!kind.is_empty())
                .then(|| counter!("mishikallm_errors_total", &with("kind", kind.to_owned()))),
            retries: counter!("mishikallm_retries_total", &labels),
            fallbacks: counter!("mishikallm_fallbacks_total", &labels),
            prompt_tokens: counter!("mishikallm_prompt_tokens_total", &labels),
            completion_tokens: counter!("mishikallm_completion_tokens_total", &labels),
            duration: histogram!("mishikallm_request_duration_seconds", &labels),
            upstream: histogram!("mishikallm_upstream_duration_seconds", &labels),
            overhead: histogram!("mishikallm_overhead_seconds", &labels),
            first_token: histogram!("mishikallm_time_to_first_token_seconds", &labels),
            per_token: histogram!("mishikallm_time_per_output_token_seconds", &labels),
        }
    }

    fn count(&self, record: &Record) {
        self.requests.increment(1);
        if let Some(errors) = &self.errors {
            errors.increment(1);
        }
        self.retries.increment(record.retries.into());
        self.fallbacks.increment(record.fallbacks.into());
        self.duration.record(record.took());
        if !record.deployment.is_empty() {
            self.upstream.record(record.upstream);
        }
        if let Some(overhead) = record.overhead() {
            self.overhead.record(overhead);
        }
        if let Some(usage) = &record.usage {
            self.prompt_tokens.increment(usage.prompt_tokens);
            let written = usage.completion_tokens.unwrap_or(0);
            self.completion_tokens.increment(written);
        }
        if let Some(first) = record.first_chunk {
            let waited = first.saturating_duration_since(record.began);
            self.first_token.record(waited);
        }
        if let Some(seconds) = record.each_token() {
            self.per_token.record(seconds);
        }
    }
}

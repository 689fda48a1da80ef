//! What requests came to, for Prometheus: <https://prometheus.io/docs/instrumenting/exposition_formats/>, text format 0.0.4.
//!
//! Labels have only names of the configuration, so that no caller can make new ones. `model` is what was asked for, as its entry of the
//! model list, with its `*`, and `unknown` where no entry covers it; it stays so when another model helps out. `deployment` is who was
//! asked last, of whatever model, and empty where nobody was. The families `mishikallm_deployment_…` are about deployments themselves: each
//! try counts for the one that was asked, and their `model` is its own entry. Counters outlive a reload.

mod meters;

use super::Record;
use crate::gate::Keyring;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use mishikallm::config::Deployment;
use mishikallm::plan::fleet::{Fleet, Tally};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What was measured is put into its buckets so often.
pub const UPKEEP: Duration = Duration::from_secs(5);

/// Gauges of deployments are set whenever somebody reads them. One that was not set for so long is of a deployment that the configuration
/// has no more.
const FORGET_AFTER: Duration = Duration::from_secs(10);

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

/// What deployments have come to since the proxy started, by entry and id; also of those that the configuration has no more.
static TALLIES: Mutex<BTreeMap<(String, String), Arc<Tally>>> = Mutex::new(BTreeMap::new());

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
            "Requests that failed, by OpenAI's type of error, or timeout_error",
        ),
        (
            "mishikallm_turned_away_total",
            "Requests that reached no route, by HTTP status: no key, no such path, another method",
        ),
        ("mishikallm_prompt_tokens_total", "Tokens of prompts"),
        ("mishikallm_completion_tokens_total", "Tokens of answers"),
        (
            "mishikallm_spend_nanodollars_total",
            "What requests cost, in billionths of a dollar, of those that are charged to a key, or to the master key where keys are kept",
        ),
        ("mishikallm_retries_total", "Tries after the first one"),
        (
            "mishikallm_fallbacks_total",
            "How often another model was asked instead of this one",
        ),
        (
            "mishikallm_deployment_requests_total",
            "Of a deployment: requests that were sent to it, each try of a call",
        ),
        (
            "mishikallm_deployment_failures_total",
            "Of a deployment: tries that failed by its fault",
        ),
        (
            "mishikallm_deployment_cooldowns_total",
            "Of a deployment: how often it was left to rest after failures",
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
            "Of a deployment: requests under way that began since the configuration was read",
        ),
        (
            "mishikallm_deployment_cooling_down",
            "Of a deployment: 1 while it rests after failures, else 0",
        ),
        (
            "mishikallm_start_time_seconds",
            "When the proxy started, since 1970",
        ),
        ("mishikallm_build_info", "The proxy's version"),
        (
            "mishikallm_keys_database_up",
            "1 while the database of keys is there, else 0; nothing where there is none",
        ),
        (
            "mishikallm_redis_up",
            "1 while Redis is there, so that requests and tokens count for all replicas together, else 0; nothing where none is named",
        ),
        (
            "mishikallm_spend_rows_lost",
            "Requests whose spend is in no database: neither could a file be written",
        ),
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
pub fn text(fleet: &Fleet, keyring: &Keyring) -> String {
    let Some(exporter) = EXPORTER.get() else {
        return String::new();
    };
    gauge!("mishikallm_start_time_seconds").set(exporter.since);
    gauge!("mishikallm_build_info", "version" => mishikallm::VERSION).set(1.0);
    gauge!("mishikallm_in_flight").set(IN_FLIGHT.load(Ordering::Relaxed) as f64);
    if let Some(open) = keyring.get() {
        let is_up = f64::from(u8::from(open.store.is_up()));
        gauge!("mishikallm_keys_database_up").set(is_up);
        if let Some(redis) = open.redis() {
            let is_up = f64::from(u8::from(redis.is_up()));
            gauge!("mishikallm_redis_up").set(is_up);
        }
        gauge!("mishikallm_spend_rows_lost").set(open.journal.lost() as f64);
    }
    let standings = fleet.standings(Instant::now());
    for (deployment, standing) in fleet.deployments().iter().zip(standings) {
        let labels = [
            ("model", deployment.model_name.clone()),
            ("deployment", deployment.id.clone()),
        ];
        let rests = f64::from(u8::from(standing.rests_for.is_some()));
        gauge!("mishikallm_deployment_in_flight", &labels).set(f64::from(standing.in_flight));
        gauge!("mishikallm_deployment_cooling_down", &labels).set(rests);
    }
    for ((model, id), tally) in tallies().iter() {
        let labels = [("model", model.clone()), ("deployment", id.clone())];
        for (name, count) in [
            ("mishikallm_deployment_requests_total", tally.requests()),
            ("mishikallm_deployment_failures_total", tally.failures()),
            ("mishikallm_deployment_cooldowns_total", tally.cooldowns()),
        ] {
            counter!(name, &labels).absolute(count);
        }
    }
    exporter.handle.run_upkeep();
    exporter.handle.render()
}

/// What a deployment is counted by, whichever configuration names it.
pub fn tally(deployment: &Deployment) -> Arc<Tally> {
    let key = (deployment.model_name.clone(), deployment.id.clone());
    tallies().entry(key).or_default().clone()
}

fn tallies() -> MutexGuard<'static, BTreeMap<(String, String), Arc<Tally>>> {
    TALLIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request to a model begins.
pub(super) fn began() {
    IN_FLIGHT.fetch_add(1, Ordering::Relaxed);
}

/// A request that reached no model's route.
pub fn turned_away(status: u16) {
    counter!("mishikallm_turned_away_total", "status" => status.to_string()).increment(1);
}

/// A request to a model is over.
pub(super) fn finished(record: &Record) {
    IN_FLIGHT.fetch_sub(1, Ordering::Relaxed);
    if EXPORTER.get().is_some() {
        meters::count(record);
    }
}

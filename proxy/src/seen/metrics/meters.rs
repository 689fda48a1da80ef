//! What the requests of one kind are counted by. Handles are found once by each thread, and a series begins with the first thing that it is
//! about: a model that is never asked for a stream has no time to its first token.

use super::super::Record;
use foldhash::fast::RandomState;
use metrics::{Counter, Histogram, counter, histogram};
use std::cell::RefCell;
use std::collections::HashMap;

/// What one kind of request is counted by.
pub(super) struct Meters {
    labels: [(&'static str, String); 3],
    requests: Counter,
    errors: Option<Counter>,
    /// Both from nothing on, so that the first one is seen as a growth; `None`: nobody was asked.
    again: Option<(Counter, Counter)>,
    duration: Histogram,
    prompt_tokens: Option<Counter>,
    completion_tokens: Option<Counter>,
    spend: Option<Counter>,
    upstream: Option<Histogram>,
    overhead: Option<Histogram>,
    first_token: Option<Histogram>,
    per_token: Option<Histogram>,
}

thread_local! {
    /// By operation, model, deployment, status and kind of error; and the room in which such a key is written.
    static METERS: RefCell<(String, HashMap<String, Meters, RandomState>)> = RefCell::default();
}

/// A request is over.
pub(super) fn count(record: &Record) {
    // A thread that ends counts no more.
    let _ = METERS.try_with(|meters| {
        let (key, meters) = &mut *meters.borrow_mut();
        let (operation, model) = (record.operation.name(), record.model());
        let (status, kind) = (record.outcome.status(), record.outcome.kind());
        let deployment = &record.deployment;
        key.clear();
        // Without `write!`, which for each request would take more than all the rest.
        for part in [operation, model, deployment, &status.to_string(), kind] {
            key.push_str(part);
            key.push('\n');
        }
        match meters.get_mut(key) {
            Some(meters) => meters.count(record),
            None => {
                let mut new = Meters::new(record);
                new.count(record);
                meters.insert(key.clone(), new);
            }
        }
    });
}

impl Meters {
    fn new(record: &Record) -> Meters {
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
        let (status, kind) = (record.outcome.status(), record.outcome.kind());
        Meters {
            requests: counter!(
                "mishikallm_requests_total",
                &with("status", status.to_string())
            ),
            errors: (!kind.is_empty())
                .then(|| counter!("mishikallm_errors_total", &with("kind", kind.to_owned()))),
            again: (!record.deployment.is_empty()).then(|| {
                let retries = counter!("mishikallm_retries_total", &labels);
                (retries, counter!("mishikallm_fallbacks_total", &labels))
            }),
            duration: histogram!("mishikallm_request_duration_seconds", &labels),
            prompt_tokens: None,
            completion_tokens: None,
            spend: None,
            upstream: None,
            overhead: None,
            first_token: None,
            per_token: None,
            labels,
        }
    }

    fn count(&mut self, record: &Record) {
        let labels = &self.labels;
        let add = |to: &mut Option<Counter>, name: &'static str, tokens: u64| {
            if tokens > 0 {
                to.get_or_insert_with(|| counter!(name, labels))
                    .increment(tokens);
            }
        };
        let note = |to: &mut Option<Histogram>, name: &'static str, seconds: Option<f64>| {
            if let Some(seconds) = seconds {
                to.get_or_insert_with(|| histogram!(name, labels))
                    .record(seconds);
            }
        };
        self.requests.increment(1);
        if let Some(errors) = &self.errors {
            errors.increment(1);
        }
        if let Some((retries, fallbacks)) = &self.again {
            retries.increment(record.retries.into());
            fallbacks.increment(record.fallbacks.into());
        }
        self.duration.record(record.took());
        let usage = record.usage.as_ref();
        add(
            &mut self.prompt_tokens,
            "mishikallm_prompt_tokens_total",
            usage.map_or(0, |usage| usage.prompt_tokens),
        );
        add(
            &mut self.completion_tokens,
            "mishikallm_completion_tokens_total",
            usage.and_then(|usage| usage.completion_tokens).unwrap_or(0),
        );
        add(
            &mut self.spend,
            "mishikallm_spend_nanodollars_total",
            // What is less adds up in the database, not here.
            (record.cost.0.max(0) as u64 + 500) / 1_000,
        );
        let was_asked = !record.deployment.is_empty();
        note(
            &mut self.upstream,
            "mishikallm_upstream_duration_seconds",
            was_asked.then_some(record.upstream.as_secs_f64()),
        );
        note(
            &mut self.overhead,
            "mishikallm_overhead_seconds",
            record.overhead().map(|overhead| overhead.as_secs_f64()),
        );
        note(
            &mut self.first_token,
            "mishikallm_time_to_first_token_seconds",
            record
                .first_chunk
                .map(|first| first.saturating_duration_since(record.began).as_secs_f64()),
        );
        note(
            &mut self.per_token,
            "mishikallm_time_per_output_token_seconds",
            record.each_token(),
        );
    }
}

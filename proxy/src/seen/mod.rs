//! What is seen of requests: the log, and numbers for Prometheus.

mod audit;
pub mod exchange;
mod log;
mod mask;
pub mod metrics;
mod record;
mod visit;

pub use audit::{Deed, audit};
pub use log::{Log, start, tells_exchanges};
pub use record::{Outcome, Record};
pub use visit::{Visit, path};

/// A request is over. Called once for each, also when its client hung up.
pub fn finished(record: &Record) {
    metrics::finished(record);
    if log::tells_requests() {
        log::request(record);
    }
}

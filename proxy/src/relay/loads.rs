//! Asking servers for their loads, where the strategy wants to know. All knowledge is the fleet's.

use super::flight::{Flight, Order, Terms};
use super::run::Run;
use crate::app::Worker;
use mishikallm::plan::fleet::LoadQuestion;
use mishikallm::{Error, limits};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;
use tokio::time::timeout;

/// Asks what is due beside a call, which does not wait for it. What comes back is for the calls after it, so that the questions
/// outlive it.
pub fn ask(worker: &Arc<Worker>, run: &Run) {
    while let Some(question) = run.ask_load(Instant::now()) {
        tokio::spawn(answer(worker.clone(), question));
    }
}

async fn answer(worker: Arc<Worker>, question: LoadQuestion) {
    let Some(order) = question.request().cloned().map(Order::from) else {
        return;
    };
    let headers = question.headers();
    let terms = Terms {
        headers: &headers,
        connect: limits::LOAD_TIMEOUT,
        now: Instant::now(),
    };
    let mut flight = Flight::default();
    let most = limits::LOOKUP_BYTES;
    let replied = poll_fn(|cx| flight.poll_whole(cx, &worker.wire, &order, terms, most));
    let replied = match timeout(limits::LOAD_TIMEOUT, replied).await {
        Ok(replied) => replied,
        Err(_) => Err(Error::deadline("no answer in time")),
    };
    question.answered(replied, Instant::now());
}

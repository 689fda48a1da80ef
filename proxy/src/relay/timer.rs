//! The one timer of a call.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep_until};

/// Set to when the first of a call's limits ends. A limit that moves on, as a server's silence does with each byte, does not set
/// it anew: when it rings, it is looked at the limit again.
#[derive(Debug, Default)]
pub struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Ready when that time has come.
    pub fn poll(&mut self, cx: &mut Context<'_>, until: std::time::Instant) -> Poll<()> {
        let until = Instant::from_std(until);
        // A task that has had its share of work rings no timer. One whose server never pauses uses up its share each time.
        if !has_budget_remaining() && Instant::now() >= until {
            return Poll::Ready(());
        }
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if until < sleep.deadline() || sleep.is_elapsed() {
            sleep.as_mut().reset(until);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(until);
        }
        Poll::Pending
    }
}

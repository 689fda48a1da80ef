//! Several futures at once, in one.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// What they come to, in their order. Nothing is spawned: dropping this drops them.
pub async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    enum Slot<F: Future> {
        Runs(Pin<Box<F>>),
        Done(F::Output),
    }
    let runs = |future| Slot::Runs(Box::pin(future));
    let mut slots: Vec<Slot<F>> = futures.into_iter().map(runs).collect();
    poll_fn(|cx| {
        let mut all_done = true;
        for slot in &mut slots {
            if let Slot::Runs(future) = slot {
                match future.as_mut().poll(cx) {
                    Poll::Ready(output) => *slot = Slot::Done(output),
                    Poll::Pending => all_done = false,
                }
            }
        }
        match all_done {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    let done = slots.into_iter().filter_map(|slot| match slot {
        Slot::Done(output) => Some(output),
        Slot::Runs(_) => None,
    });
    done.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_go_on_together_and_keep_their_order() {
        let (first, second) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
        // Each waits for the other: one after the other they would never end.
        let each = [(1, &first, &second), (2, &second, &first)];
        let each = each.map(|(number, own, other)| async move {
            own.notify_one();
            other.notified().await;
            number
        });
        assert_eq!(all(each).await, [1, 2]);
        assert!(all(Vec::<std::future::Ready<()>>::new()).await.is_empty());
    }
}

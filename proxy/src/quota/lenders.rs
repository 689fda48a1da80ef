//! Who lends this replica what: the database money, and Redis the rest where there is one.

use super::bank::{Bank, Deal, Epochs, Said, to_all};
use super::counter::{Counter, counts};
use super::desk::Desk;
use crate::keys::Time;
use futures_util::future::join;
use std::sync::Arc;

/// All of them.
#[derive(Clone, Debug)]
pub struct Lenders {
    /// The database.
    pub desk: Desk,
    /// Redis. `None`: the database lends all.
    pub counter: Option<Counter>,
}

impl Lenders {
    /// It is alive. Whatever fails is tried again; who is away says so itself.
    pub(super) async fn beat(&self) {
        let counter = async {
            if let Some(counter) = &self.counter {
                let _ = counter.beat().await;
            }
        };
        // At once: one that is away does not make the other one wait until it believes that this replica is dead.
        let _ = join(counter, self.desk.beat()).await;
    }

    /// Gives back all that this replica holds.
    pub(super) async fn leave(&self) {
        if let Some(counter) = &self.counter {
            let _ = counter.leave().await;
        }
        let _ = self.desk.leave().await;
    }
}

impl Bank for Lenders {
    fn deal(&self, deals: Arc<[Deal]>) -> impl Future<Output = Said> + Send + 'static {
        let lenders = self.clone();
        async move {
            let Some(counter) = &lenders.counter else {
                return lenders.desk.deal(deals).await;
            };
            let is_counted = |deal: &&Deal| counts(deal.kind);
            let (counted, money): (Vec<&Deal>, Vec<&Deal>) = deals.iter().partition(is_counted);
            let of = |deals: Vec<&Deal>| deals.into_iter().cloned().collect::<Arc<[Deal]>>();
            let (counted, money) = (of(counted), of(money));
            let of_counter = async {
                match counted.is_empty() {
                    true => Said::new(),
                    false => to_all(&counted, counter.lend(&counted).await),
                }
            };
            let of_desk = async {
                match money.is_empty() {
                    true => Said::new(),
                    false => lenders.desk.deal(money).await,
                }
            };
            let (of_counter, of_desk) = join(of_counter, of_desk).await;
            let (mut of_counter, mut of_desk) = (of_counter.into_iter(), of_desk.into_iter());
            let said = deals.iter().filter_map(|deal| match counts(deal.kind) {
                true => of_counter.next(),
                false => of_desk.next(),
            });
            said.collect()
        }
    }

    fn now(&self) -> Time {
        self.desk.now()
    }

    fn epochs(&self) -> Epochs {
        let of_desk = self.desk.epochs();
        match &self.counter {
            Some(counter) => Epochs {
                permits: counter.epoch(),
                ..of_desk
            },
            None => of_desk,
        }
    }
}

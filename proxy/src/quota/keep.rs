//! What is done for limits in the background, as long as the proxy runs.

use super::accounts::Accounts;
use super::bank::Bank;
use super::desk::Desk;
use super::lenders::Lenders;
use super::watch::Watch;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};
use tracing::info;

/// Permits that nobody wants are given back so soon.
const TICK: Duration = Duration::from_millis(50);

/// What else lies idle so long is given back, in ticks.
const IDLE: u32 = 20;

/// A sign of life, in ticks.
const BEAT: u32 = 100;

/// The others are looked at, in ticks.
const LOOK: u32 = 200;

/// Gives back what lies idle, tells the others that this replica is alive, and gives back what dead ones hold, until `stop`. Then it gives
/// back all: by then nothing is under way any more, and the journal is in the database.
pub async fn keep(lenders: Lenders, accounts: &Accounts, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    let mut watch = Watch::default();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0_u32;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = &mut stop => break,
        }
        accounts.give_back(&lenders, count % IDLE == 0).await;
        // Whatever fails is tried again with the next tick of its kind; the store says that the database is away, and so does Redis.
        if count % BEAT == 0 {
            lenders.beat().await;
        }
        if count % LOOK == 0 {
            look(&lenders.desk, &mut watch).await;
        }
        count = count.wrapping_add(1);
    }
    lenders.leave().await;
}

async fn look(desk: &Desk, watch: &mut Watch) {
    let Ok(there) = desk.replicas().await else {
        return;
    };
    for dead in watch.dead(&there, desk.now(), Instant::now()) {
        if desk.sweep(&dead).await.is_ok() {
            info!("a replica is gone: what it held of limits is given back");
        }
    }
}

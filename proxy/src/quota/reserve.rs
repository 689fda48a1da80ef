//! A request and its limits: reserved before, settled after. The edge around the ledgers, with the waiting.

use super::account::{Account, Turn};
use super::bank::{Bank, Deal, dealt};
use super::ledger::{Part, Standing, Verdict};
use super::{Need, Refusal, Spent};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A request is of a key, of its team or its user; one more for whoever needs it.
const MOST: usize = 3;

/// So often somebody who waits asks whether other replicas gave something back.
const POLL: Duration = Duration::from_millis(200);

/// After so many deals nobody passes by any more.
const DEALS: u32 = 3;

/// What a request has of its accounts. Dropped without being settled it gives everything back, but for the request itself.
#[derive(Debug, Default)]
pub struct Reservation {
    shares: [Option<(Arc<Account>, Part)>; MOST],
    standing: Standing,
    is_granted: bool,
}

/// Reserves in all accounts what a request may come to, or in none.
///
/// Where money is only reserved, by requests that are under way here or elsewhere, it waits for them up to `patience`, in the order of
/// coming. Accounts are given in the same order by everybody (key, then team or user), so that nobody waits for another in a circle.
///
/// # Panics
///
/// More accounts than three.
pub async fn reserve<B: Bank>(
    bank: &B,
    accounts: &[Arc<Account>],
    need: Need,
    patience: Duration,
) -> Result<Reservation, Refusal> {
    assert!(
        accounts.len() <= MOST,
        "a request has {MOST} accounts at most"
    );
    let mut got = Reservation::default();
    for (share, account) in got.shares.iter_mut().zip(accounts) {
        if account.is_unlimited() {
            continue;
        }
        let now = bank.now();
        let (part, standing) = match account.at_once(&need, now) {
            Some(Ok(granted)) => granted,
            Some(Err(kind)) => return Err(account.refusal(kind, &need, now)),
            // Apart: it is rare, and has much to remember.
            None => {
                let until = Instant::now() + patience;
                Box::pin(in_turn(bank, account, &need, until)).await?
            }
        };
        got.standing = got.standing.and(standing);
        *share = Some((account.clone(), part));
    }
    got.is_granted = true;
    Ok(got)
}

async fn in_turn<B: Bank>(
    bank: &B,
    account: &Arc<Account>,
    need: &Need,
    until: Instant,
) -> Result<(Part, Standing), Refusal> {
    let Ok(mut turn) = timeout_at(until, account.turn()).await else {
        return Err(account.too_late(need, bank.now()));
    };
    let mut first = None;
    let mut deals = 0;
    loop {
        let now = bank.now();
        let (verdict, standing) = account.decide(need, first.is_some(), now);
        match verdict {
            Verdict::Granted(part) => return Ok((part, standing)),
            Verdict::Refused(kind) => return Err(account.refusal(kind, need, now)),
            Verdict::Deal(asked) => {
                deals += 1;
                if deals > DEALS && first.is_none() {
                    first = Some(First::new(account));
                }
                turn = deal(bank, account, asked, turn).await;
            }
            // It is looked at once more, for what came back before this was to be told.
            Verdict::Wait if first.is_none() => first = Some(First::new(account)),
            Verdict::Wait => {
                let next = until.min(Instant::now() + POLL);
                if timeout_at(next, account.changed.notified()).await.is_ok() {
                    continue;
                }
                if Instant::now() >= until {
                    return Err(account.too_late(need, bank.now()));
                }
                account.forget();
            }
        }
    }
}

/// Makes deals, to their end, also when nobody waits for it any more: what is lent is somebody's.
async fn deal<B: Bank>(bank: &B, account: &Arc<Account>, deals: Vec<Deal>, turn: Turn) -> Turn {
    let (bank, mine) = (bank.clone(), account.clone());
    let done = tokio::spawn(async move {
        let deals: Arc<[Deal]> = deals.into();
        let (said, epochs) = dealt(&bank, deals.clone()).await;
        mine.heard(&deals, &said, epochs, bank.now());
        turn
    });
    match done.await {
        Ok(turn) => turn,
        // The runtime ends, or it broke: the turn is free again.
        Err(_) => account.turn().await,
    }
}

/// Somebody who waits, and whom nobody passes by.
struct First<'a>(&'a Account);

impl<'a> First<'a> {
    fn new(account: &'a Account) -> First<'a> {
        account.tighten(true);
        First(account)
    }
}

impl Drop for First<'_> {
    fn drop(&mut self) {
        self.0.tighten(false);
    }
}

impl Reservation {
    /// The request is over, and came to so much.
    pub fn settle(mut self, spent: Spent) {
        for (account, part) in self.shares.iter_mut().filter_map(Option::take) {
            account.settle(&part, &spent);
        }
    }

    /// What headers tell.
    pub fn standing(&self) -> Standing {
        self.standing
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for (account, part) in self.shares.iter_mut().filter_map(Option::take) {
            account.cancel(&part, self.is_granted);
        }
    }
}

//! All accounts of this replica: one for each scope, so that there is one who knows what is held.

use super::account::{Account, Turn};
use super::bank::{Bank, Deal, Trouble};
use crate::keys::{Limits, Money, Scope, Time};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Given back in one transaction.
const BATCH: usize = 64;

/// An account that is nobody's is forgotten after so many looks, once a second, whatever the journal did not tell it.
pub(super) const LOOKS: u32 = 3_600;

/// See [`Accounts::of`].
#[derive(Debug, Default)]
pub struct Accounts {
    all: Mutex<HashMap<Scope, Arc<Account>>>,
    /// See [`Bank::epoch`], when it was last looked at.
    epoch: AtomicU64,
}

struct Idle {
    account: Arc<Account>,
    deals: Vec<Deal>,
    /// Nobody borrows meanwhile.
    _turn: Turn,
}

impl Accounts {
    /// The account of a record, with the limits that it has now; `since`: the record's `created_at`.
    pub fn of(&self, scope: &Scope, limits: &Limits, since: Time) -> Arc<Account> {
        let mut all = self.lock();
        match all.get(scope) {
            Some(account) => {
                account.set_limits(limits, since);
                account.clone()
            }
            None => {
                let account = Arc::new(Account::new(scope.clone(), limits, since));
                all.insert(scope.clone(), account.clone());
                account
            }
        }
    }

    /// The journal brought so much of what was settled here into the database: after the commit, and of this process's own file alone.
    pub fn applied(&self, scope: &Scope, cost: Money) {
        let account = self.lock().get(scope).cloned();
        if let Some(account) = account {
            account.applied(cost);
        }
    }

    /// Gives back what lies idle: permits that nobody wanted since the last time, and with `is_all`, once a second, the rest.
    pub async fn give_back<B: Bank>(&self, bank: &B, is_all: bool) {
        // Where what is held is void all are to know it.
        let is_void = self.epoch.swap(bank.epoch(), Ordering::AcqRel) != bank.epoch();
        let all = self.all(bank.now(), is_all, is_all || is_void);
        let mut all = all.into_iter().peekable();
        while all.peek().is_some() {
            // Turns are taken for one batch after the other, so that nobody waits long.
            let mut batch: Vec<Idle> = Vec::new();
            while let Some(account) = all.next_if(|_| batch.len() < BATCH) {
                account.void(bank.epoch());
                if let Some((deals, turn)) = account.idle(is_all, bank.now()) {
                    batch.push(Idle {
                        account,
                        deals,
                        _turn: turn,
                    });
                }
            }
            if !batch.is_empty() {
                deal(bank, batch).await;
            }
        }
    }

    /// All, or only those with permits; with `forgets` without those that nobody needs.
    fn all(&self, now: Time, forgets: bool, is_all: bool) -> Vec<Arc<Account>> {
        let mut all = self.lock();
        if forgets {
            all.retain(|_, account| Arc::strong_count(account) > 1 || !account.is_forgettable(now));
        }
        let wanted = all
            .values()
            .filter(|account| is_all || account.has_permits());
        wanted.cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Scope, Arc<Account>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn deal<B: Bank>(bank: &B, mut batch: Vec<Idle>) {
    batch.sort_by_cached_key(|idle| idle.account.scope().to_string());
    let deals: Arc<[Deal]> = batch.iter().flat_map(|idle| idle.deals.clone()).collect();
    let epoch = bank.epoch();
    let said = bank.deal(deals).await;
    let is_void = bank.epoch() != epoch;
    let mut said = if is_void { Err(Trouble::Void) } else { said };
    for idle in batch {
        let of_it = match &mut said {
            Ok(answers) => Ok(answers.drain(..idle.deals.len()).collect()),
            Err(trouble) => Err(*trouble),
        };
        idle.account
            .heard(&idle.deals, &of_it, bank.epoch(), bank.now());
    }
}

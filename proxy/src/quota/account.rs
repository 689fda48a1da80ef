//! The limits of one key, team or user in this replica, for all its threads.

use super::bank::{Answer, Deal, Trouble};
use super::ledger::{Ledger, Part, Standing, Verdict};
use super::{Kind, Need, Refusal, Spent};
use crate::keys::{Limits, Money, Scope, Time};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as Queue, Notify, OwnedMutexGuard};

/// Whoever has it borrows, or waits for others.
pub(super) type Turn = OwnedMutexGuard<()>;

/// Where nobody knows when it is worth trying again.
const SOME_TIME: Duration = Duration::from_secs(1);

/// There is one for each scope: see [`super::Accounts::of`]. Its limits can change; what is held and reserved stays.
pub struct Account {
    scope: Scope,
    inner: Mutex<Inner>,
    /// It has no limit, and is not looked into.
    is_unlimited: AtomicBool,
    /// It has permits, which are looked after more often than the rest.
    has_permits: AtomicBool,
    /// Somebody waits for money, and was here first: nobody passes by.
    is_tight: AtomicBool,
    /// The rest wait for the turn in the order they came.
    turn: Arc<Queue<()>>,
    /// Something came back that whoever has the turn may wait for.
    pub(super) changed: Notify,
}

struct Inner {
    ledger: Ledger,
    /// See [`super::Bank::epoch`].
    epoch: u64,
    /// Looks since anything was done with it.
    looks: u32,
}

impl Account {
    /// Of a scope with these limits; `since`: its record's `created_at`, when the first period of its budget began.
    pub fn new(scope: Scope, limits: &Limits, since: Time) -> Account {
        let ledger = Ledger::new(scope.to_string().into(), limits, since);
        Account {
            scope,
            is_unlimited: AtomicBool::new(ledger.is_unlimited()),
            has_permits: AtomicBool::new(ledger.has_permits()),
            inner: Mutex::new(Inner {
                ledger,
                epoch: 0,
                looks: 0,
            }),
            is_tight: AtomicBool::new(false),
            turn: Arc::new(Queue::new(())),
            changed: Notify::new(),
        }
    }

    /// Whose.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Its record was changed.
    pub fn set_limits(&self, limits: &Limits, since: Time) {
        let mut inner = self.lock();
        inner.ledger.set(limits, since);
        let is_unlimited = inner.ledger.is_unlimited();
        self.is_unlimited.store(is_unlimited, Ordering::Relaxed);
        let has_permits = inner.ledger.has_permits();
        self.has_permits.store(has_permits, Ordering::Relaxed);
        drop(inner);
        self.wake();
    }

    /// It has no limit, and is not looked into.
    pub fn is_unlimited(&self) -> bool {
        self.is_unlimited.load(Ordering::Relaxed)
    }

    /// Requests at once are limited.
    pub(super) fn has_permits(&self) -> bool {
        self.has_permits.load(Ordering::Relaxed)
    }

    /// The way of nearly all requests: what is here is enough, or it is known that there is no more. `None`: it takes the turn to know.
    pub(super) fn at_once(&self, need: &Need, now: Time) -> Option<Result<(Part, Standing), Kind>> {
        let may_pass = !self.is_tight.load(Ordering::Acquire);
        let mut inner = self.lock();
        inner.looks = 0;
        let granted = inner.ledger.reserve_here(need, may_pass, now)?;
        Some(granted.map(|part| (part, inner.ledger.standing(now))))
    }

    /// For whoever has the turn.
    pub(super) fn decide(&self, need: &Need, is_patient: bool, now: Time) -> (Verdict, Standing) {
        let mut inner = self.lock();
        inner.looks = 0;
        let verdict = inner.ledger.reserve(need, is_patient, now);
        (verdict, inner.ledger.standing(now))
    }

    /// What came of deals.
    pub(super) fn heard(
        &self,
        deals: &[Deal],
        said: &Result<Vec<Answer>, Trouble>,
        epoch: u64,
        now: Time,
    ) {
        let mut inner = self.lock();
        match said {
            Err(Trouble::Void) => {
                // What was sent off is settled with nothing, and then all of it is void.
                inner.epoch = epoch;
                let nothing = Answer::default();
                deals
                    .iter()
                    .for_each(|deal| inner.ledger.heard(deal, Some(&nothing), now));
                inner.ledger.void();
            }
            Err(Trouble::Away) => deals
                .iter()
                .for_each(|deal| inner.ledger.heard(deal, None, now)),
            Ok(answers) => {
                let said = deals.iter().zip(answers);
                said.for_each(|(deal, answer)| inner.ledger.heard(deal, Some(answer), now));
            }
        }
        drop(inner);
        self.wake();
    }

    /// Why it is refused now.
    pub(super) fn refusal(&self, kind: Kind, need: &Need, now: Time) -> Refusal {
        let (limit, used, resets_at) = self.lock().ledger.of(kind);
        let retry_after = match (kind, resets_at) {
            (_, Some(at)) => Some(now.until(at)),
            (Kind::Budget, None) => None,
            _ => Some(SOME_TIME),
        };
        let need = match kind {
            Kind::Budget => need.cost.0,
            Kind::Tpm => i64::try_from(need.tokens).unwrap_or(i64::MAX),
            Kind::Rpm | Kind::Parallel => 1,
        };
        Refusal {
            scope: self.scope.clone(),
            kind,
            limit,
            used,
            need,
            resets_at,
            retry_after,
        }
    }

    /// It waited for money that others have reserved, and did not get it in time; it may come back yet.
    pub(super) fn too_late(&self, need: &Need, now: Time) -> Refusal {
        let refusal = self.refusal(Kind::Budget, need, now);
        Refusal {
            retry_after: Some(SOME_TIME),
            ..refusal
        }
    }

    pub(super) fn settle(&self, part: &Part, spent: &Spent) {
        self.lock().ledger.settle(part, spent);
        self.wake();
    }

    pub(super) fn cancel(&self, part: &Part, is_granted: bool) {
        self.lock().ledger.cancel(part, is_granted);
        self.wake();
    }

    pub(super) fn applied(&self, cost: Money) {
        self.lock().ledger.applied(cost.0);
        self.wake();
    }

    pub(super) fn forget(&self) {
        self.lock().ledger.forget();
    }

    /// What the others took back is not here any more either.
    pub(super) fn void(&self, epoch: u64) {
        let mut inner = self.lock();
        if inner.epoch != epoch {
            inner.epoch = epoch;
            inner.ledger.void();
            drop(inner);
            self.wake();
        }
    }

    /// What is to be given back, and the turn that it takes: see [`Ledger::idle`].
    pub(super) fn idle(&self, is_all: bool, now: Time) -> Option<(Vec<Deal>, Turn)> {
        let mut inner = self.lock();
        inner.looks = inner.looks.saturating_add(u32::from(is_all));
        let turn = self.turn.clone().try_lock_owned().ok()?;
        let deals = inner.ledger.idle(is_all, now);
        (!deals.is_empty()).then_some((deals, turn))
    }

    /// Nothing is lost with it. What was settled long ago and did not come into the database is not waited for.
    pub(super) fn is_forgettable(&self, now: Time) -> bool {
        let inner = self.lock();
        inner.ledger.is_empty(now) || inner.looks > super::accounts::LOOKS
    }

    /// Waits for the turn.
    pub(super) async fn turn(&self) -> Turn {
        self.turn.clone().lock_owned().await
    }

    pub(super) fn tighten(&self, is_tight: bool) {
        self.is_tight.store(is_tight, Ordering::Release);
    }

    fn wake(&self) {
        if self.is_tight.load(Ordering::Acquire) {
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Account").field(&self.scope).finish()
    }
}

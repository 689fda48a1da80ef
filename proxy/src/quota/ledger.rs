//! What this replica has of one account's limits, and whether a request fits into it. Pure: time is an argument.

use super::bank::{Answer, Deal};
use super::lease::{Fit, Lease, Wish};
use super::window::Window;
use super::{Kind, Need, Spent};
use crate::keys::{Every, Limits, Time};
use std::sync::Arc;
use std::time::Duration;

/// What a request has of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    cost: Option<i64>,
    is_permit: bool,
    /// The minute in which it counts.
    request: Option<Time>,
    /// The same, and how many.
    tokens: Option<(Time, i64)>,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has what it needs.
    Granted(Part),
    /// These deals first; then it is asked again.
    Deal(Vec<Deal>),
    /// Others have reserved money that may come back.
    Wait,
    /// It does not fit.
    Refused(Kind),
}

/// One of the limits of a minute, as headers tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In each minute.
    pub limit: u64,
    /// In this one.
    pub remaining: u64,
    /// How long this one goes on.
    pub reset: Duration,
}

/// The limits of a minute, as headers tell them: of the account that has the least left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Requests.
    pub requests: Option<Rate>,
    /// Tokens.
    pub tokens: Option<Rate>,
}

impl Standing {
    /// Of both the one with less.
    pub fn and(self, other: Standing) -> Standing {
        let least = |a: Option<Rate>, b: Option<Rate>| match (a, b) {
            (Some(a), Some(b)) => Some(if b.remaining < a.remaining { b } else { a }),
            (a, b) => a.or(b),
        };
        Standing {
            requests: least(self.requests, other.requests),
            tokens: least(self.tokens, other.tokens),
        }
    }
}

/// See [`super`].
#[derive(Clone, Debug)]
pub struct Ledger {
    scope: Arc<str>,
    budget: Lease,
    parallel: Lease,
    rpm: Window,
    tpm: Window,
    every: Option<Every>,
    since: Time,
}

fn count(limit: Option<u64>) -> Option<i64> {
    limit.map(|n| i64::try_from(n).unwrap_or(i64::MAX))
}

impl Ledger {
    /// Of a scope, as the database has it, whose budget's first period began at `since`.
    pub fn new(scope: Arc<str>, limits: &Limits, since: Time) -> Ledger {
        Ledger {
            scope,
            budget: Lease::new(Kind::Budget, limits.max_budget.map(|money| money.0)),
            parallel: Lease::new(Kind::Parallel, count(limits.max_parallel_requests)),
            rpm: Window::new(count(limits.rpm_limit)),
            tpm: Window::new(count(limits.tpm_limit)),
            every: limits.budget_duration,
            since,
        }
    }

    /// They are others now.
    pub fn set(&mut self, limits: &Limits, since: Time) {
        let cap = limits.max_budget.map(|money| money.0);
        let period = (limits.budget_duration, since);
        if (cap, period) != (self.budget.cap(), (self.every, self.since)) {
            (self.every, self.since) = period;
            self.budget.set(cap);
        }
        let cap = count(limits.max_parallel_requests);
        if cap != self.parallel.cap() {
            self.parallel.set(cap);
        }
        self.rpm.set(count(limits.rpm_limit));
        self.tpm.set(count(limits.tpm_limit));
    }

    /// No limit at all.
    pub fn is_unlimited(&self) -> bool {
        let leases = [&self.budget, &self.parallel].map(Lease::cap);
        let windows = [&self.rpm, &self.tpm].map(Window::cap);
        leases.into_iter().chain(windows).all(|cap| cap.is_none())
    }

    /// Requests at once are limited.
    pub fn has_permits(&self) -> bool {
        self.parallel.cap().is_some()
    }

    /// All kinds of it, or nothing. `is_patient`: it waits for others already.
    pub fn reserve(&mut self, need: &Need, is_patient: bool, now: Time) -> Verdict {
        let fits = self.fits(need, is_patient, now);
        if let Some(outcome) = self.outcome(fits) {
            return match outcome {
                Ok(part) => Verdict::Granted(part),
                Err(kind) => Verdict::Refused(kind),
            };
        }
        let kinds = Kind::ALL.into_iter().zip(fits);
        let wishes = kinds.filter_map(|(kind, fit)| match fit {
            Fit::Ask(wish) => Some((kind, wish)),
            _ => None,
        });
        let deals: Vec<Deal> = wishes
            .map(|(kind, wish)| self.send(kind, wish, now))
            .collect();
        match deals.is_empty() {
            true => Verdict::Wait,
            false => Verdict::Deal(deals),
        }
    }

    /// What is known without asking anybody: what it has, or the kind that it does not fit into. `may_pass`: nobody waits before it.
    pub fn reserve_here(
        &mut self,
        need: &Need,
        may_pass: bool,
        now: Time,
    ) -> Option<Result<Part, Kind>> {
        let fits = self.fits(need, false, now);
        let is_no = fits.contains(&Fit::No);
        if may_pass || is_no {
            self.outcome(fits)
        } else {
            None
        }
    }

    fn fits(&mut self, need: &Need, is_patient: bool, now: Time) -> [Fit; 4] {
        self.rpm.roll(now);
        self.tpm.roll(now);
        let tokens = i64::try_from(need.tokens).unwrap_or(i64::MAX);
        [
            self.budget.fit(need.cost.0, need.is_bound, is_patient, now),
            self.parallel.fit(1, true, false, now),
            self.rpm.fit(1, now),
            self.tpm.fit(tokens, now),
        ]
    }

    fn outcome(&mut self, fits: [Fit; 4]) -> Option<Result<Part, Kind>> {
        if let Some(at) = fits.iter().position(|fit| *fit == Fit::No) {
            return Some(Err(Kind::ALL[at]));
        }
        match fits {
            [
                Fit::Yes(cost),
                Fit::Yes(permit),
                Fit::Yes(request),
                Fit::Yes(tokens),
            ] => Some(Ok(self.grant(cost, permit, request, tokens))),
            _ => None,
        }
    }

    fn grant(
        &mut self,
        cost: Option<i64>,
        permit: Option<i64>,
        request: Option<i64>,
        tokens: Option<i64>,
    ) -> Part {
        if let Some(cost) = cost {
            self.budget.reserve(cost);
        }
        if permit.is_some() {
            self.parallel.reserve(1);
        }
        Part {
            cost,
            is_permit: permit.is_some(),
            request: request.map(|one| self.rpm.spend(one)),
            tokens: tokens.map(|n| (self.tpm.spend(n), n)),
        }
    }

    fn send(&mut self, kind: Kind, wish: Wish, now: Time) -> Deal {
        let cap = match kind {
            Kind::Budget => self.budget.cap(),
            Kind::Parallel => self.parallel.cap(),
            Kind::Rpm => self.rpm.cap(),
            Kind::Tpm => self.tpm.cap(),
        };
        let deal = Deal {
            scope: self.scope.clone(),
            kind,
            cap: cap.unwrap_or(0),
            back: wish.back,
            least: wish.least,
            most: wish.most,
            is_rest: wish.is_rest,
            from: match kind {
                Kind::Budget | Kind::Parallel => now,
                Kind::Rpm => self.rpm.start(),
                Kind::Tpm => self.tpm.start(),
            },
            resets_at: match kind {
                Kind::Budget => self.every.map(|every| every.next(self.since, now)),
                _ => None,
            },
        };
        match kind {
            Kind::Budget => self.budget.sent(&wish, now),
            Kind::Parallel => self.parallel.sent(&wish, now),
            Kind::Rpm => self.rpm.sent(&wish),
            Kind::Tpm => self.tpm.sent(&wish),
        }
        deal
    }

    /// What came of a deal; `None`: nobody could be asked.
    pub fn heard(&mut self, deal: &Deal, answer: Option<&Answer>, now: Time) {
        let lease = match deal.kind {
            Kind::Budget => &mut self.budget,
            Kind::Parallel => &mut self.parallel,
            Kind::Rpm | Kind::Tpm => {
                let window = match deal.kind {
                    Kind::Rpm => &mut self.rpm,
                    _ => &mut self.tpm,
                };
                return match answer {
                    Some(answer) => window.heard(deal, answer),
                    None => window.lost(deal, now),
                };
            }
        };
        match answer {
            Some(answer) => lease.heard(deal, answer, now),
            None => lease.lost(deal, now),
        }
    }

    /// The request is over, and came to so much.
    pub fn settle(&mut self, part: &Part, spent: &Spent) {
        if let Some(cost) = part.cost {
            self.budget.release(cost);
        }
        // Also where there was no limit yet when it began.
        if part.cost.is_some() || self.budget.cap().is_some() {
            self.budget.spend(spent.cost.0);
        }
        if part.is_permit {
            self.parallel.release(1);
        }
        if let Some((minute, reserved)) = part.tokens {
            let tokens = i64::try_from(spent.tokens).unwrap_or(i64::MAX);
            self.tpm.correct(minute, reserved.saturating_sub(tokens));
        }
    }

    /// It came to nothing; it was a request all the same, if it was granted by all accounts.
    pub fn cancel(&mut self, part: &Part, is_granted: bool) {
        if let Some(cost) = part.cost {
            self.budget.release(cost);
        }
        if part.is_permit {
            self.parallel.release(1);
        }
        if let Some((minute, reserved)) = part.tokens {
            self.tpm.correct(minute, reserved);
        }
        if let (Some(minute), false) = (part.request, is_granted) {
            self.rpm.correct(minute, 1);
        }
    }

    /// The journal brought so much of what was settled here into the database.
    pub fn applied(&mut self, cost: i64) {
        self.budget.applied(cost);
    }

    /// Nothing that was borrowed is there any more.
    pub fn void(&mut self) {
        self.budget.void();
        self.parallel.void();
    }

    /// Whoever waits wants to know it anew.
    pub fn forget(&mut self) {
        self.budget.forget();
    }

    /// Deals that give back what lies idle: permits that nobody wanted since this was last asked, and
    /// with `is_all` the rest, where nothing was done with it since.
    pub fn idle(&mut self, is_all: bool, now: Time) -> Vec<Deal> {
        let mut idle = [None; 4];
        idle[1] = self.parallel.idle();
        if is_all {
            idle[0] = self.budget.idle();
            idle[2] = self.rpm.idle(now);
            idle[3] = self.tpm.idle(now);
        }
        let idle = Kind::ALL.into_iter().zip(idle);
        let back = idle.filter_map(|(kind, back)| Some((kind, back?)));
        let wish = |back| Wish {
            back,
            ..Wish::default()
        };
        back.map(|(kind, back)| self.send(kind, wish(back), now))
            .collect()
    }

    /// It can be thrown away: nothing is lent, reserved, or on its way.
    pub fn is_empty(&self, now: Time) -> bool {
        let is_lent = self.rpm.is_lent(now) || self.tpm.is_lent(now);
        self.budget.is_empty() && self.parallel.is_empty() && !is_lent
    }

    /// As headers tell it.
    pub fn standing(&self, now: Time) -> Standing {
        let rate = |window: &Window| {
            window.cap().map(|cap| Rate {
                limit: cap as u64,
                remaining: window.remaining() as u64,
                reset: now.until(window.end()),
            })
        };
        Standing {
            requests: rate(&self.rpm),
            tokens: rate(&self.tpm),
        }
    }

    /// Of a limit: itself, what is used of it as far as is known, and when there will be more.
    pub fn of(&self, kind: Kind) -> (i64, i64, Option<Time>) {
        let window = |window: &Window| {
            let cap = window.cap().unwrap_or(0);
            (cap, cap - window.remaining(), Some(window.end()))
        };
        match kind {
            Kind::Budget => {
                let cap = self.budget.cap().unwrap_or(0);
                (cap, self.budget.used(), self.budget.resets_at())
            }
            Kind::Parallel => {
                let cap = self.parallel.cap().unwrap_or(0);
                (cap, cap, None)
            }
            Kind::Rpm => window(&self.rpm),
            Kind::Tpm => window(&self.tpm),
        }
    }
}

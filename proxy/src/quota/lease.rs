//! What this replica holds of one limit that is given back after use: money, or permits. Pure.

use super::Kind;
use super::bank::{Answer, Deal};
use crate::keys::Time;
use std::time::Duration;

/// Whoever borrows again so soon needs larger portions.
const SOON: Duration = Duration::from_secs(1);

/// Portions of money that are worth a few requests, at first.
const FEW: i64 = 4;

/// How long a database that was away is left alone.
pub(super) const AWAY: Duration = Duration::from_millis(500);

/// So long it is believed that nothing is left, without asking again.
fn memory(kind: Kind) -> Duration {
    match kind {
        Kind::Parallel => Duration::from_millis(50),
        _ => Duration::from_secs(1),
    }
}

/// Later by so much.
pub(super) fn later(now: Time, by: Duration) -> Time {
    Time(now.0.saturating_add(by.as_millis() as i64))
}

/// See the words of [`super`] for `lent`, `reserved` and `unapplied`.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    kind: Kind,
    cap: Option<i64>,
    lent: i64,
    reserved: i64,
    unapplied: i64,
    /// The journal brought in so much since the deal under way was sent off; the answer may not know of it.
    applied_meanwhile: i64,
    is_dealing: bool,
    /// A deal was made or not, and nobody said; or more was spent than held. What is held is asked for.
    is_unsure: bool,
    /// What the database said last.
    said: Option<Said>,
    /// Until then it is not asked again for what it said there is not.
    said_until: Time,
    away_until: Time,
    /// The limit is another one: what is here is given back before more is lent.
    is_recalled: bool,
    resets_at: Option<Time>,
    /// What was asked for last, and when.
    pace: i64,
    asked_at: Time,
    /// Nothing was done with it since this was last looked at; and the least that was free since.
    is_quiet: bool,
    low: i64,
}

#[derive(Clone, Copy, Debug)]
struct Said {
    left: i64,
    others: i64,
}

/// Whether a need fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// So much is to be reserved; `None`: there is no limit.
    Yes(Option<i64>),
    /// More has to be borrowed.
    Ask(Wish),
    /// What others have reserved may come back.
    Wait,
    /// It does not fit, whatever comes back.
    No,
}

/// A deal to be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    pub back: i64,
    pub least: i64,
    pub most: i64,
    pub is_rest: bool,
}

impl Lease {
    pub(super) fn new(kind: Kind, cap: Option<i64>) -> Lease {
        Lease {
            kind,
            cap,
            lent: 0,
            reserved: 0,
            unapplied: 0,
            applied_meanwhile: 0,
            is_dealing: false,
            is_unsure: false,
            said: None,
            said_until: Time(0),
            away_until: Time(0),
            is_recalled: false,
            resets_at: None,
            pace: 0,
            asked_at: Time(i64::MIN / 2),
            is_quiet: false,
            low: 0,
        }
    }

    pub(super) fn cap(&self) -> Option<i64> {
        self.cap
    }

    pub(super) fn resets_at(&self) -> Option<Time> {
        self.resets_at
    }

    fn free(&self) -> i64 {
        self.lent.saturating_sub(self.reserved)
    }

    /// The limit is another one, or its period is.
    pub(super) fn set(&mut self, cap: Option<i64>) {
        if let (Some(said), Some(old), Some(new)) = (&mut self.said, self.cap, cap) {
            said.left = said.left.saturating_add(new.saturating_sub(old));
        }
        self.cap = cap;
        self.is_recalled = cap.is_some();
        self.forget();
    }

    /// The database is to be asked again.
    pub(super) fn forget(&mut self) {
        self.said_until = Time(0);
    }

    /// What can be spent for good at most, if all that others have reserved comes back.
    fn possible(&self) -> i64 {
        let lent = self.lent;
        self.said.map_or(lent, |said| {
            said.left.saturating_add(said.others).saturating_add(lent)
        })
    }

    /// What was used for good, as far as is known.
    pub(super) fn used(&self) -> i64 {
        self.cap.map_or(0, |cap| match self.said {
            Some(_) => (cap - self.possible()).max(0),
            None => 0,
        })
    }

    /// `is_patient`: it waits for others already, and keeps nothing back from them.
    pub(super) fn fit(&self, need: i64, is_bound: bool, is_patient: bool, now: Time) -> Fit {
        let Some(cap) = self.cap else {
            return Fit::Yes(None);
        };
        if need <= 0 {
            // Free of charge.
            return Fit::Yes(Some(0));
        }
        let free = self.free();
        if now < self.away_until {
            return self.believe(need, is_bound, cap);
        }
        if self.is_recalled || self.resets_at.is_some_and(|over| over <= now) {
            return Fit::Ask(self.wish(free.max(0), need, now));
        }
        if need <= free {
            return Fit::Yes(Some(need));
        }
        if let Some(said) = self.said.filter(|_| now < self.said_until) {
            if need.saturating_sub(free) > said.left {
                return self.without_more(need, is_bound, said, now);
            }
        }
        let back = if is_patient { free.max(0) } else { 0 };
        Fit::Ask(self.wish(back, need, now))
    }

    /// Nobody lends what it takes.
    fn without_more(&self, need: i64, is_bound: bool, said: Said, now: Time) -> Fit {
        if self.kind == Kind::Parallel {
            return Fit::No;
        }
        // A debt may be none any more, as soon as the journal has brought it in.
        let possible = self.possible().saturating_sub(self.lent.min(0));
        let is_hopeless = if is_bound {
            need > possible
        } else {
            possible <= 0
        };
        let is_alone = self.reserved == 0 && said.others == 0 && !is_bound && self.lent >= 0;
        match (is_hopeless, is_alone) {
            (true, _) => Fit::No,
            // Nobody knows what it comes to: it goes alone, and is the last one.
            (false, true) if said.left <= 0 => Fit::Yes(Some(self.free().min(possible))),
            (false, true) => Fit::Ask(Wish {
                is_rest: true,
                ..self.wish(0, 1, now)
            }),
            (false, false) => Fit::Wait,
        }
    }

    /// What was left when the database was last heard of is left.
    fn believe(&self, need: i64, is_bound: bool, cap: i64) -> Fit {
        if self.kind == Kind::Parallel {
            return match self.reserved.saturating_add(need) <= cap {
                true => Fit::Yes(Some(need)),
                false => Fit::No,
            };
        }
        let left = self.said.map_or(cap, |said| said.left);
        let free = self.free().saturating_add(left);
        match need <= free {
            true => Fit::Yes(Some(need)),
            false if !is_bound && self.reserved == 0 && free > 0 => Fit::Yes(Some(free)),
            false
                if self.reserved > 0
                    && (!is_bound || need <= free.saturating_add(self.reserved)) =>
            {
                Fit::Wait
            }
            false => Fit::No,
        }
    }

    fn wish(&self, back: i64, need: i64, now: Time) -> Wish {
        let least = need.saturating_sub(self.free() - back).max(0);
        let first = if self.kind == Kind::Budget { FEW } else { 1 };
        let pace = match now.0 - self.asked_at.0 < SOON.as_millis() as i64 {
            true => self.pace.saturating_mul(2),
            false => self.pace / 2,
        };
        Wish {
            back,
            least,
            most: pace.max(least.saturating_mul(first)),
            is_rest: false,
        }
    }

    /// A deal is on its way: what is given back is nobody's here any more.
    pub(super) fn sent(&mut self, wish: &Wish, now: Time) {
        self.lent -= wish.back;
        self.is_dealing = true;
        self.applied_meanwhile = 0;
        if wish.least > 0 {
            (self.pace, self.asked_at) = (wish.most, now);
        }
    }

    /// Its answer.
    pub(super) fn heard(&mut self, deal: &Deal, answer: &Answer, now: Time) {
        self.lent += answer.taken;
        // What is held is lent, or settled and not in the database yet: whatever went wrong before, here it is right again.
        let unapplied = self.unapplied.saturating_add(self.applied_meanwhile);
        self.lent = self.lent.max(answer.hold - unapplied).min(answer.hold);
        self.is_unsure &= unapplied > 0;
        self.over();
        self.away_until = Time(0);
        self.is_quiet = false;
        if self.cap != Some(deal.cap) {
            return;
        }
        self.said = Some(Said {
            left: answer.left(deal.cap),
            others: answer.others(),
        });
        if deal.least > 0 {
            self.is_recalled = false;
            self.said_until = later(now, memory(self.kind));
            self.resets_at = answer.resets_at;
        }
    }

    /// It cannot be asked.
    pub(super) fn lost(&mut self, deal: &Deal, now: Time) {
        self.lent += deal.back;
        self.over();
        self.away_until = later(now, AWAY);
        self.is_unsure = true;
        self.forget();
    }

    fn over(&mut self) {
        self.is_dealing = false;
        self.applied_meanwhile = 0;
        self.forgive();
    }

    pub(super) fn reserve(&mut self, amount: i64) {
        self.reserved = self.reserved.saturating_add(amount);
        self.low = self.low.min(self.free());
        self.is_quiet = false;
    }

    pub(super) fn release(&mut self, amount: i64) {
        self.reserved -= amount;
        self.is_quiet = false;
    }

    /// So much of it is gone; the journal will say so to the database.
    pub(super) fn spend(&mut self, amount: i64) {
        self.lent = self.lent.saturating_sub(amount);
        self.is_unsure |= self.lent < 0;
        self.unapplied = self.unapplied.saturating_add(amount);
        self.is_quiet = false;
    }

    /// The journal did.
    pub(super) fn applied(&mut self, amount: i64) {
        self.unapplied = self.unapplied.saturating_sub(amount).max(0);
        if self.is_dealing {
            self.applied_meanwhile = self.applied_meanwhile.saturating_add(amount);
        } else {
            self.forgive();
        }
    }

    /// More was spent than held, and is counted: it is no debt any more.
    fn forgive(&mut self) {
        self.lent = self.lent.max(-self.unapplied);
    }

    /// The others took it all back.
    pub(super) fn void(&mut self) {
        self.lent = -self.unapplied;
        // What was settled under the old name is taken from nothing.
        self.is_unsure = self.unapplied > 0;
        self.said = None;
        self.forget();
    }

    /// What lies idle, to be given back: of permits those that nobody wanted since this was last asked, so that others need not wait for
    /// them; of money all, where nothing was done with it since. `Some(0)`: nothing lies here, but it is not sure what is held.
    pub(super) fn idle(&mut self) -> Option<i64> {
        let free = self.free();
        let low = std::mem::replace(&mut self.low, free);
        let was_quiet = std::mem::replace(&mut self.is_quiet, true);
        let idle = match self.kind {
            Kind::Parallel => low.min(self.free()),
            _ if was_quiet => self.free(),
            _ => 0,
        };
        // Without a limit nothing is kept.
        let idle = if self.cap.is_none() {
            self.free()
        } else {
            idle
        };
        let is_due = idle > 0 || (self.is_unsure && was_quiet && self.unapplied == 0);
        (is_due && !self.is_dealing).then_some(idle.max(0))
    }

    /// Nothing of it is anywhere.
    pub(super) fn is_empty(&self) -> bool {
        self.lent == 0
            && self.reserved == 0
            && self.unapplied == 0
            && !self.is_dealing
            && !self.is_unsure
    }
}

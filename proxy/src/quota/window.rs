//! What this replica has of one limit in each minute: requests, or tokens. Pure.

use super::bank::{Answer, Deal};
use super::lease::{AWAY, Fit, Wish, later};
use crate::keys::Time;

/// Milliseconds.
pub(super) const MINUTE: i64 = 60_000;

/// One minute, the last that was heard of.
#[derive(Clone, Debug)]
pub(super) struct Window {
    cap: Option<i64>,
    /// When it began.
    start: Time,
    /// Borrowed of it and not spent.
    lent: i64,
    /// Spent here.
    spent: i64,
    /// What the database said that nobody has.
    left: Option<i64>,
    is_dealing: bool,
    is_recalled: bool,
    away_until: Time,
    pace: i64,
    /// Nothing was done with it since this was last looked at.
    is_quiet: bool,
}

impl Window {
    pub(super) fn new(cap: Option<i64>) -> Window {
        Window {
            cap,
            start: Time(i64::MIN),
            lent: 0,
            spent: 0,
            left: None,
            is_dealing: false,
            is_recalled: false,
            away_until: Time(0),
            pace: 0,
            is_quiet: false,
        }
    }

    pub(super) fn cap(&self) -> Option<i64> {
        self.cap
    }

    pub(super) fn set(&mut self, cap: Option<i64>) {
        if self.cap != cap {
            self.cap = cap;
            self.is_recalled = cap.is_some();
            self.left = None;
        }
    }

    /// When the minute began.
    pub(super) fn start(&self) -> Time {
        self.start
    }

    /// When it is over.
    pub(super) fn end(&self) -> Time {
        Time(self.start.0.saturating_add(MINUTE))
    }

    /// A new minute has nothing of the old one.
    pub(super) fn roll(&mut self, now: Time) {
        let start = Time(now.0.div_euclid(MINUTE) * MINUTE);
        if self.cap.is_some() && start > self.start {
            self.begin(start);
        }
    }

    fn begin(&mut self, start: Time) {
        self.start = start;
        self.lent = 0;
        self.spent = 0;
        self.left = None;
        self.pace /= 2;
    }

    /// What is left, as far as is known here.
    pub(super) fn remaining(&self) -> i64 {
        let cap = self.cap.unwrap_or(0);
        let left = self.left.map(|left| left.saturating_add(self.lent));
        let left = left.unwrap_or_else(|| cap.saturating_sub(self.spent));
        left.clamp(0, cap)
    }

    pub(super) fn fit(&self, need: i64, now: Time) -> Fit {
        let Some(cap) = self.cap else {
            return Fit::Yes(None);
        };
        if cap <= 0 {
            return Fit::No;
        }
        // What is more than the whole minute's takes the whole minute.
        let need = need.min(cap);
        if now < self.away_until {
            return match self.spent.saturating_add(need) <= cap {
                true => Fit::Yes(Some(need)),
                false => Fit::No,
            };
        }
        if need <= self.lent && !self.is_recalled {
            return Fit::Yes(Some(need));
        }
        let back = if self.is_recalled {
            self.lent.max(0)
        } else {
            0
        };
        let least = need.saturating_sub(self.lent - back);
        match self.left {
            // So it stays until the minute is over.
            Some(left) if need.saturating_sub(self.lent) > left => Fit::No,
            _ => Fit::Ask(Wish {
                back,
                least,
                most: least.max(self.pace.saturating_mul(2)),
                is_rest: false,
            }),
        }
    }

    pub(super) fn sent(&mut self, wish: &Wish) {
        self.lent -= wish.back;
        self.is_dealing = true;
        if wish.least > 0 {
            self.pace = wish.most;
        }
    }

    pub(super) fn heard(&mut self, deal: &Deal, answer: &Answer) {
        self.is_dealing = false;
        self.is_quiet = false;
        if answer.period > self.start {
            // Another replica's clock is ahead.
            self.begin(answer.period);
        }
        if answer.period == self.start {
            self.lent += answer.taken;
            if self.cap == Some(deal.cap) {
                self.left = Some(answer.left(deal.cap).max(0));
                self.is_recalled &= deal.least == 0;
            }
        }
        self.away_until = Time(0);
    }

    pub(super) fn lost(&mut self, deal: &Deal, now: Time) {
        self.is_dealing = false;
        if deal.from == self.start {
            self.lent += deal.back;
        }
        self.away_until = later(now, AWAY);
    }

    /// In which minute it is spent.
    pub(super) fn spend(&mut self, amount: i64) -> Time {
        self.lent = self.lent.saturating_sub(amount);
        self.spent = self.spent.saturating_add(amount);
        self.is_quiet = false;
        self.start
    }

    /// Less of it was spent, or, with a negative amount, more; of a minute that is over it does not matter any more.
    pub(super) fn correct(&mut self, start: Time, amount: i64) {
        if start == self.start {
            self.lent = self.lent.saturating_add(amount);
            self.spent = self.spent.saturating_sub(amount);
            self.is_quiet = false;
        }
    }

    /// What lies idle in the minute that is now, to be given back: all, where nothing was done with it since this was last asked.
    pub(super) fn idle(&mut self, now: Time) -> Option<i64> {
        let was_quiet = std::mem::replace(&mut self.is_quiet, true);
        (was_quiet && !self.is_dealing && self.is_lent(now)).then_some(self.lent)
    }

    /// Something of this minute lies here.
    pub(super) fn is_lent(&self, now: Time) -> bool {
        now < self.end() && self.lent > 0
    }
}

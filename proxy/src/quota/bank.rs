//! Who lends: the database, Redis, both of them, or a fake in tests.

use super::Kind;
use crate::keys::Time;
use std::future::Future;
use std::sync::Arc;

/// One account's dealing in one kind: something back, something more, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    /// Whose, as the database has it.
    pub scope: Arc<str>,
    /// Of what.
    pub kind: Kind,
    /// The limit.
    pub cap: i64,
    /// Given back, before anything is lent.
    pub back: i64,
    /// No less than this is of use; 0: nothing is asked.
    pub least: i64,
    /// More than this is not wanted.
    pub most: i64,
    /// All that is left, if nobody else holds anything of it.
    pub is_rest: bool,
    /// Of a minute: its beginning. Else: now.
    pub from: Time,
    /// When the period of a budget that runs now is over.
    pub resets_at: Option<Time>,
}

/// How things stand after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// What is lent: nothing, or between `least` and `most`.
    pub taken: i64,
    /// What all have used.
    pub used: i64,
    /// What all hold.
    pub held: i64,
    /// What this replica holds of it.
    pub hold: i64,
    /// When the period began.
    pub period: Time,
    /// When it is over.
    pub resets_at: Option<Time>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody can be asked.
    Away,
    /// The others thought that this replica was dead, and took back what it held. It has a new name now, and holds nothing.
    Void,
}

/// What came of each of several deals, in their order.
pub type Said = Vec<Result<Answer, Trouble>>;

/// The same to all of them.
pub fn to_all(deals: &[Deal], said: Result<Vec<Answer>, Trouble>) -> Said {
    match said {
        Ok(answers) => answers.into_iter().map(Ok).collect(),
        Err(trouble) => vec![Err(trouble); deals.len()],
    }
}

/// How often what this replica held was void: see [`Trouble::Void`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epochs {
    /// Money.
    pub money: u64,
    /// Requests at once.
    pub permits: u64,
}

impl Epochs {
    /// Whether what is held of a kind is not what was held then.
    pub fn differ(self, then: Epochs, kind: Kind) -> bool {
        match kind {
            Kind::Budget => self.money != then.money,
            Kind::Parallel | Kind::Rpm | Kind::Tpm => self.permits != then.permits,
        }
    }
}

/// Who lends, in whole transactions.
pub trait Bank: Clone + Send + Sync + 'static {
    /// All of these that one lender has, or none of them, in the order of (scope, kind).
    fn deal(&self, deals: Arc<[Deal]>) -> impl Future<Output = Said> + Send + 'static;

    /// By the clock on the wall.
    fn now(&self) -> Time {
        Time::now()
    }

    /// They grow whenever what this replica held is void.
    fn epochs(&self) -> Epochs;
}

/// Makes deals. What became void meanwhile is so whatever was said. With it comes what was void by then.
pub async fn dealt<B: Bank>(bank: &B, deals: Arc<[Deal]>) -> (Said, Epochs) {
    let before = bank.epochs();
    let said = bank.deal(deals.clone()).await;
    let now = bank.epochs();
    let said = said.into_iter().zip(&*deals);
    let said = said.map(|(said, deal)| match now.differ(before, deal.kind) {
        true => Err(Trouble::Void),
        false => said,
    });
    (said.collect(), now)
}

/// Of what is left a replica takes a part in so many at most, so that others find something too.
const SHARE: i64 = 16;

/// What is lent, of so much that is left.
pub fn portion(left: i64, deal: &Deal) -> i64 {
    match deal.is_rest {
        _ if deal.least <= 0 => 0,
        true => left.max(0),
        false if left < deal.least => 0,
        false => (left / SHARE).min(deal.most).max(deal.least),
    }
}

/// The used, and the period, at the time of a deal, out of what was written of them: a new period begins with nothing used.
pub fn turned(
    deal: &Deal,
    used: i64,
    period: Time,
    resets_at: Option<Time>,
) -> (i64, Time, Option<Time>) {
    match deal.kind {
        Kind::Parallel => (used, period, None),
        // The clock of another replica may be ahead: its minute is everybody's.
        Kind::Rpm | Kind::Tpm if deal.from <= period => (used, period, None),
        Kind::Rpm | Kind::Tpm => (0, deal.from, None),
        Kind::Budget => match resets_at {
            Some(over) if over <= deal.from => (0, over, deal.resets_at),
            // Somebody with a faster clock began the next period already.
            Some(_) if deal.resets_at.is_some_and(|end| end <= period) => (used, period, resets_at),
            _ => (used, period, deal.resets_at),
        },
    }
}

/// What was written of a limit, and changes by a deal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// See `quotas`.
    pub used: i64,
    /// See `quotas`.
    pub held: i64,
    /// When it began.
    pub period: Time,
    /// When it is over.
    pub resets_at: Option<Time>,
    /// What this replica holds of it.
    pub hold: i64,
}

/// One deal, of whoever lends: the row as it is to be written, and what to say.
pub fn settle(deal: &Deal, before: Row) -> (Row, Answer) {
    let (used, period, resets_at) = turned(deal, before.used, before.period, before.resets_at);
    let mut row = Row {
        used,
        period,
        resets_at,
        ..before
    };
    if deal.kind.is_held() {
        let back = deal.back.min(row.hold).max(0);
        row.hold -= back;
        row.held -= back;
    } else if period == deal.from {
        row.used = (row.used - deal.back).max(0);
    }
    let is_free = !deal.is_rest || row.held <= row.hold;
    let left = deal.cap.saturating_sub(row.used).saturating_sub(row.held);
    let taken = if is_free { portion(left, deal) } else { 0 };
    if deal.kind.is_held() {
        row.hold += taken;
        row.held += taken;
    } else {
        row.used += taken;
    }
    let answer = Answer {
        taken,
        used: row.used,
        held: row.held,
        hold: row.hold,
        period,
        resets_at,
    };
    (row, answer)
}

impl Answer {
    /// What nobody has used, and nobody holds.
    pub fn left(&self, cap: i64) -> i64 {
        cap.saturating_sub(self.used).saturating_sub(self.held)
    }

    /// What other replicas hold.
    pub fn others(&self) -> i64 {
        (self.held - self.hold).max(0)
    }
}

//! What a request of a key is charged: reserved before it begins, settled when it is over, however it ends.

use super::keyring::Open;
use super::pass::Pass;
use super::prices::PriceList;
use crate::keys::{Money, Time};
use crate::quota::{Need, Reservation, Spent, Standing};
use crate::seen::Record;
use crate::spend::Row;
use mishikallm::limits;
use mishikallm::openai::response::Usage;
use mishikallm::plan::call::Call;
use mishikallm::plan::fleet::Group;
use std::sync::Arc;
use std::time::Duration;

/// Tokens of an answer whose length nothing bounds, for as long as nobody knows better.
const UNKNOWN_ANSWER: u64 = 1_024;

/// What a call needs at most, whichever of these models answers.
pub fn need<'a>(
    call: &Call,
    prices: &PriceList,
    groups: impl IntoIterator<Item = &'a Group>,
) -> Need {
    let bound = call.bound();
    let completion = bound
        .most_completion_tokens
        .unwrap_or_else(|| UNKNOWN_ANSWER.saturating_mul(bound.choices.max(1)));
    let prompt = bound.most_prompt_tokens;
    let longest = call.options().timeout.unwrap_or(limits::TIMEOUT);
    Need {
        tokens: prompt.saturating_add(completion),
        cost: prices.worst(groups, (prompt, completion), longest),
        is_bound: bound.most_completion_tokens.is_some(),
    }
}

/// One request's charge. It is settled once: by [`Charge::settle`].
#[derive(Debug)]
pub struct Charge {
    open: Arc<Open>,
    prices: Arc<PriceList>,
    /// `None`: the master key's.
    pass: Option<Arc<Pass>>,
    reservation: Option<Reservation>,
    /// The model as the request named it.
    model: String,
    /// The request's own field `user`.
    end_user: Option<String>,
}

impl Charge {
    /// What is reserved, and whose request it is.
    pub fn new(
        (open, prices): (Arc<Open>, Arc<PriceList>),
        pass: Option<Arc<Pass>>,
        reservation: Option<Reservation>,
        (model, end_user): (String, Option<String>),
    ) -> Charge {
        Charge {
            open,
            prices,
            pass,
            reservation,
            model,
            end_user,
        }
    }

    /// What is left of the limits.
    pub fn standing(&self) -> Option<Standing> {
        self.reservation.as_ref().map(Reservation::standing)
    }

    /// The request is over: what it took is written down before the end of its answer goes out.
    /// What that cost.
    pub fn settle(self, record: &Record) -> Money {
        let usage = record.spent.unwrap_or(Usage::completion(0, 0, false));
        let prices = self.prices.of(&record.deployment);
        let cost = match record.spent {
            Some(spent) => prices.cost(&spent, record.upstream),
            None => prices.cost(&usage, Duration::ZERO),
        };
        let completion_tokens = usage.completion_tokens.unwrap_or(0);
        let ended = Time::now();
        let ago = |duration: Duration| Time(ended.0 - duration.as_millis() as i64);
        let took = record.took();
        let first_chunk = record
            .first_chunk
            .map(|at| took.saturating_sub(at.saturating_duration_since(record.began)));
        let key = self.pass.as_ref().map(|pass| &pass.key);
        let row = Row {
            request_id: record.id.as_str().into(),
            started_at: ago(took),
            first_chunk_at: first_chunk.map(ago),
            ended_at: ended,
            call_type: record.operation.name().into(),
            token: key.map(|key| key.token),
            team_id: key.and_then(|key| key.team_id.as_deref()).map(Into::into),
            user_id: key.and_then(|key| key.user_id.as_deref()).map(Into::into),
            end_user: self.end_user.as_deref().map(Into::into),
            model: self.model.as_str().into(),
            model_group: record.model().into(),
            model_id: record.deployment.as_str().into(),
            prompt_tokens: usage.prompt_tokens,
            completion_tokens,
            spend: cost,
            status: record.outcome.status(),
        };
        // First here, so that it is known when the journal says that it is in the database.
        if let Some(reservation) = self.reservation {
            let tokens = usage.prompt_tokens.saturating_add(completion_tokens);
            reservation.settle(Spent { tokens, cost });
        }
        self.open.journal.append(&row);
        cost
    }
}

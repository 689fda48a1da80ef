//! What a call does when it fails: another deployment, the same ones after a pause, another model, or the end.

use super::{Call, Event, Todo};
use crate::error::{Error, Result};
use crate::plan::credentials::redact;
use crate::plan::fleet::{Blame, Seat, blame};
use crate::plan::place::{Journey, Place};
use crate::plan::{fallback, retry};
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Call {
    /// Where it went.
    pub fn journey(&self) -> Journey<'_> {
        let id = |at: usize| self.fleet.deployments()[at].id.as_str();
        Journey {
            group: self.listed.then_some(self.model.as_str()),
            deployment: self.asked.map(id),
            at: self.asked,
            retries: self.retries,
            fallbacks: self.fell,
        }
    }

    /// The entry of the model list that was asked for: a name that no caller can make up. After a fallback it is still the first one's;
    /// [`Journey::at`] tells where the call went.
    pub fn entry(&self) -> Option<&Arc<str>> {
        self.entry.as_ref()
    }

    /// Before a listed model is asked, its deployment is told.
    pub(super) fn sit_down(&mut self, now: Instant) -> Result<()> {
        let chance = self.next_chance();
        let Some(place) = self
            .place
            .as_mut()
            .filter(|p| p.seat.is_none() && !p.is_check)
        else {
            return Ok(());
        };
        let wanted = place.failed.is_empty().then_some(place.at);
        let seat = self.fleet.sit(&place.group, wanted, &[], now, chance)?;
        match seat.at() == place.at {
            true => {
                self.asked = Some(seat.at());
                place.seat = Some(seat);
            }
            false => self.move_to(seat)?,
        }
        Ok(())
    }

    /// Goes on at another deployment of the same name.
    fn move_to(&mut self, seat: Seat) -> Result<()> {
        let Some(place) = &self.place else {
            return Ok(());
        };
        let Some(request) = &place.request else {
            return Err(Error::unavailable(503, "no other deployment can be asked"));
        };
        let at = seat.at();
        let mut fields = request.clone();
        let requested = fields.string("model")?;
        let next = Place {
            group: place.group.clone(),
            at,
            seat: Some(seat),
            failed: Vec::new(),
            request: None,
            has_fallen: place.has_fallen,
            is_check: false,
        };
        let mut next = Call::at(
            self.operation,
            requested,
            fields,
            &self.fleet,
            self.env.clone(),
            self.manner,
            Some(Box::new(next)),
        )?;
        if let (Some(next), Some(place)) = (&mut next.place, &mut self.place) {
            next.failed = std::mem::take(&mut place.failed);
            next.request = place.request.take();
        }
        let tried = self.tried;
        next.asked = Some(at);
        self.replace_with(next);
        self.tried = tried;
        Ok(())
    }

    /// What comes after an error: another deployment, the same ones after a pause, another model, or the end.
    pub(super) fn failed(&mut self, error: Error, too_late: bool, now: Instant) -> Result<Todo> {
        let (ask_spoke, call_spoke) = self.has_spoken();
        if let Some(asking) = self.work.asking_mut() {
            asking.broke();
        }
        let is_check = self.place.as_ref().is_some_and(|place| place.is_check);
        let most = match too_late || ask_spoke || is_check {
            true => 0,
            false => self.options.num_retries.unwrap_or(0),
        };
        if let Some(place) = &mut self.place {
            if let Some(seat) = place.seat.take() {
                place.failed.push(seat.at());
                seat.failed(&error, now);
            }
        }
        let by_length = error.is_context_window() && self.can_fall_back();
        let is_theirs = error.is_retryable() || blame(&error) != Blame::Nobody;
        if self.tried < most && is_theirs && !call_spoke && !by_length && self.go_elsewhere(now) {
            self.tried += 1;
            self.retries += 1;
            return self.on(Event::Start, now);
        }
        let chance = self.next_chance();
        let pause = retry::pause(&error, self.tried, most, chance).filter(|_| !by_length);
        let pause = pause.map(|pause| pause.max(self.fleet.config().routing.retry_after));
        // Where all will still rest then, the pause is for nothing.
        let has_room = |pause: &Duration| {
            let place = self.place.as_ref();
            place.is_none_or(|place| self.fleet.has_room(&place.group, now + *pause))
        };
        if let Some(pause) = pause.filter(has_room) {
            self.tried += 1;
            self.rounds += 1;
            self.retries += 1;
            return Ok(Todo::Wait(pause, redact(error, &self.options)));
        }
        let most = self.fleet.config().routing.max_fallbacks;
        let may_fall = most.is_none_or(|most| u64::from(self.fell) < most);
        if fallback::may_help(&error) && !call_spoke && may_fall {
            self.take_fallbacks(&error, now);
            if let Some(next) = self.fallbacks.pop_front() {
                self.fell += 1;
                self.replace_with(next);
                return self.on(Event::Start, now);
            }
        }
        Err(redact(error, &self.options))
    }

    /// Whether the configuration, or the request, names somebody to ask instead.
    fn can_fall_back(&self) -> bool {
        !self.fallbacks.is_empty()
            || self
                .place
                .as_ref()
                .is_some_and(|place| !place.has_fallen && self.fleet.may_fall_back())
    }

    /// Takes a seat at a deployment that has not failed in this call.
    fn go_elsewhere(&mut self, now: Instant) -> bool {
        let chance = self.next_chance();
        let Some(place) = self.place.as_ref().filter(|place| place.request.is_some()) else {
            return false;
        };
        let others = place.group.members().len() > place.failed.len();
        let seat = match others {
            true => self
                .fleet
                .sit(&place.group, None, &place.failed, now, chance),
            false => return false,
        };
        // One that cannot do what is asked is no help.
        seat.and_then(|seat| self.move_to(seat)).is_ok()
    }

    /// Makes the calls that the configuration wants instead of this one. One that cannot do what is asked is passed over.
    fn take_fallbacks(&mut self, error: &Error, now: Instant) {
        let Some(place) = self.place.as_mut().filter(|place| !place.has_fallen) else {
            return;
        };
        place.has_fallen = true;
        let Some(request) = &place.request else {
            return;
        };
        let names = self.fleet.fallbacks(&place.group, error).iter();
        let others = names.filter(|name| *name != place.group.name());
        let calls = others.filter_map(|name| {
            let fields = fallback::to_listed(request, name);
            let (fleet, env) = (&self.fleet, self.env.clone());
            let mut call = Call::one(self.operation, fields, fleet, env, self.manner, now).ok()?;
            if let Some(place) = &mut call.place {
                place.has_fallen = true;
            }
            Some(call)
        });
        self.fallbacks = calls.collect();
    }

    /// Goes on as another call, whose answer still gives the name that was asked for, and whose entry is still that one's.
    fn replace_with(&mut self, mut next: Call) {
        let model = std::mem::take(&mut self.model);
        let entry = self.entry.take();
        if let (Some(a), Some(b)) = (self.work.asking_mut(), next.work.asking_mut()) {
            b.speak_as(a);
        }
        let fallbacks = std::mem::take(&mut self.fallbacks);
        let rounds = self.round() + 1;
        *self = Call {
            model,
            entry,
            asked: next.asked.or(self.asked),
            rounds,
            moves: self.moves + 1,
            retries: self.retries,
            fell: self.fell,
            chance: self.chance,
            listed: true,
            fallbacks,
            ..next
        };
    }
}

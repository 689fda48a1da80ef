//! All deployments of a configuration, and how they fare: which of them takes the next call, and which rests.
//!
//! One fleet is shared by all calls of a client. Time and chance are arguments; what calls tell each other is behind locks that
//! are held for no longer than it takes to look.

mod desk;
mod names;
mod pick;
mod seat;
mod tally;
mod watch;
mod wild;
use crate::config::{ClientConfig, Deployment, Options, Strategy};
use crate::error::{Error, Result};
use crate::plan::resources::Resources;
use desk::{Availability, Desk};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use crate::triton::load::Load;
pub use desk::Standing;
pub(crate) use desk::{Blame, blame};
pub use names::{Group, covers};
pub use seat::Seat;
pub use tally::Tally;
pub use watch::LoadQuestion;

use names::Names;
use watch::Watch;

/// The deployments of one client.
pub struct Fleet {
    config: ClientConfig,
    /// Of each deployment, and where there is none: what holds for a request that says nothing of its own.
    options: Vec<Arc<Options>>,
    defaults: Arc<Options>,
    resources: Box<dyn Resources + Send + Sync>,
    desks: Vec<Desk>,
    names: Names,
    /// Of each deployment, where the strategy asks for loads; else empty.
    watches: Vec<Option<Watch>>,
}

impl fmt::Debug for Fleet {
    /// Says nothing of the configuration: a URL or a parameter may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("deployments", &self.desks.len())
            .finish_non_exhaustive()
    }
}

impl Fleet {
    /// Reads the names of a configuration.
    ///
    /// Errors: an alias or a fallback names a model that the list does not have; of the status `CONFIG`.
    pub fn new(config: ClientConfig, resources: Box<dyn Resources + Send + Sync>) -> Result<Fleet> {
        let names = Names::new(&config)?;
        let desks = config.deployments.iter().map(|_| Desk::default()).collect();
        let watches = match config.routing.strategy {
            Strategy::TritonLoad => config
                .deployments
                .iter()
                .map(|d| Watch::new(d, &config, &*resources))
                .collect(),
            _ => Vec::new(),
        };
        let defaults = &config.defaults;
        let options = config.deployments.iter();
        let options = options.map(|d| Arc::new(d.options.clone().or(defaults)));
        Ok(Fleet {
            options: options.collect(),
            defaults: Arc::new(defaults.clone()),
            watches,
            config,
            resources,
            desks,
            names,
        })
    }

    /// Counts in these: a fleet that takes another one's place goes on where that one is, and calls of both are counted.
    pub fn counting_in(mut self, tally: impl Fn(&Deployment) -> Arc<Tally>) -> Fleet {
        for (desk, deployment) in self.desks.iter_mut().zip(&self.config.deployments) {
            desk.count_in(tally(deployment));
        }
        self
    }

    /// What it was made of.
    pub fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// What holds for a call of a deployment, or of none, whose request has said this for itself; `None`: nothing.
    ///
    /// To put them together anew for each request would cost a tenth of what it takes in all.
    pub(crate) fn options(&self, deployment: Option<usize>, own: Option<Options>) -> Arc<Options> {
        let defaults = &self.config.defaults;
        match (deployment, own) {
            (Some(at), None) => self.options[at].clone(),
            (None, None) => self.defaults.clone(),
            (Some(at), Some(own)) => {
                let own = own.or(&self.config.deployments[at].options);
                Arc::new(own.or(defaults))
            }
            (None, Some(own)) => Arc::new(own.or(defaults)),
        }
    }

    /// What calls need beside their requests.
    pub(crate) fn resources(&self) -> &dyn Resources {
        &*self.resources
    }

    /// The deployments, in the order of the list.
    pub fn deployments(&self) -> &[Deployment] {
        &self.config.deployments
    }

    /// The deployments that a model's name stands for: a name of the list, an alias, the id of one deployment, or what a name
    /// with a `*` covers.
    pub fn group(&self, model: &str) -> Option<Group> {
        match self.desks.is_empty() {
            true => None,
            false => self.names.group(model, &self.config),
        }
    }

    /// Whether the list knows a name.
    pub fn knows(&self, model: &str) -> bool {
        self.group(model).is_some()
    }

    /// The names that a list of models tells, in order, each once; those with a `*` are not among them.
    pub fn models(&self) -> Vec<&str> {
        self.names.told(&self.config)
    }

    /// How each deployment fares, in the order of the list.
    pub fn standings(&self, now: Instant) -> Vec<Standing> {
        self.desks.iter().map(|desk| desk.standing(now)).collect()
    }

    /// Which deployment of a group a call would go to now; of those that rest one, where all do. Nothing is taken.
    pub(crate) fn look(&self, group: &Group, now: Instant, chance: f64) -> usize {
        let all = self.open(group, &[], now);
        let among = match all.is_empty() {
            true => group.members(),
            false => &all,
        };
        self.choose(among, now, chance)
            .unwrap_or_else(|| group.members()[0])
    }

    /// Takes a seat at a deployment: `wanted`, if it is open, or another one that has not failed in this call.
    ///
    /// Errors: none is open; with the status `UNAVAILABLE`, and when the next will be.
    pub(crate) fn sit(
        self: &Arc<Self>,
        group: &Group,
        wanted: Option<usize>,
        failed: &[usize],
        now: Instant,
        chance: f64,
    ) -> Result<Seat> {
        let mut among = match wanted {
            Some(wanted) => vec![wanted],
            None => Vec::new(),
        };
        among.retain(|at| self.is_open(group, *at, now));
        if among.is_empty() {
            among = self.open(group, failed, now);
        }
        // Another call may take the last seat in between.
        while let Some(at) = self.choose(&among, now, chance) {
            if let Some(seat) = self.seat(group, at, now) {
                return Ok(seat);
            }
            among.retain(|other| *other != at);
        }
        // Where all rest after errors, one that failed may be well again; a sure refusal helps nobody.
        if failed.is_empty() {
            let mut tired: Vec<usize> = group.members().to_vec();
            tired.retain(|at| self.availability(group, *at, now).is_tired());
            if let Some(seat) = self
                .choose(&tired, now, chance)
                .and_then(|at| self.desks[at].sit_anyway(self, at, now))
            {
                return Ok(seat);
            }
        }
        Err(self.full(group, now))
    }

    /// Whether a call could sit down at a group then.
    pub(crate) fn has_room(&self, group: &Group, then: Instant) -> bool {
        group.members().iter().any(|at| {
            let availability = self.availability(group, *at, then);
            availability == Availability::Open || availability.is_tired()
        })
    }

    /// The deployments of a group that take a prompt of so many tokens; all of them, where none does or nobody is to look.
    pub(crate) fn fitting(&self, group: Group, tokens: impl Fn() -> u64) -> Group {
        let most = |at: &usize| self.config.deployments[*at].capacity.max_input_tokens;
        let looks = self.config.routing.pre_call_checks
            && group.members().iter().any(|at| most(at).is_some());
        match looks {
            true => {
                let tokens = tokens();
                group.narrowed(|at| most(at).is_none_or(|most| tokens <= most))
            }
            false => group,
        }
    }

    /// Tokens of the longest prompt that a group takes; `None`: one of its deployments does not say.
    pub(crate) fn longest_prompt(&self, group: &Group) -> Option<u64> {
        let most = |at: &usize| self.config.deployments[*at].capacity.max_input_tokens;
        group
            .members()
            .iter()
            .map(most)
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .max()
    }

    /// Who is asked where a prompt is too long for a group.
    pub(crate) fn longer(&self, group: &Group) -> &[String] {
        let list = &self.config.routing.context_window_fallbacks;
        let others = list
            .get(group.name())
            .or_else(|| list.get(&**group.entry()));
        others.map_or(&[], Vec::as_slice)
    }

    /// Who is asked instead of a group that failed like this.
    pub(crate) fn fallbacks<'a>(&'a self, group: &Group, error: &Error) -> &'a [String] {
        let routing = &self.config.routing;
        let of = |list: &'a BTreeMap<String, Vec<String>>| {
            let names = [group.name(), &**group.entry()];
            names.into_iter().find_map(|name| list.get(name))
        };
        let by_length = match error.is_context_window() {
            true => of(&routing.context_window_fallbacks),
            false => None,
        };
        let others = by_length.or_else(|| of(&routing.fallbacks));
        others.unwrap_or(&routing.default_fallbacks)
    }

    /// Whether somebody could be asked instead of a group.
    pub(crate) fn may_fall_back(&self) -> bool {
        let routing = &self.config.routing;
        !(routing.fallbacks.is_empty()
            && routing.default_fallbacks.is_empty()
            && routing.context_window_fallbacks.is_empty())
    }

    fn seat(self: &Arc<Self>, group: &Group, at: usize, now: Instant) -> Option<Seat> {
        let capacity = &self.config.deployments[at].capacity;
        let rests = self.may_rest(group);
        self.desks[at].sit(self, at, capacity, rests, now)
    }

    /// A deployment that is alone under its name does not rest: nobody else could do its work.
    fn may_rest(&self, group: &Group) -> bool {
        group.members().len() > 1 && !self.config.routing.disable_cooldowns
    }

    /// After how many failures a deployment rests, and for how long; `None`: in no group that it is in would it.
    fn rest_of(&self, at: usize) -> Option<(u32, Duration)> {
        let (routing, all) = (&self.config.routing, &self.config.deployments);
        let name = &all[at].model_name;
        let has_others = all.iter().filter(|d| d.model_name == *name).count() > 1;
        (has_others && !routing.disable_cooldowns)
            .then_some((routing.allowed_fails, routing.cooldown))
    }

    fn availability(&self, group: &Group, at: usize, now: Instant) -> Availability {
        let capacity = &self.config.deployments[at].capacity;
        self.desks[at].availability(capacity, self.may_rest(group), now)
    }

    fn is_open(&self, group: &Group, at: usize, now: Instant) -> bool {
        self.availability(group, at, now) == Availability::Open
    }

    fn open(&self, group: &Group, but: &[usize], now: Instant) -> Vec<usize> {
        let members = group.members().iter().copied();
        members
            .filter(|at| !but.contains(at) && self.is_open(group, *at, now))
            .collect()
    }

    /// Those with the lowest `order`.
    fn first<'a>(&self, among: &'a [usize]) -> Cow<'a, [usize]> {
        let order = |at: &usize| {
            let order = self.config.deployments[*at].capacity.order;
            order.unwrap_or(u64::MAX)
        };
        let Some(first) = among.iter().map(order).min() else {
            return Cow::Borrowed(among);
        };
        match among.iter().all(|at| order(at) == first) {
            true => Cow::Borrowed(among),
            false => among
                .iter()
                .copied()
                .filter(|at| order(at) == first)
                .collect(),
        }
    }

    fn choose(&self, among: &[usize], now: Instant, chance: f64) -> Option<usize> {
        match &*self.first(among) {
            [] => None,
            [one] => Some(*one),
            among => Some(match self.config.routing.strategy {
                Strategy::Shuffle => pick::by_weight(among, &self.config.deployments, chance),
                Strategy::LeastBusy => {
                    pick::least(among, chance, |at| f64::from(self.desks[at].in_flight()))
                }
                Strategy::Latency => pick::least(among, chance, |at| self.desks[at].latency(now)),
                Strategy::Usage => {
                    pick::least(among, chance, |at| self.desks[at].tokens(now) as f64)
                }
                Strategy::TritonLoad => self.least_loaded(among, now, chance),
            }),
        }
    }

    /// By what servers tell, and by our own requests, of which they may not know yet. One that tells nothing is taken to be as
    /// busy as those that do are on average.
    fn least_loaded(&self, among: &[usize], now: Instant, chance: f64) -> usize {
        let loads: Vec<Option<f64>> = among.iter().map(|at| self.desks[*at].load(now)).collect();
        let told = || loads.iter().flatten();
        let mean = told().sum::<f64>() / told().count().max(1) as f64;
        let load = |at: usize| {
            let place = among.iter().position(|other| *other == at);
            place.and_then(|place| loads[place]).unwrap_or(mean)
        };
        pick::least(among, chance, |at| {
            load(at) + f64::from(self.desks[at].in_flight())
        })
    }

    /// Nobody can take a call now. Its own limits, or a server that said it has too much: 429; else 503.
    fn full(&self, group: &Group, now: Instant) -> Error {
        let mut soonest: Option<Duration> = None;
        let (mut limited, mut resting) = (0, 0);
        let mut is_throttled = false;
        for at in group.members() {
            let until = match self.availability(group, *at, now) {
                Availability::Open => continue,
                Availability::Full { until } => {
                    limited += 1;
                    is_throttled = true;
                    until
                }
                Availability::Resting { until, throttled } => {
                    resting += 1;
                    is_throttled |= throttled;
                    Some(until)
                }
            };
            let left = until.map(|until| until.saturating_duration_since(now));
            soonest = match (soonest, left) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        let why = match (limited, resting) {
            (0, _) => "rest after errors",
            (_, 0) => "have reached their rpm, tpm or max_parallel_requests",
            _ => "rest after errors or have reached their rpm, tpm or max_parallel_requests",
        };
        let n = group.members().len();
        let all = match n {
            1 => "its one deployment".to_owned(),
            n => format!("all {n} deployments"),
        };
        // Whole seconds, so that who waits for them does not come too early.
        let after = soonest.map_or(1, |left| {
            left.as_secs() + u64::from(left.subsec_nanos() > 0)
        });
        let after = after.max(1);
        let message = format!(
            "model \"{}\": {all} {}; try again in {after} s",
            group.name(),
            match n {
                1 => why
                    .replacen("rest", "rests", 1)
                    .replace("have", "has")
                    .replace("their", "its"),
                _ => why.to_owned(),
            }
        );
        Error::unavailable(if is_throttled { 429 } else { 503 }, message)
            .with_retry_after(Some(Duration::from_secs(after)))
    }

    /// Takes what a server tells of its load.
    pub fn note_load(&self, at: usize, load: Load, now: Instant) {
        if let Some(desk) = self.desks.get(at) {
            desk.note_load(load, now);
        }
    }

    /// A server that told its load tells it no more.
    fn forget_load(&self, at: usize) {
        if let Some(desk) = self.desks.get(at) {
            desk.forget_load();
        }
    }
}

#[cfg(test)]
mod tests;

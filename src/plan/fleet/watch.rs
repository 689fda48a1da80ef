//! Asking servers for their load: whom, when, and what to make of the answer. For the strategy `triton-load` alone.
//!
//! Calls ask on their way, so that nobody is asked while nothing is called, and only where there is a choice. A driver sends what
//! [`Call::ask_load`](crate::plan::call::Call::ask_load) gives and brings the answer back; what it does not bring back is asked
//! again by a later call.

use super::{Fleet, Group};
use crate::config::{ClientConfig, Deployment, origin};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::{debug_line, warn_line};
use crate::plan::credentials::{Header, headers};
use crate::plan::resources::Resources;
use crate::triton::Request;
use crate::triton::endpoint::model_name;
use crate::triton::load::{Load, Totals, read_metrics};
use crate::triton::reply::Reply;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// In about this time what was is forgotten: a long request is told of when it ends, all at once.
const MEMORY: Duration = Duration::from_secs(5);

/// What one deployment's server is asked, and what came of it.
#[derive(Debug)]
pub(super) struct Watch {
    request: Request,
    headers: Arc<[Header]>,
    kind: Kind,
    state: Mutex<State>,
}

/// What the answer is.
#[derive(Clone, Debug)]
enum Kind {
    Statistics,
    /// Metrics in the words of Prometheus; of this model, or of all.
    Metrics(Option<String>),
}

#[derive(Debug, Default)]
struct State {
    /// When it was asked last, and whether that is not answered yet.
    asked: Option<Instant>,
    waits: bool,
    /// It did not answer: it is left alone until then.
    rests_until: Option<Instant>,
    /// When what it told last was asked for.
    heard: Option<Instant>,
    before: Option<Totals>,
    mean: Option<Load>,
}

/// A question that is due. Dropping it says nothing of the server.
#[derive(Debug)]
pub struct LoadQuestion {
    fleet: Arc<Fleet>,
    at: usize,
    asked: Instant,
    told: bool,
}

impl Watch {
    /// Of a deployment; `None`: nothing of it tells a load.
    pub(super) fn new(
        d: &Deployment,
        config: &ClientConfig,
        resources: &dyn Resources,
    ) -> Option<Watch> {
        let options = d.options.clone().or(&config.defaults);
        let name = model_name(&d.model).ok()?;
        let is_wild = name.contains('*');
        let base = options.api_base.as_deref()?;
        let route = resources.route(
            Some(base),
            if is_wild { "-" } else { name },
            &options.triton,
        );
        let mut headers = headers(&options, None).ok()?;
        let (url, kind) = match &d.metrics_url {
            Some(url) => {
                // A key is for the server that it stands beside.
                if origin(url) != origin(base) {
                    headers.clear();
                }
                let model = (!is_wild).then(|| name.to_owned());
                (url.clone(), Kind::Metrics(model))
            }
            // One that is reached by many names is asked for all of its models.
            None if is_wild => {
                let url = route.ok()?.server_url("/v2/models/stats").ok()?;
                (url, Kind::Statistics)
            }
            None => (route.ok()?.below_model("/stats").ok()?, Kind::Statistics),
        };
        Some(Watch {
            request: Request::get(url),
            headers: headers.into(),
            kind,
            state: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is to be asked now; then it is taken to be asked.
    fn is_due(&self, now: Instant) -> bool {
        let mut state = self.lock();
        let since = |then: Instant| now.saturating_duration_since(then);
        let patience = match state.waits {
            true => limits::LOAD_LOST_AFTER,
            false => limits::LOAD_AGE,
        };
        let is_due = state.asked.is_none_or(|asked| since(asked) >= patience)
            && state.rests_until.is_none_or(|until| now >= until);
        if is_due {
            state.asked = Some(now);
            state.waits = true;
        }
        is_due
    }

    /// Takes an answer to what was asked then. `None`: it tells nothing yet.
    fn learn(&self, reply: Result<Reply>, asked: Instant, now: Instant) -> Result<Option<Load>> {
        let mut state = self.lock();
        if state.asked == Some(asked) {
            state.waits = false;
        }
        let read = reply.and_then(|reply| self.read(&reply));
        let told = match read {
            Ok(told) => told,
            Err(e) => {
                let was_known = state.rests_until.is_some();
                state.rests_until = Some(now + limits::LOAD_FAILED_FOR);
                (state.before, state.mean) = (None, None);
                let url = self.place();
                match was_known {
                    false => warn_line!(
                        "{url} tells nothing of its load ({}); it is taken to be as busy as the others",
                        e.message()
                    ),
                    true => debug_line!("{url} still tells nothing of its load"),
                }
                return Err(e);
            }
        };
        state.rests_until = None;
        // A question that was answered late is older than what is known.
        if state.heard.is_some_and(|then| then >= asked) {
            return Ok(None);
        }
        let then = state.heard.replace(asked).unwrap_or(asked);
        let load = match told {
            Told::Now(load) => load,
            Told::Totals(totals) => {
                let Some(earlier) = state.before.replace(totals) else {
                    return Ok(None);
                };
                let passed = asked - then;
                let Some(load) = totals.since(earlier, passed) else {
                    state.mean = None;
                    return Ok(None);
                };
                let share = 1.0 - (-passed.as_secs_f64() / MEMORY.as_secs_f64()).exp();
                state.mean.map_or(load, |mean| mean.towards(load, share))
            }
        };
        state.mean = Some(load);
        debug_line!(
            "{}: {:.1} requests wait, {:.1} run, KV cache {:.0} %",
            self.place(),
            load.pending,
            load.running,
            load.kv_cache * 100.0
        );
        Ok(Some(load))
    }

    fn read(&self, reply: &Reply) -> Result<Told> {
        if reply.status != 200 {
            return Err(Error::protocol(format!("HTTP {}", reply.status)));
        }
        let told = match &self.kind {
            Kind::Statistics => Totals::read(reply.bytes()).map(Told::Totals),
            Kind::Metrics(model) => read_metrics(reply.bytes(), model.as_deref()).map(Told::Now),
        };
        told.ok_or_else(|| Error::protocol("the answer holds no number of the kind"))
    }

    /// For the log: a query may hold a token.
    fn place(&self) -> &str {
        self.request.url.split('?').next().unwrap_or_default()
    }
}

enum Told {
    Totals(Totals),
    Now(Load),
}

impl Fleet {
    /// The next question that is due about a group. It is asked by nobody else until it is answered, or dropped, or lost.
    pub(crate) fn ask_load(self: &Arc<Self>, group: &Group, now: Instant) -> Option<LoadQuestion> {
        // Where there is no choice, no answer would change anything.
        if self.watches.is_empty() || group.members().len() < 2 {
            return None;
        }
        let mut members = group.members().iter();
        let at = *members.find(|at| {
            let watch = self.watches[**at].as_ref();
            watch.is_some_and(|watch| watch.is_due(now))
        })?;
        Some(LoadQuestion {
            fleet: self.clone(),
            at,
            asked: now,
            told: false,
        })
    }
}

impl LoadQuestion {
    fn watch(&self) -> Option<&Watch> {
        self.fleet.watches[self.at].as_ref()
    }

    /// What to send. A driver gives it no more time than [`limits::LOAD_TIMEOUT`], and reads no more than
    /// [`limits::LOOKUP_BYTES`] of the reply.
    pub fn request(&self) -> Option<&Request> {
        Some(&self.watch()?.request)
    }

    /// Headers for it.
    pub fn headers(&self) -> Arc<[Header]> {
        match self.watch() {
            Some(watch) => watch.headers.clone(),
            None => Arc::default(),
        }
    }

    /// The answer, whatever its status; or why there is none.
    pub fn answered(mut self, reply: Result<Reply>, now: Instant) {
        self.told = true;
        let Some(watch) = self.watch() else {
            return;
        };
        match watch.learn(reply, self.asked, now) {
            Ok(Some(load)) => self.fleet.note_load(self.at, load, self.asked),
            Ok(None) => {}
            Err(_) => self.fleet.forget_load(self.at),
        }
    }
}

impl Drop for LoadQuestion {
    fn drop(&mut self) {
        if self.told {
            return;
        }
        // Not waited for: in a child of fork() nobody may be left to unlock it.
        if let Some(mut state) = self.watch().and_then(|watch| watch.state.try_lock().ok()) {
            if state.asked == Some(self.asked) {
                state.waits = false;
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! What is remembered of models, and for how long; who looks up and who waits meanwhile is the driver's.

use crate::limits;
use crate::triton::exchange::Description;
use crate::triton::look_up::Found;
use crate::triton::model::Model;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Credentials whose failed look-up is remembered, for one model.
const MOST_REFUSED: usize = 64;

/// What is kept for each model, by the URL of its metadata.
#[derive(Debug)]
pub struct Slots<S>(HashMap<String, Arc<S>>);

impl<S> Default for Slots<S> {
    fn default() -> Slots<S> {
        Slots(HashMap::new())
    }
}

impl<S: Default> Slots<S> {
    /// A model's place, a new one where it has none.
    pub fn get(&mut self, url: &str) -> Arc<S> {
        if let Some(slot) = self.0.get(url) {
            return slot.clone();
        }
        if self.0.len() >= limits::MODELS {
            self.0.clear();
        }
        self.0.entry(url.to_owned()).or_default().clone()
    }

    /// Forgets a model of every version, the one at `root` and those below it, for good: it was loaded or unloaded. Who is
    /// looking it up at this moment keeps what he finds to himself.
    pub fn forget_all(&mut self, root: &str) {
        let versions = [root, "/versions/"].concat();
        self.0
            .retain(|url, _| url != root && !url.starts_with(&versions));
    }
}

/// What is known of one model.
#[derive(Debug, Default)]
pub struct Known {
    model: Option<Arc<Model>>,
    looked_at: Option<Instant>,
    forgotten_at: Option<Instant>,
    /// Whose look-ups failed (a key may open less than another), and when.
    refused: HashMap<u64, Instant>,
}

impl Known {
    /// What a call that began then may take without a look-up. `fresh`: what is known is in doubt; `credentials`: a digest of
    /// the call's, made only where one is needed.
    pub fn description(
        &self,
        fresh: bool,
        began: Instant,
        credentials: &dyn Fn() -> u64,
        now: Instant,
    ) -> Option<Description> {
        if let (Some(model), Some(at)) = (&self.model, self.looked_at) {
            // Many callers may doubt at once: one new look answers all.
            if !fresh || now.saturating_duration_since(at) < limits::LOOKUP_AGAIN_AFTER {
                return Some(Description {
                    model: Some(model.clone()),
                    remembered: at < began,
                });
            }
        }
        if self.refused.is_empty() {
            return None;
        }
        let refused_for = now.saturating_duration_since(*self.refused.get(&credentials())?);
        let believed = match fresh {
            true => limits::LOOKUP_AGAIN_AFTER,
            false => limits::LOOKUP_FAILED_FOR,
        };
        (refused_for < believed).then_some(Description {
            model: None,
            remembered: true,
        })
    }

    /// Remembers what a look-up with these credentials came to, and gives it to whoever made it.
    pub fn learn(
        &mut self,
        found: Found,
        credentials: &dyn Fn() -> u64,
        now: Instant,
    ) -> Description {
        match found {
            Found::Model(model) => {
                let model = match &self.model {
                    // Callers that hold the old one see at a glance that nothing changed.
                    Some(old) if **old == model => old.clone(),
                    _ => Arc::new(model),
                };
                self.model = Some(model.clone());
                self.looked_at = Some(now);
                self.refused.clear();
                return Description {
                    model: Some(model),
                    remembered: false,
                };
            }
            Found::Never => {
                if self.refused.len() >= MOST_REFUSED {
                    self.refused.clear();
                }
                self.refused.insert(credentials(), now);
            }
            Found::NotNow => {
                self.model = None;
                self.looked_at = None;
            }
        }
        Description::default()
    }

    /// Forgets a model that was changed. Not over and over: a server may answer with versions that it never tells of.
    pub fn forget(&mut self, now: Instant) {
        let lately = |at: Instant| now.saturating_duration_since(at) < limits::LOOKUP_AGAIN_AFTER;
        if !self.forgotten_at.is_some_and(lately) {
            self.forgotten_at = Some(now);
            self.looked_at = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn model() -> Found {
        Found::Model(Model::read(br#"{"name":"m"}"#, None).unwrap())
    }

    fn mine() -> u64 {
        1
    }

    #[test]
    fn what_was_known_before_a_call_is_remembered() {
        let t = Instant::now();
        let mut known = Known::default();
        assert!(known.description(false, t, &mine, t).is_none());
        known.learn(model(), &mine, t);
        let later = t + Duration::from_secs(5);
        assert!(
            known
                .description(false, later, &mine, later)
                .unwrap()
                .remembered
        );
        assert!(
            !known
                .description(false, t, &mine, later)
                .unwrap()
                .remembered
        );
        // In doubt it is looked at again, but not by everyone at once.
        assert!(known.description(true, later, &mine, later).is_none());
        assert!(known.description(true, t, &mine, t).is_some());
    }

    #[test]
    fn a_refusal_is_remembered_for_a_while_and_for_those_credentials() {
        let t = Instant::now();
        let mut known = Known::default();
        known.learn(Found::Never, &mine, t);
        let at =
            |now, credentials: &dyn Fn() -> u64| known.description(false, now, credentials, now);
        assert!(at(t, &mine).unwrap().model.is_none());
        assert!(at(t, &|| 2).is_none());
        assert!(at(t + limits::LOOKUP_FAILED_FOR, &mine).is_none());
    }

    #[test]
    fn a_model_is_forgotten_not_over_and_over() {
        let t = Instant::now();
        let mut known = Known::default();
        let knows = |known: &Known| known.description(false, t, &mine, t).is_some();
        known.learn(model(), &mine, t);
        known.forget(t);
        assert!(!knows(&known));
        known.learn(model(), &mine, t);
        known.forget(t);
        assert!(knows(&known));
        known.forget(t + limits::LOOKUP_AGAIN_AFTER);
        assert!(!knows(&known));
    }
}

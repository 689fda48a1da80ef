//! What is known of models: looked up once for each model and server, by one caller while the others wait, and again
//! when an answer shows that it is stale. What is remembered, and for how long, is [`Known`]'s.

use super::cancel::{Token, interrupt};
use super::http::Halt;
use crate::error::{Error, Status};
use crate::plan::known::{Known, Slots};
use crate::triton::exchange::Description;
use crate::triton::look_up::Found;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use ureq::unversioned::transport::ShutdownHandle;

type Result<T> = std::result::Result<T, Halt>;

/// All models of one client.
#[derive(Debug, Default)]
pub struct Models {
    slots: Mutex<Slots<Slot>>,
}

#[derive(Debug, Default)]
struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    looking: bool,
    known: Known,
    /// How many look-ups have ended, and the error of the last one, for those who waited for it.
    ended: u64,
    error: Option<Error>,
}

/// Ends a look-up also when it panics: nobody is to wait for ever.
struct Looking<'a>(&'a Slot);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.looking = false;
        state.ended += 1;
        drop(state);
        self.0.changed.notify_all();
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who asks.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    /// When the call began: what was looked up before may be stale.
    pub began: Instant,
    /// When the call ends.
    pub deadline: Instant,
    /// A digest of the credentials, made only where one is needed.
    pub credentials: &'a dyn Fn() -> u64,
    /// When the caller wants his thread back.
    pub patience: Option<Instant>,
    /// Who may end the call.
    pub token: Option<&'a Arc<Token>>,
}

/// Whoever waits for a look-up looks at his own call again.
impl ShutdownHandle for Slot {
    fn shutdown(&self) {
        drop(self.lock());
        self.changed.notify_all();
    }
}

impl Models {
    fn slots(&self) -> MutexGuard<'_, Slots<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a model that was changed.
    pub fn forget(&self, url: &str) {
        let slot = self.slots().get(url);
        slot.lock().known.forget(Instant::now());
    }

    /// Forgets a model of every version: see [`Slots::forget_all`].
    pub fn forget_all(&self, root: &str) {
        self.slots().forget_all(root);
    }

    /// What is known of the model whose metadata is at `url`; `look_up` finds out. `fresh`: what is known is in doubt.
    pub fn describe(
        &self,
        url: &str,
        fresh: bool,
        asker: Asker<'_>,
        look_up: impl FnOnce() -> Result<Found>,
    ) -> Result<Description> {
        let slot = self.slots().get(url);
        if asker
            .token
            .is_some_and(|token| !token.wait_for(interrupt(&slot)))
        {
            return Err(Error::cancelled().into());
        }
        let mut state = slot.lock();
        let mut waited_for = None;
        loop {
            let now = Instant::now();
            if let Some(description) = asker.known(&state.known, fresh, now) {
                return Ok(description);
            }
            // Who waited for a look-up that failed fails with it, instead of waiting for one of his own.
            if waited_for.is_some_and(|round| round < state.ended) {
                if let Some(error) = &state.error {
                    return Err(error.clone().into());
                }
            }
            if !state.looking {
                break;
            }
            waited_for.get_or_insert(state.ended);
            if asker.token.is_some_and(|token| token.is_cancelled()) {
                return Err(Error::cancelled().into());
            }
            let until = asker
                .patience
                .map_or(asker.deadline, |p| p.min(asker.deadline));
            let left = until.saturating_duration_since(now);
            if left.is_zero() {
                return match until < asker.deadline {
                    true => Err(Halt::Paused),
                    false => Ok(Description::default()),
                };
            }
            state = slot
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.looking = true;
        drop(state);

        let looking = Looking(&slot);
        let found = look_up();
        let mut state = slot.lock();
        let now = Instant::now();
        // One who leaves, for a while or for good, leaves the look-up to those who wait.
        state.error = match &found {
            Err(Halt::Failed(error)) if error.status() != Status::Cancelled => Some(error.clone()),
            _ => None,
        };
        let description = found.map(|found| state.known.learn(found, asker.credentials, now));
        drop(state);
        drop(looking);
        description
    }
}

impl Asker<'_> {
    fn known(&self, known: &Known, fresh: bool, now: Instant) -> Option<Description> {
        known.description(fresh, self.began, self.credentials, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triton::model::Model;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn asker() -> Asker<'static> {
        let began = Instant::now();
        Asker {
            began,
            deadline: began + Duration::from_secs(10),
            credentials: &|| 1,
            patience: None,
            token: None,
        }
    }

    fn failure(halt: Halt) -> Error {
        match halt {
            Halt::Failed(error) => error,
            Halt::Paused => panic!("paused"),
        }
    }

    fn model() -> Model {
        Model::read(br#"{"name":"m"}"#, None).unwrap()
    }

    #[test]
    fn many_callers_look_once() {
        let models = Models::default();
        let looks = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| {
                    let look_up = || {
                        looks.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(20));
                        Ok(Found::Model(model()))
                    };
                    assert!(
                        models
                            .describe("u", false, asker(), look_up)
                            .unwrap()
                            .model
                            .is_some()
                    );
                });
            }
        });
        assert_eq!(looks.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_refusal_is_remembered_for_those_credentials() {
        let models = Models::default();
        let never = || Ok(Found::Never);
        assert!(
            !models
                .describe("u", false, asker(), never)
                .unwrap()
                .remembered
        );
        fn unreachable() -> Result<Found> {
            panic!("looked again")
        }
        assert!(
            models
                .describe("u", false, asker(), unreachable)
                .unwrap()
                .remembered
        );
        let other = Asker {
            credentials: &|| 2,
            ..asker()
        };
        assert!(
            models
                .describe("u", false, other, || Ok(Found::Model(model())))
                .unwrap()
                .model
                .is_some()
        );
    }

    #[test]
    fn what_is_not_ready_now_is_asked_again() {
        let models = Models::default();
        models
            .describe("u", false, asker(), || Ok(Found::NotNow))
            .unwrap();
        assert!(
            models
                .describe("u", false, asker(), || Ok(Found::Model(model())))
                .unwrap()
                .model
                .is_some()
        );
    }

    #[test]
    fn a_failed_look_frees_those_who_wait() {
        let models = Models::default();
        let error = models
            .describe("u", false, asker(), || Err(Error::connect("no").into()))
            .unwrap_err();
        assert_eq!(failure(error).message(), "no");
        assert!(
            models
                .describe("u", false, asker(), || Ok(Found::Model(model())))
                .is_ok()
        );
    }

    #[test]
    fn forgetting_looks_again() {
        let models = Models::default();
        models
            .describe("u", false, asker(), || Ok(Found::Model(model())))
            .unwrap();
        models.forget("u");
        let again = models
            .describe("u", false, asker(), || Err(Error::connect("looked").into()))
            .unwrap_err();
        assert_eq!(failure(again).message(), "looked");
    }

    #[test]
    fn a_model_that_was_loaded_anew_is_forgotten_of_every_version() {
        let models = Models::default();
        let known = ["u/m", "u/m/versions/1", "u/m2"];
        let find = || Ok(Found::Model(model()));
        for url in known {
            models.describe(url, false, asker(), find).unwrap();
        }
        // Any number of times, at once.
        for _ in 0..2 {
            models.forget_all("u/m");
            let remembers = |url: &str| {
                let looks = std::cell::Cell::new(false);
                let look_up = || {
                    looks.set(true);
                    find()
                };
                models.describe(url, false, asker(), look_up).unwrap();
                !looks.get()
            };
            assert_eq!(known.map(remembers), [false, false, true]);
        }
    }

    #[test]
    fn one_who_leaves_in_the_middle_holds_nobody_up() {
        let models = Models::default();
        let paused = models.describe("u", false, asker(), || Err(Halt::Paused));
        assert!(matches!(paused, Err(Halt::Paused)));
        let found = models.describe("u", false, asker(), || Ok(Found::Model(model())));
        assert!(found.unwrap().model.is_some());
    }

    #[test]
    fn one_who_waits_may_leave_and_may_be_cancelled() {
        let models = Models::default();
        let token = Arc::new(Token::default());
        std::thread::scope(|scope| {
            let (leave, left) = std::sync::mpsc::channel::<()>();
            let (begun, has_begun) = std::sync::mpsc::channel();
            let models = &models;
            scope.spawn(move || {
                let look_up = || {
                    begun.send(()).unwrap();
                    let _ = left.recv();
                    Ok(Found::Model(model()))
                };
                models.describe("u", false, asker(), look_up).unwrap();
            });
            has_begun.recv().unwrap();
            let impatient = Asker {
                patience: Some(Instant::now() + Duration::from_millis(10)),
                ..asker()
            };
            let unreachable = || panic!("looked again");
            let paused = models.describe("u", false, impatient, unreachable);
            assert!(matches!(paused, Err(Halt::Paused)));
            let token = &token;
            let waits = scope.spawn(move || {
                let asker = Asker {
                    token: Some(token),
                    ..asker()
                };
                models.describe("u", false, asker, || panic!("looked again"))
            });
            std::thread::sleep(Duration::from_millis(20));
            token.cancel();
            let error = failure(waits.join().unwrap().unwrap_err());
            assert_eq!(error.status(), crate::Status::Cancelled);
            drop(leave);
        });
    }
}

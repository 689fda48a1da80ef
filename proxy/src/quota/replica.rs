//! Who this process is to the database, as long as others do not think that it is dead.

use ring::rand::{SecureRandom, SystemRandom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The name of this process in `replicas` and `holds`.
#[derive(Debug)]
pub struct Replica {
    name: Mutex<(Arc<str>, bool)>,
    epoch: AtomicU64,
}

impl Default for Replica {
    fn default() -> Replica {
        Replica {
            name: Mutex::new((name(), false)),
            epoch: AtomicU64::new(0),
        }
    }
}

/// By chance: no two are the same.
fn name() -> Arc<str> {
    let mut chance = [0_u8; 16];
    // Without chance, the process: it is alone where the system is as poor as that.
    if SystemRandom::new().fill(&mut chance).is_err() {
        chance[..4].copy_from_slice(&std::process::id().to_le_bytes());
    }
    chance
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into()
}

impl Replica {
    /// Its name now.
    pub fn name(&self) -> Arc<str> {
        self.lock().0.clone()
    }

    /// How often it began anew.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// It is in the database with this name.
    pub(super) fn is_registered(&self) -> bool {
        self.lock().1
    }

    pub(super) fn registered(&self, name: &str) {
        let mut mine = self.lock();
        mine.1 |= *mine.0 == *name;
    }

    /// It was in there with this name, and is not any more: it has another one from now on, and holds nothing.
    pub fn renew(&self, old: &str) {
        let mut mine = self.lock();
        if *mine.0 == *old {
            *mine = (name(), false);
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Arc<str>, bool)> {
        self.name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

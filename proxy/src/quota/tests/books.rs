//! A bank of memory, that does what the database does.

use super::super::Kind;
use super::super::bank::{Answer, Bank, Deal, Epochs, Row, Said, Trouble, settle, to_all};
use crate::keys::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// What is written.
#[derive(Debug, Default)]
pub struct Books {
    quotas: BTreeMap<(String, Kind), Row>,
    holds: BTreeMap<(String, String, Kind), i64>,
    replicas: BTreeSet<String>,
    pub is_away: bool,
    /// How many deals were asked for.
    pub asked: usize,
}

impl Books {
    pub fn enter(&mut self, replica: &str) {
        self.replicas.insert(replica.to_owned());
    }

    pub fn deal(&mut self, replica: &str, deals: &[Deal]) -> Result<Vec<Answer>, Trouble> {
        self.asked += 1;
        if self.is_away {
            return Err(Trouble::Away);
        }
        if !self.replicas.contains(replica) {
            return Err(Trouble::Void);
        }
        Ok(deals.iter().map(|deal| self.one(replica, deal)).collect())
    }

    fn one(&mut self, replica: &str, deal: &Deal) -> Answer {
        let key = (deal.scope.to_string(), deal.kind);
        let new = Row {
            period: deal.from,
            resets_at: deal.resets_at,
            ..Row::default()
        };
        let row = self.quotas.entry(key).or_insert(new);
        let hold = self
            .holds
            .entry((replica.to_owned(), deal.scope.to_string(), deal.kind));
        let hold = hold.or_insert(0);
        let (after, answer) = settle(
            deal,
            Row {
                hold: *hold,
                ..*row
            },
        );
        (*row, *hold) = (after, after.hold);
        answer
    }

    /// What the journal does, as the head of the room tells it.
    pub fn apply(&mut self, replica: &str, scope: &str, cost: i64) {
        let row = self
            .quotas
            .entry((scope.to_owned(), Kind::Budget))
            .or_default();
        let hold = self
            .holds
            .entry((replica.to_owned(), scope.to_owned(), Kind::Budget));
        let hold = hold.or_insert(0);
        let held = cost.min(*hold);
        row.used += cost;
        row.held -= held;
        *hold -= held;
    }

    pub fn sweep(&mut self, replica: &str) {
        self.replicas.remove(replica);
        for ((name, scope, kind), hold) in &mut self.holds {
            if name == replica {
                let row = self.quotas.entry((scope.clone(), *kind)).or_default();
                row.held -= std::mem::take(hold);
            }
        }
    }

    /// What is used, and what is held.
    pub fn of(&self, scope: &str, kind: Kind) -> (i64, i64) {
        let row = self.quotas.get(&(scope.to_owned(), kind));
        row.map_or((0, 0), |row| (row.used, row.held))
    }

    /// What all replicas hold together.
    pub fn holds(&self, scope: &str, kind: Kind) -> i64 {
        let of_it = self
            .holds
            .iter()
            .filter(|((_, s, k), _)| s == scope && *k == kind);
        of_it.map(|(_, hold)| hold).sum()
    }
}

/// One replica's way to them. It is half past some minute when the first one is there.
#[derive(Clone, Debug)]
pub struct Branch {
    pub books: Arc<Mutex<Books>>,
    name: Arc<Mutex<String>>,
    epoch: Arc<AtomicU64>,
    began: Instant,
    /// Each deal takes one of them.
    pub passes: Arc<Semaphore>,
}

/// Half past some minute.
pub const NOON: i64 = 1_800_000_030_000 - 1_800_000_030_000 % 60_000 + 30_000;

impl Branch {
    pub fn new(name: &str) -> Branch {
        Branch::of(name, Arc::default(), Instant::now())
    }

    fn of(name: &str, books: Arc<Mutex<Books>>, began: Instant) -> Branch {
        books.lock().unwrap().enter(name);
        Branch {
            books,
            name: Arc::new(Mutex::new(name.to_owned())),
            epoch: Arc::default(),
            began,
            passes: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        }
    }

    /// Another replica, of the same database and by the same clock.
    pub fn other(&self, name: &str) -> Branch {
        Branch::of(name, self.books.clone(), self.began)
    }

    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    pub fn name(&self) -> String {
        self.name.lock().unwrap().clone()
    }
}

impl Bank for Branch {
    fn deal(&self, deals: Arc<[Deal]>) -> impl Future<Output = Said> + Send + 'static {
        let branch = self.clone();
        async move {
            branch.passes.acquire().await.unwrap().forget();
            let name = branch.name();
            let said = branch.books().deal(&name, &deals);
            if said == Err(Trouble::Void) {
                let new = format!("{name}'");
                branch.books().enter(&new);
                *branch.name.lock().unwrap() = new;
                branch.epoch.fetch_add(1, Ordering::Relaxed);
            }
            to_all(&deals, said)
        }
    }

    fn now(&self) -> Time {
        Time(NOON + self.began.elapsed().as_millis() as i64)
    }

    fn epochs(&self) -> Epochs {
        let epoch = self.epoch.load(Ordering::Relaxed);
        Epochs {
            money: epoch,
            permits: epoch,
        }
    }
}

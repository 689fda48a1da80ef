//! Keys that were looked up, kept for a while: until somebody changes them, here or at another replica.

use super::pass::Pass;
use crate::keys::{Scope, Token};
use crate::quota::Accounts;
use crate::store::{Change, Failure, Store};
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// Keys that are kept.
const KEYS: usize = 20_000;

/// Texts that are kept for being no keys.
const STRANGERS: usize = 20_000;

/// Changes are heard of; what is older is looked up again all the same, if the database is there.
const FRESH: Duration = Duration::from_secs(60);

/// The same for a text that is no key.
const NO_KEY: Duration = Duration::from_secs(10);

/// Looked up at once. Whoever sends many wrong keys does not have the database for himself.
const AT_ONCE: usize = 16;

/// What is known of keys.
#[derive(Debug)]
pub struct Known {
    store: Store,
    passes: Cache<Token, (Instant, Arc<Pass>)>,
    strangers: Cache<Token, Instant>,
    /// Of keys, teams and users: what they have borrowed outlives what is known of them.
    accounts: Arc<Accounts>,
    /// Counts changes: what was read before one is not kept after it.
    changes: AtomicU64,
    asks: Semaphore,
}

impl Known {
    /// Nothing yet.
    pub fn new(store: Store, accounts: Arc<Accounts>) -> Known {
        Known {
            store,
            passes: Cache::new(KEYS),
            strangers: Cache::new(STRANGERS),
            accounts,
            changes: AtomicU64::new(0),
            asks: Semaphore::new(AT_ONCE),
        }
    }

    /// A key that is known well enough to look nothing up.
    pub fn at_hand(&self, token: &Token) -> Option<Arc<Pass>> {
        let (at, pass) = self.passes.get(token)?;
        (at.elapsed() < FRESH || !self.store.is_up()).then_some(pass)
    }

    /// A key; `None`: it is none.
    ///
    /// Errors: it is not known here, and the database is away.
    pub async fn find(&self, token: Token) -> Result<Option<Arc<Pass>>, Failure> {
        if let Some(pass) = self.at_hand(&token) {
            return Ok(Some(pass));
        }
        if let Some(at) = self.strangers.get(&token) {
            if at.elapsed() < NO_KEY {
                return Ok(None);
            }
        }
        let _turn = self.asks.acquire().await;
        // Somebody else may have asked meanwhile.
        if let Some(pass) = self.at_hand(&token) {
            return Ok(Some(pass));
        }
        let before = self.changes.load(Ordering::Acquire);
        let found = match self.look_up(token).await {
            Ok(found) => found,
            // Better what was known than nothing.
            Err(failure) => {
                return match self.passes.get(&token) {
                    Some((_, pass)) => Ok(Some(pass)),
                    None => Err(failure),
                };
            }
        };
        let now = Instant::now();
        match &found {
            Some(pass) => self.passes.insert(token, (now, pass.clone())),
            None => {
                self.passes.remove(&token);
                self.strangers.insert(token, now);
            }
        }
        if self.changes.load(Ordering::Acquire) != before {
            self.passes.remove(&token);
            self.strangers.remove(&token);
        }
        Ok(found)
    }

    async fn look_up(&self, token: Token) -> Result<Option<Arc<Pass>>, Failure> {
        let Some(key) = self.store.key(token).await? else {
            return Ok(None);
        };
        let mut accounts = vec![
            self.accounts
                .of(&Scope::Key(token), &key.limits, key.created_at),
        ];
        let (mut team, mut user) = (None, None);
        if let Some(id) = &key.team_id {
            team = self.store.team(id.clone()).await?;
        } else if let Some(id) = &key.user_id {
            user = self.store.user(id.clone()).await?;
        }
        if let Some(team) = &team {
            let scope = Scope::Team(team.team_id.clone());
            accounts.push(self.accounts.of(&scope, &team.limits, team.created_at));
        }
        if let Some(user) = &user {
            let scope = Scope::User(user.user_id.clone());
            accounts.push(self.accounts.of(&scope, &user.limits, user.created_at));
        }
        let pass = Pass::new(key, team, user.as_ref(), accounts);
        Ok(Some(Arc::new(pass)))
    }

    /// Forgets what is changed, for ever.
    pub async fn listen(self: Arc<Known>) {
        let mut changes = self.store.changes();
        loop {
            match changes.recv().await {
                Ok(change) => self.forget(&change),
                Err(RecvError::Lagged(_)) => self.forget(&Change::All),
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Forgets what was told to somebody who listens beside it: who made a change meets it with the next request.
    pub fn catch_up(&self, changes: &mut Receiver<Change>) {
        loop {
            match changes.try_recv() {
                Ok(change) => self.forget(&change),
                Err(TryRecvError::Lagged(_)) => self.forget(&Change::All),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn forget(&self, change: &Change) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        match change {
            Change::Key(token) => {
                self.passes.remove(token);
                self.strangers.remove(token);
            }
            Change::Team(id) => self
                .passes
                .retain(|_, (_, pass)| pass.key.team_id.as_ref() != Some(id)),
            Change::User(id) => self
                .passes
                .retain(|_, (_, pass)| pass.key.user_id.as_ref() != Some(id)),
            Change::All => {
                // Those that are known hold while the database is away, and are looked up again when it is back.
                self.strangers.clear();
                self.passes.retain(|_, _| !self.store.is_up());
            }
        }
    }
}

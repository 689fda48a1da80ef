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

/// How often a key is looked up that is changed meanwhile.
const TRIES: usize = 3;

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
    /// Counts changes: what was read before one is read again after it.
    changes: AtomicU64,
    /// Counts those by which something is gone: what was read before one is not kept at all.
    gone: AtomicU64,
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
            gone: AtomicU64::new(0),
            asks: Semaphore::new(AT_ONCE),
        }
    }

    /// A key that is known well enough to look nothing up.
    pub fn at_hand(&self, token: &Token) -> Option<Arc<Pass>> {
        let (at, pass) = self.passes.get(token)?;
        let is_fresh = at.elapsed() < FRESH && !pass.is_stale();
        (is_fresh || !self.store.is_up()).then_some(pass)
    }

    /// A key as it was last, be it good now or not: for those who want to name who was turned away.
    pub fn last(&self, token: &Token) -> Option<Arc<Pass>> {
        self.passes.get(token).map(|(_, pass)| pass)
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
        let mut tries = 0;
        loop {
            tries += 1;
            let before = (self.changes(), self.gone.load(Ordering::Acquire));
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
            // After it is kept, so that whoever forgets it meanwhile finds it, or is found.
            if self.gone.load(Ordering::Acquire) != before.1 {
                self.passes.remove(&token);
            }
            if self.changes() == before.0 {
                return Ok(found);
            }
            self.strangers.remove(&token);
            if let Some((_, pass)) = self.passes.get(&token) {
                pass.turn_stale();
            }
            // It was good a moment ago, or it was none.
            if tries == TRIES {
                return Ok(found);
            }
        }
    }

    fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
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

    /// What is changed is looked up again, and holds until then only if the database is away. What is gone holds no more.
    fn forget(&self, change: &Change) {
        if matches!(change, Change::Gone(_)) {
            self.gone.fetch_add(1, Ordering::AcqRel);
        }
        self.changes.fetch_add(1, Ordering::AcqRel);
        match change {
            Change::Key(token) => {
                self.strangers.remove(token);
                if let Some((_, pass)) = self.passes.get(token) {
                    pass.turn_stale();
                }
            }
            Change::Team(id) => self.stale(|pass| pass.key.team_id.as_ref() == Some(id)),
            Change::User(id) => self.stale(|pass| pass.key.user_id.as_ref() == Some(id)),
            Change::Gone(Scope::Key(token)) => {
                self.passes.remove(token);
                self.strangers.remove(token);
            }
            Change::Gone(Scope::Team(id)) => self
                .passes
                .retain(|_, (_, pass)| pass.key.team_id.as_ref() != Some(id)),
            Change::Gone(Scope::User(id)) => self
                .passes
                .retain(|_, (_, pass)| pass.key.user_id.as_ref() != Some(id)),
            Change::All => {
                self.strangers.clear();
                self.stale(|_| true);
            }
        }
    }

    fn stale(&self, is_changed: impl Fn(&Pass) -> bool) {
        self.passes.retain(|_, (_, pass)| {
            if is_changed(pass) {
                pass.turn_stale();
            }
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Key, Limits, Team, Time};
    use crate::store::Address;
    use running::postgres::Postgres;
    use std::time::Duration;
    use tokio::time::timeout;

    /// A key of a team, or of none.
    fn key(name: &str, team_id: Option<&str>) -> Key {
        Key {
            token: Token::of(name.as_bytes()),
            key_name: name.to_owned(),
            key_alias: None,
            team_id: team_id.map(str::to_owned),
            user_id: None,
            models: Vec::new(),
            aliases: Default::default(),
            limits: Limits::default(),
            metadata: Default::default(),
            allowed_routes: Vec::new(),
            blocked: false,
            expires: None,
            created_by: String::new(),
            created_at: Time(1),
            updated_at: Time(1),
        }
    }

    fn team(id: &str) -> Team {
        Team {
            team_id: id.to_owned(),
            team_alias: None,
            models: Vec::new(),
            limits: Limits::default(),
            metadata: Default::default(),
            members: Vec::new(),
            blocked: false,
            created_at: Time(1),
            updated_at: Time(1),
        }
    }

    /// Waits until the database is there, or not.
    async fn becomes(store: &Store, is_up: bool) {
        let mut up = store.watch();
        let there = timeout(Duration::from_secs(60), up.wait_for(|is| *is == is_up));
        there.await.expect("it is told").expect("the store lives");
    }

    #[tokio::test]
    async fn what_was_changed_holds_without_the_database_and_what_is_gone_does_not() {
        let server = Postgres::start();
        let store = Store::open(&Address::parse(&server.database()).unwrap()).unwrap();
        becomes(&store, true).await;
        let known = Known::new(store.clone(), Arc::default());
        for id in ["changed", "blocked"] {
            store.insert_team(team(id)).await.unwrap();
        }
        let all = [
            ("same", None),
            ("changed", None),
            ("of a changed team", Some("changed")),
            ("deleted", None),
            ("blocked", None),
            ("of a blocked team", Some("blocked")),
            ("regenerated", None),
        ];
        for (name, team) in all {
            store.insert_key(key(name, team)).await.unwrap();
            assert!(known.find(key(name, None).token).await.unwrap().is_some());
        }
        let mut changes = store.changes();
        let token = |name: &str| key(name, None).token;
        let (changed, regenerated) = (token("changed"), token("regenerated"));
        store
            .change_key(changed, |key| key.updated_at = Time(2))
            .await
            .unwrap();
        store
            .change_key(token("blocked"), |key| key.blocked = true)
            .await
            .unwrap();
        let other = token("another");
        store
            .change_key(regenerated, move |key| key.token = other)
            .await
            .unwrap();
        store.delete_keys(vec![token("deleted")]).await.unwrap();
        store
            .change_team("changed".to_owned(), |_| {})
            .await
            .unwrap();
        store
            .change_team("blocked".to_owned(), |team| team.blocked = true)
            .await
            .unwrap();
        known.catch_up(&mut changes);
        known.forget(&Change::All);
        assert!(known.at_hand(&changed).is_none(), "it is looked up again");
        server.stop();
        // Maybe nobody has noticed yet.
        for _ in 0..2 {
            for (name, holds) in [
                ("same", true),
                ("changed", true),
                ("of a changed team", true),
                ("deleted", false),
                ("blocked", false),
                ("of a blocked team", false),
                ("regenerated", false),
            ] {
                let found = known.find(token(name)).await;
                assert_eq!(found.is_ok(), holds, "{name}: {found:?}");
            }
            becomes(&store, false).await;
        }
    }
}

//! The database of keys, opened: when the proxy starts, where it is configured or has been there before, else when the first key is made.

use super::brute::Strangers;
use super::known::Known;
use crate::config::KeySettings;
use crate::keys::Scope;
use crate::quota::{self, Accounts, Lenders};
use crate::redis::Redis;
use crate::spend::{Flusher, Journal, Policy};
use crate::store::{Address, Store};
use futures_util::future::join;
use mishikallm::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::warn;

/// Below the folder of a user's data, or of what programs remember.
const NAME: &str = "mishikallm";

/// The file of keys, where nothing else is said.
const FILE: &str = "mishikallm.db";

/// How long a proxy that starts waits for a database that is not there.
const ARRIVAL: Duration = Duration::from_secs(2);

/// How long what was spent is brought into the database at the end.
const PARTING: Duration = Duration::from_secs(5);

/// One for the process: what a configuration that is read again says of it takes a restart.
#[derive(Debug)]
pub struct Keyring {
    settings: KeySettings,
    /// The file of keys, if no database is named; `None`: there is no place for one.
    file: Option<PathBuf>,
    open: OnceLock<Arc<Open>>,
    opening: Mutex<()>,
    policy: watch::Sender<Policy>,
    /// Who tries keys that are none.
    pub strangers: Strangers,
}

/// What there is when the database is opened, be it away or not.
#[derive(Debug)]
pub struct Open {
    /// The database.
    pub store: Store,
    /// Keys that were looked up.
    pub known: Arc<Known>,
    /// Where this process borrows of limits.
    pub lenders: Lenders,
    /// What was spent.
    pub journal: Journal,
    /// Stops what gives back what was borrowed: then it gives back all.
    keeper: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl Open {
    /// Where replicas count together, if there is one.
    pub fn redis(&self) -> Option<&Redis> {
        self.lenders.counter.as_ref().map(quota::Counter::redis)
    }
}

impl Keyring {
    /// Opens nothing yet.
    pub fn new(settings: &KeySettings) -> Keyring {
        Keyring {
            settings: settings.clone(),
            file: below("XDG_DATA_HOME", ".local/share").map(|at| at.join(FILE)),
            open: OnceLock::new(),
            opening: Mutex::default(),
            policy: watch::Sender::new(policy(settings)),
            strangers: Strangers::default(),
        }
    }

    /// Opens a database that is configured, or that is there already.
    pub fn start(&self) -> Result<(), Error> {
        let is_there = || self.file.as_ref().is_some_and(|path| path.exists());
        match self.settings.database_url.is_some() || is_there() {
            true => self.open().map(drop),
            false => Ok(()),
        }
    }

    /// Where the database is; `None`: there is no place for a file.
    fn address(&self) -> Option<Address> {
        match &self.settings.database_url {
            // The configuration was checked.
            Some(url) => Address::parse(url.reveal()),
            None => self.file.as_deref().map(Address::file),
        }
    }

    /// Waits a while for a database that was opened: keys that come before it would be turned away. For Redis as well, without which
    /// limits would hold for this replica alone.
    pub async fn come(&self) {
        if let Some(open) = self.open.get() {
            let mut up = open.store.watch();
            let redis = async {
                if let Some(redis) = open.redis() {
                    redis.come().await;
                }
            };
            let both = join(up.wait_for(|is_up| *is_up), redis);
            let _ = timeout(ARRIVAL, both).await;
        }
    }

    /// There is no master key, so that no key is needed, and none can be made.
    pub fn say_unused(&self) {
        if self.settings.database_url.is_some() {
            warn!(
                "there is no master key: the database of keys is not opened, and anyone may call"
            );
        }
        if self.settings.redis.is_some() {
            warn!("there is no master key: no key has limits, and Redis is not used");
        }
    }

    /// A configuration was read again. Where the database is holds as it was, and that is said.
    pub fn change(&self, settings: &KeySettings) {
        self.policy.send_replace(policy(settings));
        let places = |of: &KeySettings| (of.database_url.clone(), of.journal_folder.clone());
        if places(settings) != places(&self.settings) {
            warn!(
                "general_settings: database_url and spend_journal_dir hold as they were until the proxy is started again"
            );
        }
        if settings.redis != self.settings.redis {
            warn!(
                "router_settings: which Redis there is holds as it was until the proxy is started again"
            );
        }
    }

    /// What is open; `None`: nothing is yet, so that there are no keys.
    pub fn get(&self) -> Option<&Arc<Open>> {
        self.open.get()
    }

    /// Opens the database if it is not open.
    ///
    /// Errors: HTTP 503; there is no place for it, or the system gives no thread.
    pub fn open(&self) -> Result<&Arc<Open>, Error> {
        if let Some(open) = self.open.get() {
            return Ok(open);
        }
        let _mine = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = self.open.get() {
            return Ok(open);
        }
        let open = self.opened()?;
        Ok(self.open.get_or_init(|| open))
    }

    fn opened(&self) -> Result<Arc<Open>, Error> {
        let unavailable = |why: String| Error::unavailable(503, why);
        let address = &self.address().ok_or_else(|| {
            unavailable(
                "there is no place for keys: set general_settings.database_url, or HOME".to_owned(),
            )
        })?;
        let store = Store::open(address).map_err(|e| {
            unavailable(format!(
                "the database of keys cannot be opened: {}",
                e.kind()
            ))
        })?;
        let desk = quota::Desk::new(store.clone());
        let journal = Journal::open(&self.journal_folder(address), desk.replica().clone());
        let accounts = Arc::new(Accounts::default());
        let known = Arc::new(Known::new(store.clone(), accounts.clone()));
        store.spawn(known.clone().listen());
        let told = accounts.clone();
        let told = Box::new(move |scope: &str, cost| {
            if let Some(scope) = Scope::parse(scope) {
                told.applied(&scope, cost);
            }
        });
        let policy = self.policy.subscribe();
        let flusher = Flusher::new(journal.clone(), store.clone(), policy, told);
        let undertaker = (store.clone(), desk.clone());
        let flusher = flusher.burying(Box::new(move |replica: &str| {
            let (desk, replica) = (undertaker.1.clone(), replica.to_owned());
            // An error: whoever notices later that it is gone does it.
            let sweep = async move { drop(desk.sweep(&replica).await) };
            undertaker.0.spawn(sweep);
        }));
        store.spawn(flusher.run());
        let (stop, stopped) = oneshot::channel::<()>();
        let counter = self.settings.redis.clone().map(|address| {
            let (redis, life) = Redis::new(address);
            store.spawn(life);
            quota::Counter::new(redis)
        });
        let lenders = Lenders { desk, counter };
        let (mine, its) = (lenders.clone(), accounts.clone());
        let kept = store.spawn(async move {
            let stopped = async { drop(stopped.await) };
            quota::keep(mine, &its, stopped).await;
        });
        Ok(Arc::new(Open {
            store,
            known,
            lenders,
            journal,
            keeper: Mutex::new(Some((stop, kept))),
        }))
    }

    fn journal_folder(&self, address: &Address) -> PathBuf {
        if let Some(folder) = &self.settings.journal_folder {
            return folder.clone();
        }
        match address.file_path() {
            Some(file) => {
                let mut name = file.file_name().unwrap_or_default().to_owned();
                name.push(".spend");
                file.with_file_name(name)
            }
            None => {
                let state = below("XDG_STATE_HOME", ".local/state");
                let state = state.unwrap_or_else(|| std::env::temp_dir().join(NAME));
                state.join(format!("spend-{}", address.fingerprint()))
            }
        }
    }

    /// Brings what was spent into the database, gives back what was borrowed, and closes it.
    pub async fn finish(&self) {
        let Some(open) = self.open.get() else {
            return;
        };
        if !open.journal.finish(PARTING).await {
            warn!(
                "not all that was spent is in the database yet: it comes there when the proxy is started again"
            );
        }
        let keeper = open
            .keeper
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((stop, kept)) = keeper {
            let _ = stop.send(());
            let _ = timeout(PARTING, kept).await;
        }
        open.store.close().await;
    }
}

fn policy(settings: &KeySettings) -> Policy {
    Policy {
        disable_spend_logs: settings.disable_spend_logs,
        retention: settings.spend_logs_kept,
    }
}

/// A folder of this program's, below one that a variable names, or below the user's own.
fn below(variable: &str, otherwise: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = set(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = || set("HOME").map(|home| Path::new(&home).join(otherwise));
    base.or_else(home).map(|base| base.join(NAME))
}

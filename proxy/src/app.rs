//! What one configuration gives to all requests, and what one worker thread has of its own.

use crate::auth::Auth;
use crate::config::{General, Settings};
use crate::gate::{Keyring, PriceList};
use crate::models::Listings;
use crate::relay::{Connector, Models, Progress, Run, Wire};
use crate::seen;
use mishikallm::Result;
use mishikallm::json::Fields;
use mishikallm::openai::Operation;
use mishikallm::plan::call::{Call, Env, Manner};
use mishikallm::plan::fleet::{Fleet, Group};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

/// What one configuration gives to all requests.
#[derive(Debug)]
pub struct App {
    /// The models, and how they fare.
    pub fleet: Arc<Fleet>,
    /// Who may call.
    pub auth: Auth,
    /// Other keys than the master key: the process's.
    pub keyring: Arc<Keyring>,
    /// What deployments cost.
    pub prices: Arc<PriceList>,
    /// What callers may do.
    pub general: General,
    /// Models' servers are told of the trace that a request is part of.
    pub forwards_trace: bool,
    /// What is known of Triton's models.
    pub models: Models,
    /// What servers have, behind a `*`.
    pub listings: Listings,
    connector: Arc<Connector>,
}

impl App {
    /// Errors: a file of the configuration's `tls` cannot be used.
    pub fn new(settings: Settings, keyring: Arc<Keyring>) -> Result<App> {
        let Settings {
            fleet,
            general,
            forwards_trace,
            ..
        } = settings;
        let connector = Arc::new(Connector::new(fleet.config())?);
        // What the configuration before has counted goes on.
        let fleet = fleet.counting_in(seen::metrics::tally);
        Ok(App {
            connector,
            forwards_trace,
            listings: Listings::new(&fleet),
            prices: Arc::new(PriceList::new(&fleet)),
            keyring,
            fleet: Arc::new(fleet),
            auth: Auth::new(general.master_key.clone()),
            general,
            models: Models::default(),
        })
    }

    /// Begins a call; nothing is sent yet.
    pub fn call(
        &self,
        operation: Operation,
        fields: Fields,
        env: Env,
        manner: Manner,
        now: Instant,
    ) -> Result<Call> {
        Call::new(operation, fields, &self.fleet, env, manner, now)
    }
}

/// One thread's: a configuration, and connections of its own.
#[derive(Debug)]
pub struct Worker {
    /// Shared with the other threads.
    pub app: Arc<App>,
    /// Not shared.
    pub wire: Wire,
}

impl Worker {
    /// Opens nothing.
    pub fn new(app: Arc<App>) -> Worker {
        let wire = Wire::new(app.connector.clone(), app.fleet.config());
        Worker { app, wire }
    }
    /// Asks one deployment of a group something, to see how it is; see [`Call::check`].
    pub async fn check(
        &self,
        operation: Operation,
        fields: Fields,
        of: (&Group, usize),
    ) -> Result<String> {
        let env = mishikallm::client::env();
        let call = Call::check(operation, fields, &self.app.fleet, of, env)?;
        let mut run = Box::new(Run::new(call, Instant::now()));
        loop {
            let next = poll_fn(|cx| run.poll_next(cx, &self.wire, &self.app.models)).await;
            if let Progress::Answer(answer) = next? {
                return Ok(answer);
            }
        }
    }
}

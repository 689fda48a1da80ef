//! Who calls, and what they may: between a request and what it asks for.
//!
//! ```text
//! key ─► Claim ─► Known: Pass (cached; else the database) ─► route ─► model ─► reserve ─► Charge ─► settle: journal
//! ```

mod admit;
mod brute;
mod charge;
mod headers;
mod keyring;
mod known;
pub mod models;
mod pass;
mod prices;
pub mod routes;

pub use admit::{Asked, admit};
pub use charge::Charge;
pub use headers::tell;
pub use keyring::{Keyring, Open};
pub use pass::Pass;
pub use prices::PriceList;

use crate::app::App;
use crate::auth::Claim;
use crate::keys::{Time, Token};
use crate::store::Failure;
use mishikallm::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who called.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Anyone: there is no master key, or the route is public.
    Anyone,
    /// Who has the master key.
    Master,
    /// Who has a key that is good now.
    Key(Arc<Pass>),
}

impl Caller {
    /// The key, where it is one of the database's.
    pub fn pass(&self) -> Option<&Arc<Pass>> {
        match self {
            Caller::Key(pass) => Some(pass),
            Caller::Anyone | Caller::Master => None,
        }
    }
}

/// Finds out who has made a claim.
///
/// Errors: HTTP 401, of an address that has tried many after a while; 503, the database is away and the key not known here.
pub async fn caller(app: &App, claim: Claim, from: IpAddr) -> Result<Caller, Error> {
    let token = match claim {
        Claim::Anyone => return Ok(Caller::Anyone),
        Claim::Master => return Ok(Caller::Master),
        Claim::Key(token) => token,
    };
    let pass = match at_hand(app, &token) {
        Some(pass) => pass,
        // Apart: it is rare, and has much to remember.
        None => Box::pin(find(app, token, from)).await?,
    };
    pass.check(Time::now)?;
    Ok(Caller::Key(pass))
}

/// Whose key a claim is that was turned away, where that is known without asking.
pub fn last_seen(app: &App, claim: Claim) -> Option<Caller> {
    let Claim::Key(token) = claim else {
        return None;
    };
    let pass = app.keyring.get()?.known.last(&token)?;
    Some(Caller::Key(pass))
}

fn at_hand(app: &App, token: &Token) -> Option<Arc<Pass>> {
    app.keyring.get()?.known.at_hand(token)
}

async fn find(app: &App, token: Token, from: IpAddr) -> Result<Arc<Pass>, Error> {
    let found = match app.keyring.get() {
        Some(open) => open.known.find(token).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(pass)) => Ok(pass),
        Ok(None) => {
            let pause = app.keyring.strangers.wrong(from, Instant::now());
            if pause > Duration::ZERO {
                tokio::time::sleep(pause).await;
            }
            Err(Error::server(401, "the key is not valid"))
        }
        Err(failure) => Err(away(&failure)),
    }
}

/// The database was asked, and did not answer.
fn away(failure: &Failure) -> Error {
    let why = match failure {
        Failure::Away => {
            "the database of keys is away, and whether this key is valid is not known here: try again"
        }
        _ => "whether this key is valid cannot be found out; the log of the proxy says why",
    };
    Error::unavailable(503, why).with_retry_after(Some(Duration::from_secs(1)))
}

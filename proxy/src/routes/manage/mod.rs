//! Keys, users, teams, and what they spent: the reference's routes for those who manage the proxy, with its names, fields and answers.
//!
//! An answer holds a key itself only where it is made.

mod desk;
mod fault;
mod fields;
mod keys;
mod models;
mod query;
mod shown;
mod spend;
pub mod table;
mod teams;
#[cfg(test)]
mod tests;
mod trail;
mod users;

use crate::gate::routes::Purpose;
use crate::reply::{self, Answer};
use bytes::Bytes;
pub use desk::{Caller, Desk};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use mishikallm::Result;
use query::Query;
use serde_json::Value;
use table::{Action, Route};
pub use trail::{Trail, by};

/// What the spend of the master key's own calls is told under, as the reference does.
const MASTER: &str = "mishikallm_proxy_master_key";

/// How many entries a list has on all its pages.
const TOTAL: HeaderName = HeaderName::from_static("x-mishikallm-total-count");

/// A request whose caller may call the route.
#[derive(Debug)]
pub struct Asked<'a> {
    /// What it asks for.
    pub route: Route,
    /// What stands behind the question mark.
    pub query: Option<&'a str>,
    /// Its body, whole.
    pub body: Bytes,
    /// Who asks.
    pub caller: Caller<'a>,
}

/// Answers it. `trail` learns what it is about.
pub async fn answer(desk: &Desk<'_>, asked: Asked<'_>, trail: &mut Trail<'_>) -> Response<Answer> {
    let mut total = None;
    let mut response = match done(desk, &asked, trail, &mut total).await {
        Ok(told) => reply::json(StatusCode::OK, told.to_string()),
        Err(e) => reply::error(&e),
    };
    let headers = response.headers_mut();
    if let Some(total) = total {
        headers.insert(TOTAL, total.into());
    }
    // It may hold a key, and what it tells is soon another.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `total`: how many there are on all pages, of a list that has no place for it.
async fn done(
    desk: &Desk<'_>,
    asked: &Asked<'_>,
    trail: &mut Trail<'_>,
    total: &mut Option<u64>,
) -> Result<Value> {
    let caller = asked.caller;
    let action = &asked.route.action;
    keys::check(caller, asked.route.purpose() == Purpose::Info)?;
    let query = Query::read(asked.query);
    let body = || fields::read(&asked.body);
    let counted = |(list, count)| {
        *total = Some(count);
        list
    };
    match action {
        Action::GenerateKey => keys::generate(desk, caller, trail, body()?).await,
        Action::KeyInfo => keys::info(desk, caller, trail, &query).await,
        Action::ListKeys => keys::list(desk, &query).await,
        Action::UpdateKey => keys::update(desk, trail, body()?).await,
        Action::DeleteKeys => keys::delete(desk, trail, body()?).await,
        Action::BlockKey => keys::block(desk, trail, body()?, true).await,
        Action::UnblockKey => keys::block(desk, trail, body()?, false).await,
        Action::RegenerateKey(key) => keys::regenerate(desk, trail, key.as_deref(), body()?).await,
        Action::NewUser => users::new(desk, caller, trail, body()?).await,
        Action::UserInfo => users::info(desk, caller, trail, &query).await,
        Action::ListUsers => users::list(desk, &query).await,
        Action::UpdateUser => users::update(desk, trail, body()?).await,
        Action::DeleteUsers => users::delete(desk, trail, body()?).await,
        Action::NewTeam => teams::new(desk, trail, body()?).await,
        Action::TeamInfo => teams::info(desk, trail, &query).await,
        Action::ListTeams => teams::list(desk, &query).await.map(counted),
        Action::UpdateTeam => teams::update(desk, trail, body()?).await,
        Action::DeleteTeams => teams::delete(desk, trail, body()?).await,
        Action::BlockTeam => teams::block(desk, trail, body()?, true).await,
        Action::UnblockTeam => teams::block(desk, trail, body()?, false).await,
        Action::AddMember => teams::add(desk, trail, body()?).await,
        Action::DeleteMember => teams::remove(desk, trail, body()?).await,
        Action::SpendLogs => spend::logs(desk, caller, &query).await.map(counted),
        Action::SpendPages => spend::pages(desk, caller, &query).await,
        Action::SpendKeys => spend::keys(desk).await,
        Action::GlobalSpend => spend::total(desk).await,
    }
}

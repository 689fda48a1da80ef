//! The way to the routes of keys, users and teams: their request is read, and the database opened. Whatever becomes of it, the audit is told.

use super::body;
use super::manage::{self, Asked, Desk, Trail, table};
use crate::app::Worker;
use crate::gate::Caller;
use crate::keys::Time;
use crate::reply::{self, Answer};
use crate::store::Store;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body::Body;
use mishikallm::Error;
use std::time::Duration;
use tokio::time::timeout;

/// A database that was opened this moment is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers it.
pub async fn answer<B>(
    worker: &Worker,
    caller: &Caller,
    route: table::Route,
    call: &str,
    request: Request<B>,
) -> Response<Answer>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    let mut trail = Trail::new(call, by(Some(caller), &route), &route);
    let response = managed(worker, caller, route, &mut trail, request).await;
    trail.end(response.status().as_u16());
    response
}

async fn managed<B>(
    worker: &Worker,
    caller: &Caller,
    route: table::Route,
    trail: &mut Trail<'_>,
    request: Request<B>,
) -> Response<Answer>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    let app = &worker.app;
    let Some(master) = app.auth.master() else {
        let why = "there is no master key, so that there are no other keys: set general_settings.master_key";
        return reply::error(&Error::server(400, why));
    };
    let caller = match caller {
        Caller::Key(pass) => manage::Caller::of(&pass.key, &route),
        Caller::Master | Caller::Anyone => manage::Caller::Master,
    };
    let open = match app.keyring.open() {
        Ok(open) => open,
        Err(e) => return reply::error(&e),
    };
    let (head, body) = request.into_parts();
    let body = match body::whole(body, app.general.max_request_bytes).await {
        Ok(body) => body,
        Err(unread) => {
            let mut response = reply::error(&unread.error);
            // The rest of it is in the way of another request.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
            return response;
        }
    };
    come(&open.store).await;
    let desk = Desk {
        store: &open.store,
        master,
        now: Time::now(),
    };
    let asked = Asked {
        route,
        query: head.uri.query(),
        body,
        caller,
    };
    // A key that is deleted is none any more when this is answered.
    let mut changes = open.store.changes();
    let response = manage::answer(&desk, asked, trail).await;
    open.known.catch_up(&mut changes);
    response
}

/// Waits a while for a database that is not there yet, and not for one that is away.
async fn come(store: &Store) {
    if store.is_new() {
        let mut up = store.watch();
        let _ = timeout(PATIENCE, up.wait_for(|up| *up)).await;
    }
}

/// One that was turned away before it came here is in the audit too.
pub fn turned_away(call: &str, caller: Option<&Caller>, route: &table::Route, status: u16) {
    Trail::new(call, by(caller, route), route).end(status);
}

/// Who calls; `None`: somebody whose key is not known, or holds no more.
fn by(caller: Option<&Caller>, route: &table::Route) -> String {
    match caller {
        None => "an unknown key".to_owned(),
        // There is no master key.
        Some(Caller::Anyone) => "anyone".to_owned(),
        Some(Caller::Master) => manage::by(manage::Caller::Master),
        Some(Caller::Key(pass)) => manage::by(manage::Caller::of(&pass.key, route)),
    }
}

//! The way to the routes of keys, users and teams: their request is read, and the database opened.

use super::body;
use super::manage::{self, Asked, Desk, table};
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
        call,
    };
    // A key that is deleted is none any more when this is answered.
    let mut changes = open.store.changes();
    let response = manage::answer(&desk, asked).await;
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

/// One that the gate has turned away is in the audit too.
pub fn turned_away(call: &str, caller: Option<&Caller>, route: &table::Route, status: u16) {
    let by = caller.and_then(Caller::pass).map(|pass| {
        let caller = manage::Caller::of(&pass.key, route);
        manage::by(caller)
    });
    manage::turned_away(call, by.as_deref(), route, status);
}

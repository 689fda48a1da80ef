//! The routes over a database, without a socket: what each answers, and what is in the database then.

mod callers;
mod keys;
mod spend;
mod teams;
mod users;

use super::table::find;
use super::*;
use crate::keys::{Key, Time, Token};
use crate::store::{Address, Store};
use http::Method;
use http_body_util::BodyExt;
use mishikallm::config::Secret;
use running::Folder;
use serde_json::json;
use std::time::Duration;

/// What callers with the master key send.
const MASTER_KEY: &str = "sk-the-master-key-of-the-tests";

/// Some time, to the second.
const NOW: i64 = 1_800_000_000_000;

/// A database, and who works on it.
struct Stage {
    store: Store,
    master: Secret,
    now: Time,
    _folder: Folder,
}

impl Stage {
    async fn new() -> Stage {
        let folder = Folder::new();
        let store = Store::open(&Address::file(&folder.0.join("keys.db"))).expect("a thread");
        let mut up = store.watch();
        let there = tokio::time::timeout(Duration::from_secs(60), up.wait_for(|is| *is));
        there.await.expect("it comes").expect("the store lives");
        Stage {
            store,
            master: Secret::new(MASTER_KEY),
            now: Time(NOW),
            _folder: folder,
        }
    }

    /// With the master key.
    async fn ask(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask_as(Caller::Master, path, body).await
    }

    async fn ask_as(&self, caller: Caller<'_>, path: &str, body: Value) -> (u16, Value) {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let route = find(path).expect("a route");
        let body = match *route.method {
            Method::GET => Bytes::new(),
            _ => body.to_string().into(),
        };
        let desk = Desk {
            store: &self.store,
            master: &self.master,
            now: self.now,
        };
        let mut trail = Trail::new("call", by(caller), &route);
        let asked = Asked {
            route,
            query,
            body,
            caller,
        };
        let response = answer(&desk, asked, &mut trail).await;
        let status = response.status().as_u16();
        assert_eq!(response.headers()["cache-control"], "no-store");
        let body = response
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    /// What must succeed.
    #[track_caller]
    fn did((status, told): (u16, Value)) -> Value {
        assert_eq!(status, 200, "{told}");
        told
    }

    /// With the master key, and it must succeed.
    async fn does(&self, path: &str, body: Value) -> Value {
        Stage::did(self.ask(path, body).await)
    }

    /// A GET that must succeed.
    async fn gets(&self, path: &str) -> Value {
        self.does(path, Value::Null).await
    }

    /// What must be refused: the status, and the field.
    async fn refuses(&self, path: &str, body: Value) -> (u16, String) {
        let (status, told) = self.ask(path, body).await;
        assert!(status >= 400, "{told}");
        let error = &told["error"];
        assert!(error["message"].is_string(), "{told}");
        (
            status,
            error["param"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// A new key: itself, and its hash.
    async fn key(&self, body: Value) -> (String, String) {
        let told = self.does("/key/generate", body).await;
        let text = |name: &str| told[name].as_str().expect("a text").to_owned();
        (text("key"), text("token"))
    }

    /// As it is kept.
    async fn kept(&self, key: &str) -> Option<Key> {
        self.store
            .key(Token::named(key))
            .await
            .expect("the database")
    }
}

fn refused(status: u16, field: &str) -> (u16, String) {
    (status, field.to_owned())
}

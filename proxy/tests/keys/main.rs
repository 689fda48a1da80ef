//! Virtual keys over real HTTP: a proxy with a database of its own, and scripts as the documentation of the reference has them.

mod audit;
mod away;
mod commands;
mod manage;
mod redis;
mod uses;

use running::client::ask;
use running::common::http::Response;
use running::postgres::Postgres;
use running::settings::{chat, entry};
use running::upstream::Upstream;
use running::{Folder, Proxy};
use serde_json::{Value, json};

/// The master key of these proxies.
const MASTER: &str = "sk-master-of-the-tests";

const CHAT: &str = "/v1/chat/completions";

/// Has each of these done over SQLite and over PostgreSQL.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(&crate::Stage::sqlite()); })*
        }
        mod postgres {
            $(#[test] fn $name() { super::$name(&crate::Stage::postgres()); })*
        }
    };
}
use on_both;

/// A proxy, a server behind it that says `hi`, and a database.
struct Stage {
    proxy: Proxy,
    _folder: Folder,
    _upstream: Upstream,
}

impl Stage {
    fn sqlite() -> Stage {
        let folder = Folder::new();
        let path = folder.0.join("keys.db");
        Stage::new(folder, &format!("sqlite://{}", path.display()))
    }

    fn postgres() -> Stage {
        Stage::new(Folder::new(), &Postgres::shared().database())
    }

    fn new(folder: Folder, url: &str) -> Stage {
        Stage::with(folder, url, json!({}))
    }

    fn with(folder: Folder, url: &str, router: Value) -> Stage {
        let upstream = Upstream::new(|mut peer| {
            while peer.request().is_some() {
                peer.reply(200, &json!({"text_output": "hi"}));
            }
        });
        let mut model = entry("m", "triton/m", &upstream.at("/x/generate"));
        model["mishikallm_params"]["input_cost_per_token"] = json!(0.001);
        model["mishikallm_params"]["output_cost_per_token"] = json!(0.002);
        let other = entry("n", "triton/n", &upstream.at("/x/generate"));
        let journal = folder.0.join("journal");
        let config = json!({
            "model_list": [model, other],
            "router_settings": router,
            "general_settings": {"master_key": MASTER, "database_url": url, "spend_journal_dir": journal.display().to_string()},
        });
        let stage = Stage {
            proxy: Proxy::with_config(&config.to_string()),
            _folder: folder,
            _upstream: upstream,
        };
        stage.proxy.says("the database of keys is there", 1);
        stage
    }

    /// One request with a key: the status, and the JSON of the answer.
    #[track_caller]
    fn ask(&self, key: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.whole(key, method, path, body);
        let text = answer.text();
        let json = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"));
        (answer.status, json)
    }

    fn whole(&self, key: &str, method: &str, path: &str, body: &Value) -> Response {
        let headers = [
            ("authorization".to_owned(), format!("Bearer {key}")),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        let body = match body {
            Value::Null => Vec::new(),
            body => body.to_string().into_bytes(),
        };
        ask(&self.proxy.host, method, path, &headers, &body).expect("an answer")
    }

    /// A POST with the master key that must succeed.
    #[track_caller]
    fn does(&self, path: &str, body: Value) -> Value {
        let (status, told) = self.ask(MASTER, "POST", path, &body);
        assert_eq!(status, 200, "{path}: {told}");
        told
    }

    /// A GET with the master key that must succeed.
    #[track_caller]
    fn gets(&self, path: &str) -> Value {
        let (status, told) = self.ask(MASTER, "GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {told}");
        told
    }

    /// A new key.
    #[track_caller]
    fn key(&self, body: Value) -> String {
        let told = self.does("/key/generate", body);
        told["key"].as_str().expect("a key").to_owned()
    }

    /// A chat with a key: the status, and what is wrong.
    #[track_caller]
    fn chat(&self, key: &str, more: Value) -> (u16, String) {
        let (status, told) = self.ask(key, "POST", CHAT, &chat(&more));
        let message = told["error"]["message"].as_str().unwrap_or_default();
        (status, message.to_owned())
    }
}

//! The store on real databases: each test on SQLite and on PostgreSQL, where it is not about one of them.

mod away;
mod changes;
mod files;
mod keys;
mod lists;
mod scopes;
mod server;
mod teams;
mod texts;
mod together;
mod transactions;
mod users;

use super::{Address, Beside, Part, Result, Store};
use crate::keys::{Every, Key, Limits, Member, Money, Scope, Team, Time, Token, User};
use running::Folder;
use running::postgres::Postgres;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// Nothing takes this long.
const GIVE_UP: Duration = Duration::from_secs(60);

/// Has each of these done on both databases.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::super::Base::file()).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::super::Base::server()).await; })*
        }
    };
}
use on_both;

/// An empty database.
struct Base {
    address: Address,
    _folder: Option<Folder>,
}

impl Base {
    fn file() -> Base {
        let folder = Folder::new();
        Base {
            address: Address::file(&folder.0.join("data/keys.db")),
            _folder: Some(folder),
        }
    }

    fn server() -> Base {
        let url = Postgres::shared().database();
        Base {
            address: Address::parse(&url).expect("a URL"),
            _folder: None,
        }
    }

    /// One more that uses it, when it is there.
    async fn store(&self) -> Store {
        let store = Store::open(&self.address).expect("a thread");
        becomes(&store, true).await;
        store
    }
}

/// What is written alone, as tests need it.
impl Store {
    /// Keeps a new key, of which nothing is spent.
    pub async fn insert_key(&self, key: Key) -> Result<()> {
        self.together(vec![Part::Key(Box::new(key))]).await
    }

    /// Keeps a new team, of which nothing is spent.
    pub async fn insert_team(&self, team: Team) -> Result<()> {
        self.together(vec![Part::Team(Box::new(team))]).await
    }

    /// Keeps a new user, of whom nothing is spent.
    pub async fn insert_user(&self, user: User) -> Result<()> {
        self.together(vec![Part::User(Box::new(user))]).await
    }

    /// Has a user changed, and nothing beside.
    pub async fn change_user<C>(&self, user_id: String, change: C) -> Result<Option<User>>
    where
        C: Fn(&mut User) + Send + Sync + 'static,
    {
        self.change_user_beside(user_id, Beside::default(), change)
            .await
    }

    /// Sets what was spent by somebody who was made now.
    pub async fn set_spend(
        &self,
        of: Scope,
        spend: Money,
        every: Option<Every>,
        now: Time,
    ) -> Result<()> {
        let limits = Limits {
            budget_duration: every,
            ..Limits::default()
        };
        let part = Part::Spend {
            of,
            spend,
            limits,
            since: now,
        };
        self.together(vec![part]).await
    }
}

/// Waits until the database is there, or not.
async fn becomes(store: &Store, is_up: bool) {
    let mut watch = store.watch();
    let told = timeout(GIVE_UP, watch.wait_for(|is| *is == is_up)).await;
    told.expect("it is told").expect("the store lives");
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

/// A key with something in each field.
fn key(name: &str) -> Key {
    Key {
        token: Token::of(name.as_bytes()),
        key_name: format!("sk-...{name}"),
        key_alias: Some(name.to_owned()),
        team_id: None,
        user_id: None,
        models: vec!["m".to_owned(), "m-*".to_owned()],
        aliases: object(json!({"short": "long"})),
        limits: Limits {
            max_budget: Some(Money(1_500_000_000_000)),
            budget_duration: Every::parse("30d"),
            rpm_limit: Some(60),
            tpm_limit: Some(u64::MAX >> 1),
            max_parallel_requests: Some(0),
        },
        metadata: object(json!({"a": [1, null, {"b": "c"}]})),
        allowed_routes: vec!["/v1/models".to_owned()],
        blocked: true,
        expires: Some(Time(9_000)),
        created_by: "somebody".to_owned(),
        created_at: Time(1_000),
        updated_at: Time(2_000),
    }
}

/// A team with something in each field.
fn team(id: &str) -> Team {
    Team {
        team_id: id.to_owned(),
        team_alias: Some(format!("team {id}")),
        models: vec!["m".to_owned()],
        limits: key("any").limits,
        metadata: object(json!({"a": 1})),
        members: vec![member("ann", "admin"), member("bob", "user")],
        blocked: true,
        created_at: Time(1_000),
        updated_at: Time(2_000),
    }
}

fn member(user_id: &str, role: &str) -> Member {
    Member {
        user_id: user_id.to_owned(),
        role: role.to_owned(),
    }
}

/// A user with something in each field.
fn user(id: &str) -> User {
    User {
        user_id: id.to_owned(),
        user_alias: Some(format!("user {id}")),
        user_email: Some(format!("{id}@example.org")),
        user_role: Some("internal_user".to_owned()),
        models: vec!["m".to_owned()],
        limits: key("any").limits,
        metadata: object(json!({"a": 1})),
        created_at: Time(1_000),
        updated_at: Time(2_000),
    }
}

//! What others are told of.

use super::{Base, GIVE_UP, becomes, key, on_both, team, user};
use crate::keys::{Key, Scope, Team, Token};
use crate::store::{Change, Failure, within};
use running::postgres::Postgres;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::timeout;

on_both! {
    each_write_is_told
    what_did_not_happen_is_not_told
}

/// Waits until this is told; what else is told before is told too.
async fn hears(changes: &mut Receiver<Change>, expected: &Change) {
    let heard = async { while changes.recv().await.expect("the store lives") != *expected {} };
    let heard = timeout(GIVE_UP, heard).await;
    heard.unwrap_or_else(|_| panic!("{expected:?} is not told"));
}

async fn each_write_is_told(base: Base) {
    let store = base.store().await;
    let mut changes = store.changes();
    let (t, u) = ("t".to_owned(), "u".to_owned());
    let a = Change::Key(key("a").token);
    let gone = |scope: Scope| Change::Gone(scope);
    let (team_t, user_u) = (Change::Team(t.clone()), Change::User(u.clone()));

    let mut of_both = key("a");
    of_both.team_id = Some(t.clone());
    of_both.user_id = Some(u.clone());
    store.insert_key(of_both.clone()).await.unwrap();
    hears(&mut changes, &a).await;
    store.insert_team(team("t")).await.unwrap();
    hears(&mut changes, &team_t).await;
    store.insert_user(user("u")).await.unwrap();
    hears(&mut changes, &user_u).await;

    let open = |key: &mut Key| key.blocked = false;
    store.change_key(key("a").token, open).await.unwrap();
    hears(&mut changes, &a).await;
    let open = |team: &mut Team| team.blocked = false;
    store.change_team(t.clone(), open).await.unwrap();
    hears(&mut changes, &team_t).await;
    store.change_user(u.clone(), |_| {}).await.unwrap();
    hears(&mut changes, &user_u).await;

    let new = Token::of(b"new");
    store
        .change_key(key("a").token, move |key| key.token = new)
        .await
        .unwrap();
    hears(&mut changes, &gone(Scope::Key(key("a").token))).await;
    hears(&mut changes, &Change::Key(new)).await;

    let block = |team: &mut Team| team.blocked = true;
    store.change_team(t.clone(), block).await.unwrap();
    hears(&mut changes, &gone(Scope::Team(t.clone()))).await;
    let block = |key: &mut Key| key.blocked = true;
    store.change_key(new, block).await.unwrap();
    hears(&mut changes, &gone(Scope::Key(new))).await;

    store.delete_teams(vec![t.clone()]).await.unwrap();
    hears(&mut changes, &gone(Scope::Key(new))).await;
    hears(&mut changes, &gone(Scope::Team(t))).await;
    of_both.team_id = None;
    store.insert_key(of_both).await.unwrap();
    hears(&mut changes, &a).await;
    store.delete_users(vec![u.clone()]).await.unwrap();
    hears(&mut changes, &gone(Scope::Key(key("a").token))).await;
    hears(&mut changes, &gone(Scope::User(u))).await;
    store.insert_key(key("a")).await.unwrap();
    hears(&mut changes, &a).await;
    store.delete_keys(vec![key("a").token]).await.unwrap();
    hears(&mut changes, &gone(Scope::Key(key("a").token))).await;
}

async fn what_did_not_happen_is_not_told(base: Base) {
    let store = base.store().await;
    let mut changes = store.changes();
    let failed = store.write((), |tx, ()| {
        Box::pin(async move {
            tx.tell(Change::Team("t".to_owned())).await?;
            within!(tx, db => sqlx::query("SELECT * FROM nowhere").execute(db).await.map(drop))
        })
    });
    assert!(matches!(failed.await, Err(Failure::Broken(_))));
    store.insert_user(user("u")).await.unwrap();
    let told = timeout(GIVE_UP, changes.recv()).await.expect("it is told");
    assert_eq!(told, Ok(Change::User("u".to_owned())));
}

#[tokio::test]
async fn replicas_hear_each_other() {
    let base = Base::server();
    let (one, other) = (base.store().await, base.store().await);
    let mut changes = other.changes();
    one.insert_key(key("a")).await.unwrap();
    hears(&mut changes, &Change::Key(key("a").token)).await;
    let long = "t".repeat(2_000);
    one.insert_team(team(&long)).await.unwrap();
    hears(&mut changes, &Change::Team(long)).await;
    let odd = "'\"\\ 🦀 \n";
    one.insert_user(user(odd)).await.unwrap();
    hears(&mut changes, &Change::User(odd.to_owned())).await;
    other.close().await;
    while !matches!(
        changes.try_recv(),
        Err(TryRecvError::Empty | TryRecvError::Closed)
    ) {}
    one.insert_key(key("b")).await.unwrap();
    assert!(changes.try_recv().is_err());
}

#[tokio::test]
async fn other_databases_of_the_server_hear_nothing() {
    let (one, other) = (Base::server(), Base::server());
    let (one, other) = (one.store().await, other.store().await);
    let mut changes = other.changes();
    one.insert_key(key("a")).await.unwrap();
    other.insert_key(key("b")).await.unwrap();
    let told = timeout(GIVE_UP, changes.recv()).await.expect("it is told");
    assert_eq!(told, Ok(Change::Key(key("b").token)));
}

#[tokio::test]
async fn who_was_cut_off_may_have_missed_anything() {
    let server = Postgres::start();
    let url = server.database();
    let address = crate::store::Address::parse(&url).unwrap();
    let store = crate::store::Store::open(&address).unwrap();
    becomes(&store, true).await;
    store.insert_key(key("a")).await.unwrap();
    let mut changes = store.changes();
    let up = store.watch();
    server.sql(
        "postgres",
        "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE datname LIKE 'test_%'",
    );
    hears(&mut changes, &Change::All).await;
    // The database was there all the time.
    assert!(!up.has_changed().unwrap());
    assert_eq!(store.key(key("a").token).await, Ok(Some(key("a"))));
}

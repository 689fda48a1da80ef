//! Keys.

use super::{Base, key, on_both, team};
use crate::keys::{Money, Scope, Time, Token};
use crate::store::{Failure, on, within};

on_both! {
    a_key_is_found_as_it_was_kept
    one_without_anything_is_kept_too
    many_are_found_at_once
    an_alias_is_of_one_key
    a_change_is_kept_and_others_stay
    another_token_takes_over_what_was_spent
    of_another_token_nothing_is_held
    a_key_that_is_gone_is_gone_with_what_it_spent
    what_is_not_there_is_not_changed
}

async fn a_key_is_found_as_it_was_kept(base: Base) {
    let store = base.store().await;
    let mut kept = key("a");
    kept.team_id = Some("t".to_owned());
    kept.user_id = Some("u".to_owned());
    store.insert_key(kept.clone()).await.unwrap();
    assert_eq!(store.key(kept.token).await, Ok(Some(kept.clone())));
    assert_eq!(store.key_of_alias("a".to_owned()).await, Ok(Some(kept)));
    assert_eq!(store.key(Token::of(b"other")).await, Ok(None));
    assert_eq!(store.key_of_alias("A".to_owned()).await, Ok(None));
}

async fn one_without_anything_is_kept_too(base: Base) {
    let store = base.store().await;
    let mut kept = key("a");
    kept.key_alias = None;
    kept.models.clear();
    kept.aliases.clear();
    kept.limits = Default::default();
    kept.metadata.clear();
    kept.allowed_routes.clear();
    kept.blocked = false;
    kept.expires = None;
    let mut other = kept.clone();
    other.token = Token::of(b"b");
    store.insert_key(kept.clone()).await.unwrap();
    // Two without alias are not two of one alias.
    store.insert_key(other).await.unwrap();
    assert_eq!(store.key(kept.token).await, Ok(Some(kept)));
}

async fn many_are_found_at_once(base: Base) {
    let store = base.store().await;
    let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    for name in &names {
        store.insert_key(key(name)).await.unwrap();
    }
    // More than one statement asks for.
    let all = (0..1_100).map(|n: u32| Token::of(n.to_string().as_bytes()));
    let found = store.keys(all.collect()).await.unwrap();
    assert_eq!(found.len(), names.len());
    assert_eq!(store.keys(Vec::new()).await, Ok(Vec::new()));
}

async fn an_alias_is_of_one_key(base: Base) {
    let store = base.store().await;
    store.insert_key(key("a")).await.unwrap();
    let mut other = key("b");
    other.key_alias = Some("a".to_owned());
    assert_eq!(
        store.insert_key(other).await,
        Err(Failure::Taken("key_alias"))
    );
    assert_eq!(store.key(Token::of(b"b")).await, Ok(None));
    let mut same = key("a");
    same.key_alias = None;
    assert_eq!(store.insert_key(same).await, Err(Failure::Taken("token")));

    store.insert_key(key("b")).await.unwrap();
    let renamed = store.change_key(Token::of(b"b"), |key| key.key_alias = Some("a".to_owned()));
    assert_eq!(renamed.await, Err(Failure::Taken("key_alias")));
    assert_eq!(store.key(Token::of(b"b")).await, Ok(Some(key("b"))));
}

async fn a_change_is_kept_and_others_stay(base: Base) {
    let store = base.store().await;
    store.insert_key(key("a")).await.unwrap();
    store.insert_key(key("b")).await.unwrap();
    let mut expected = key("a");
    expected.blocked = false;
    expected.limits.max_budget = None;
    expected.models = vec!["other".to_owned()];
    expected.updated_at = Time(3_000);
    let wanted = expected.clone();
    let changed = store.change_key(Token::of(b"a"), move |key| *key = wanted.clone());
    assert_eq!(changed.await, Ok(Some(expected.clone())));
    assert_eq!(store.key(Token::of(b"a")).await, Ok(Some(expected)));
    assert_eq!(store.key(Token::of(b"b")).await, Ok(Some(key("b"))));
}

async fn another_token_takes_over_what_was_spent(base: Base) {
    let store = base.store().await;
    let (old, new) = (Token::of(b"a"), Token::of(b"new"));
    store.insert_key(key("a")).await.unwrap();
    store
        .set_spend(Scope::Key(old), Money(7), None, Time(1))
        .await
        .unwrap();
    // What a request of long ago left there is not the new key's.
    store
        .set_spend(Scope::Key(new), Money(9), None, Time(1))
        .await
        .unwrap();
    let changed = store
        .change_key(old, move |key| key.token = new)
        .await
        .unwrap();
    assert_eq!(changed.map(|key| key.token), Some(new));
    assert_eq!(store.key(old).await, Ok(None));
    assert_eq!(
        store.key(new).await.unwrap().unwrap().key_alias.as_deref(),
        Some("a")
    );
    let spent = store
        .spent(vec![Scope::Key(old), Scope::Key(new)], Time(2))
        .await
        .unwrap();
    assert_eq!(spent.len(), 1);
    assert_eq!(spent[&Scope::Key(new)].spend, Money(7));
}

/// Else a permit that was out at that moment would be missing for as long as its replica lives.
async fn of_another_token_nothing_is_held(base: Base) {
    let store = base.store().await;
    let (old, new) = (Token::of(b"a"), Token::of(b"new"));
    store.insert_key(key("a")).await.unwrap();
    let held = store.write(Scope::Key(old).to_string(), |tx, scope| {
        Box::pin(async move {
            for text in [
                "INSERT INTO quotas (scope, kind, period, used, held) VALUES ($1, 'parallel', 0, 0, 1)",
                "INSERT INTO holds (replica, scope, kind, amount) VALUES ('r', $1, 'parallel', 1)",
            ] {
                within!(tx, db => sqlx::query(text).bind(scope).execute(db).await.map(drop))?;
            }
            Ok(())
        })
    });
    held.await.unwrap();
    store
        .change_key(old, move |key| key.token = new)
        .await
        .unwrap();
    let left = store.run(|pool| async move {
        let text = "SELECT CAST(COALESCE(SUM(held), 0) AS BIGINT), (SELECT COUNT(*) FROM holds) FROM quotas";
        on!(&pool, db => sqlx::query_as::<_, (i64, i64)>(text).fetch_one(db).await)
    });
    assert_eq!(left.await, Ok((0, 0)));
}

async fn a_key_that_is_gone_is_gone_with_what_it_spent(base: Base) {
    let store = base.store().await;
    for name in ["a", "b"] {
        store.insert_key(key(name)).await.unwrap();
        let scope = Scope::Key(Token::of(name.as_bytes()));
        store
            .set_spend(scope, Money(7), None, Time(1))
            .await
            .unwrap();
    }
    let (a, b) = (Token::of(b"a"), Token::of(b"b"));
    let gone = store
        .delete_keys(vec![a, Token::of(b"nobody"), a])
        .await
        .unwrap();
    assert_eq!(gone, [key("a")]);
    assert_eq!(store.key(a).await, Ok(None));
    let spent = store
        .spent(vec![Scope::Key(a), Scope::Key(b)], Time(2))
        .await
        .unwrap();
    assert_eq!(spent.into_keys().collect::<Vec<_>>(), [Scope::Key(b)]);
    // Its alias is free.
    store.insert_key(key("a")).await.unwrap();
}

async fn what_is_not_there_is_not_changed(base: Base) {
    let store = base.store().await;
    store.insert_team(team("t")).await.unwrap();
    let nobody = Token::of(b"nobody");
    assert_eq!(
        store.change_key(nobody, |key| key.blocked = true).await,
        Ok(None)
    );
    assert_eq!(store.delete_keys(vec![nobody]).await, Ok(Vec::new()));
}

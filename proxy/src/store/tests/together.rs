//! What is written together.

use super::{Base, key, member, on_both, team, user};
use crate::keys::{Every, Limits, Money, Scope, Time, Token};
use crate::store::{Beside, Failure, Part};

on_both! {
    all_of_it_is_written
    nothing_is_where_a_part_cannot_be
    what_is_spent_is_set_with_a_change_or_not_at_all
    spend_is_set_in_the_period_that_the_record_has
    who_leaves_a_team_leaves_its_keys
}

fn join(team_id: &str) -> Part {
    Part::Join {
        team_id: team_id.to_owned(),
        members: vec![member("new", "user"), member("ann", "user")],
        now: Time(5),
    }
}

async fn all_of_it_is_written(base: Base) {
    let store = base.store().await;
    store.insert_team(team("t")).await.unwrap();
    let parts = vec![
        Part::User(Box::new(user("new"))),
        Part::Spend {
            of: Scope::User("new".to_owned()),
            spend: Money(7),
            limits: Limits::default(),
            since: Time(5),
        },
        join("t"),
        Part::Of(Scope::Team("t".to_owned())),
        Part::Key(Box::new(key("a"))),
    ];
    store.together(parts).await.unwrap();
    assert!(store.user("new".to_owned()).await.unwrap().is_some());
    assert!(store.key(Token::of(b"a")).await.unwrap().is_some());
    let members = store.team("t".to_owned()).await.unwrap().unwrap().members;
    let expected = [
        member("ann", "admin"),
        member("bob", "user"),
        member("new", "user"),
    ];
    assert_eq!(members, expected);
    let of = Scope::User("new".to_owned());
    let spent = store.spent(vec![of.clone()], Time(6)).await.unwrap();
    assert_eq!(spent[&of].spend, Money(7));
}

async fn nothing_is_where_a_part_cannot_be(base: Base) {
    let store = base.store().await;
    store.insert_team(team("t")).await.unwrap();
    store.insert_key(key("a")).await.unwrap();
    let nobody = Scope::User("nobody".to_owned());
    for (last, failure) in [
        (join("none"), Failure::Missing("team_id")),
        (Part::Of(nobody), Failure::Missing("user_id")),
        (Part::Key(Box::new(key("a"))), Failure::Taken("token")),
        (Part::User(Box::new(user("x\0"))), Failure::Unfit("user_id")),
    ] {
        let parts = vec![Part::User(Box::new(user("new"))), join("t"), last];
        let done = store.together(parts).await;
        match failure {
            // Which of two columns is told first is the database's.
            Failure::Taken(_) => assert!(matches!(done, Err(Failure::Taken(_))), "{done:?}"),
            other => assert_eq!(done, Err(other)),
        }
        assert_eq!(store.user("new".to_owned()).await, Ok(None));
        assert_eq!(store.team("t".to_owned()).await, Ok(Some(team("t"))));
    }
}

async fn what_is_spent_is_set_with_a_change_or_not_at_all(base: Base) {
    let store = base.store().await;
    for name in ["a", "b"] {
        store.insert_key(key(name)).await.unwrap();
    }
    let token = Token::of(b"a");
    let of = Scope::Key(token);
    let with = |of: Vec<Scope>| Beside {
        of,
        spend: Some((Money(7), Time(2_000))),
    };
    let nobody = vec![Scope::Team("none".to_owned())];
    let done = store.change_key_beside(token, with(nobody), |key| key.updated_at = Time(9));
    assert_eq!(done.await, Err(Failure::Missing("team_id")));
    let alias = |key: &mut crate::keys::Key| key.key_alias = Some("b".to_owned());
    let done = store.change_key_beside(token, with(Vec::new()), alias);
    assert_eq!(done.await, Err(Failure::Taken("key_alias")));
    assert!(
        store
            .spent(vec![of.clone()], Time(2_001))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(store.key(token).await, Ok(Some(key("a"))));
    let done = store.change_key_beside(token, with(Vec::new()), |_| {});
    assert!(done.await.unwrap().is_some());
    let spent = store.spent(vec![of.clone()], Time(2_001)).await.unwrap();
    assert_eq!(spent[&of].spend, Money(7));
}

/// It is none of its own that begins now: it would go on when the record's is over.
async fn spend_is_set_in_the_period_that_the_record_has(base: Base) {
    let store = base.store().await;
    let mut user = user("u");
    user.limits.budget_duration = Every::parse("1m");
    store.insert_user(user).await.unwrap();
    let with = Beside {
        of: Vec::new(),
        spend: Some((Money(7), Time(31_000))),
    };
    store
        .change_user_beside("u".to_owned(), with, |_| {})
        .await
        .unwrap();
    let of = Scope::User("u".to_owned());
    let at = async |now| store.spent(vec![of.clone()], Time(now)).await.unwrap()[&of];
    // It was made at 1,000.
    assert_eq!(at(60_999).await.spend, Money(7));
    assert_eq!(at(61_000).await.spend, Money(0));
}

async fn who_leaves_a_team_leaves_its_keys(base: Base) {
    let store = base.store().await;
    for id in ["t", "other"] {
        store.insert_team(team(id)).await.unwrap();
    }
    for (name, team_id, user_id) in [
        ("hers", Some("t"), Some("ann")),
        ("hers of another team", Some("other"), Some("ann")),
        ("hers alone", None, Some("ann")),
        ("his", Some("t"), Some("bob")),
    ] {
        let mut key = key(name);
        key.team_id = team_id.map(str::to_owned);
        key.user_id = user_id.map(str::to_owned);
        store.insert_key(key).await.unwrap();
    }
    let left = store
        .leave_team("t".to_owned(), "ann".to_owned(), Time(9))
        .await;
    let left = left.unwrap().unwrap();
    assert_eq!(
        (left.members, left.updated_at),
        (vec![member("bob", "user")], Time(9))
    );
    for (name, is_there) in [
        ("hers", false),
        ("hers of another team", true),
        ("hers alone", true),
        ("his", true),
    ] {
        let kept = store.key(Token::of(name.as_bytes())).await.unwrap();
        assert_eq!(kept.is_some(), is_there, "{name}");
    }
    let none = store
        .leave_team("none".to_owned(), "ann".to_owned(), Time(9))
        .await;
    assert_eq!(none, Ok(None));
}

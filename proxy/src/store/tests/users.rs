//! Users.

use super::{Base, key, member, on_both, team, user};
use crate::keys::{Money, Scope, Time, Token, User};
use crate::store::{Failure, Match, Page, UserFilter, UserOrder};

on_both! {
    a_user_is_found_as_kept
    an_id_is_of_one_user
    an_address_is_of_one_user
    what_users_have_is_told_of_many_at_once
    a_change_is_kept_but_no_other_id
    a_user_is_deleted_with_all_keys_and_leaves_all_teams
}

async fn a_user_is_found_as_kept(base: Base) {
    let store = base.store().await;
    let mut bare = user("bare");
    bare.user_alias = None;
    bare.user_email = None;
    bare.user_role = None;
    bare.limits = Default::default();
    for kept in [user("u"), bare] {
        store.insert_user(kept.clone()).await.unwrap();
        assert_eq!(store.user(kept.user_id.clone()).await, Ok(Some(kept)));
    }
    let ids = ["u", "bare", "other"].map(str::to_owned);
    assert_eq!(store.users(ids.to_vec()).await.unwrap().len(), 2);
}

async fn an_id_is_of_one_user(base: Base) {
    let store = base.store().await;
    store.insert_user(user("u")).await.unwrap();
    let mut again = user("u");
    again.user_email = None;
    assert_eq!(
        store.insert_user(again).await,
        Err(Failure::Taken("user_id"))
    );
}

async fn an_address_is_of_one_user(base: Base) {
    let store = base.store().await;
    let with = |id: &str, email: Option<&str>| {
        let mut user = user(id);
        user.user_email = email.map(str::to_owned);
        user
    };
    store
        .insert_user(with("ann", Some("Ann@Example.org")))
        .await
        .unwrap();
    // Who has none is in nobody's way.
    for id in ["x", "y"] {
        store.insert_user(with(id, None)).await.unwrap();
    }
    let taken = Err(Failure::Taken("user_email"));
    assert_eq!(
        store.insert_user(with("b", Some(" ann@example.ORG"))).await,
        taken
    );
    let change = |user: &mut User| user.user_email = Some("ANN@example.org".to_owned());
    let changed = store.change_user("x".to_owned(), change).await;
    assert_eq!(changed, Err(Failure::Taken("user_email")));
    assert_eq!(
        store
            .change_user("ann".to_owned(), change)
            .await
            .unwrap()
            .unwrap()
            .user_id,
        "ann"
    );
    // As it was written, and found as it is compared.
    let filter = UserFilter {
        user_email: Some(Match::Exactly("aNN@example.org ".to_owned())),
        ..UserFilter::default()
    };
    let page = Page {
        number: 1,
        size: 10,
        order: UserOrder::CreatedAt,
        is_descending: false,
    };
    let found = store.find_users(filter, page, Time(1)).await.unwrap();
    assert_eq!(found.rows[0].user_email.as_deref(), Some("ANN@example.org"));
    // Of several that come at once one has it.
    let all = (0..8).map(|n| store.insert_user(with(&format!("n{n}"), Some("new@example.org"))));
    let done = futures_util::future::join_all(all).await;
    assert_eq!(
        done.iter().filter(|done| done.is_ok()).count(),
        1,
        "{done:?}"
    );
}

async fn what_users_have_is_told_of_many_at_once(base: Base) {
    let store = base.store().await;
    let odd = "a\"nn";
    for (id, alias, members) in [
        (
            "t1",
            Some("b"),
            vec![member("ann", "user"), member(odd, "admin")],
        ),
        ("t2", Some("a"), vec![member("ann", "admin")]),
        ("t3", None, vec![member("ann", "user")]),
        ("t4", Some("c"), vec![]),
    ] {
        let mut team = team(id);
        team.team_alias = alias.map(str::to_owned);
        team.members = members;
        store.insert_team(team).await.unwrap();
    }
    for (name, user_id) in [
        ("1", Some("ann")),
        ("2", Some("ann")),
        ("3", Some(odd)),
        ("4", None),
    ] {
        let mut key = key(name);
        key.user_id = user_id.map(str::to_owned);
        store.insert_key(key).await.unwrap();
    }
    let ids = || ["ann", odd, "nobody", "x\0"].map(str::to_owned).to_vec();
    let teams = store.teams_of(ids()).await.unwrap();
    assert_eq!(
        (&teams["ann"][..], &teams[odd][..], teams.len()),
        (
            &["t2", "t1", "t3"].map(str::to_owned)[..],
            &["t1".to_owned()][..],
            2
        )
    );
    let keys = store.count_keys(ids()).await.unwrap();
    assert_eq!((keys["ann"], keys[odd], keys.len()), (2, 1, 2));
    assert!(store.teams_of(Vec::new()).await.unwrap().is_empty());
}

async fn a_change_is_kept_but_no_other_id(base: Base) {
    let store = base.store().await;
    store.insert_user(user("u")).await.unwrap();
    let changed = store.change_user("u".to_owned(), |user| {
        user.user_id = "other".to_owned();
        user.user_email = Some("new@example.org".to_owned());
    });
    let mut expected = user("u");
    expected.user_email = Some("new@example.org".to_owned());
    assert_eq!(changed.await, Ok(Some(expected.clone())));
    assert_eq!(store.user("u".to_owned()).await, Ok(Some(expected)));
    assert_eq!(
        store.change_user("other".to_owned(), |_| {}).await,
        Ok(None)
    );
}

async fn a_user_is_deleted_with_all_keys_and_leaves_all_teams(base: Base) {
    let store = base.store().await;
    // Names that look like each other where they are written.
    let who = "a\"nn";
    let mut members = vec![
        member("bob", who),
        member(who, "admin"),
        member("A\"NN", "user"),
    ];
    for id in ["t1", "t2"] {
        let mut team = team(id);
        team.members.clone_from(&members);
        store.insert_team(team).await.unwrap();
    }
    store.insert_team(team("none of hers")).await.unwrap();
    store.insert_user(user(who)).await.unwrap();
    store
        .set_spend(Scope::User(who.to_owned()), Money(7), None, Time(1))
        .await
        .unwrap();
    let mut hers = key("a");
    hers.user_id = Some(who.to_owned());
    hers.team_id = Some("t1".to_owned());
    store.insert_key(hers).await.unwrap();
    store.insert_key(key("b")).await.unwrap();

    let gone = store.delete_users(vec![who.to_owned()]).await;
    assert_eq!(gone, Ok(vec![user(who)]));
    assert_eq!(store.user(who.to_owned()).await, Ok(None));
    assert_eq!(store.key(Token::of(b"a")).await, Ok(None));
    assert_eq!(store.key(Token::of(b"b")).await, Ok(Some(key("b"))));
    members.remove(1);
    for id in ["t1", "t2"] {
        let team = store.team(id.to_owned()).await.unwrap().unwrap();
        assert_eq!(team.members, members);
    }
    let other = store.team("none of hers".to_owned()).await;
    assert_eq!(other, Ok(Some(team("none of hers"))));
    let spent = store
        .spent(vec![Scope::User(who.to_owned())], Time(2))
        .await
        .unwrap();
    assert!(spent.is_empty());
}

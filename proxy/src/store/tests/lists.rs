//! Pages of lists.

use super::{Base, key, member, on_both, team, user};
use crate::keys::{Money, Scope, Time, Token};
use crate::store::{
    KeyFilter, KeyOrder, Match, Page, Store, TeamFilter, TeamOrder, UserFilter, UserOrder,
};

on_both! {
    pages_tell_of_how_many_they_are
    keys_are_sorted_by_what_is_named
    keys_are_found_by_what_is_known_of_them
    teams_are_found_by_what_is_known_of_them
    users_are_found_by_what_is_known_of_them
}

fn page<O>(order: O, is_descending: bool) -> Page<O> {
    Page {
        number: 1,
        size: 100,
        order,
        is_descending,
    }
}

fn exactly(text: &str) -> Option<Match> {
    Some(Match::Exactly(text.to_owned()))
}

fn part(text: &str) -> Option<Match> {
    Some(Match::Part(text.to_owned()))
}

async fn aliases(store: &Store, filter: KeyFilter, page: Page<KeyOrder>) -> Vec<String> {
    let found = store.find_keys(filter, page, Time(5_000)).await.unwrap();
    let names = found
        .rows
        .into_iter()
        .map(|key| key.key_alias.unwrap_or_default());
    names.collect()
}

async fn pages_tell_of_how_many_they_are(base: Base) {
    let store = base.store().await;
    for n in 0..5 {
        let mut key = key(&n.to_string());
        key.created_at = Time(n);
        store.insert_key(key).await.unwrap();
    }
    for (number, size, expected) in [
        (1, 2, &["4", "3"][..]),
        (2, 2, &["2", "1"]),
        (3, 2, &["0"]),
        (4, 2, &[]),
        (u32::MAX, u32::MAX, &[]),
        (1, 0, &[]),
        // There is none before the first.
        (0, 2, &["4", "3"]),
    ] {
        let page = Page {
            number,
            size,
            order: KeyOrder::CreatedAt,
            is_descending: true,
        };
        let found = store
            .find_keys(KeyFilter::default(), page, Time(0))
            .await
            .unwrap();
        assert_eq!(found.total, 5, "page {number} of {size}");
        let names: Vec<_> = found
            .rows
            .iter()
            .filter_map(|key| key.key_alias.as_deref())
            .collect();
        assert_eq!(names, expected, "page {number} of {size}");
    }
}

async fn keys_are_sorted_by_what_is_named(base: Base) {
    let store = base.store().await;
    for (name, created_at, budget, spend, resets_at) in [
        ("a", 3, Some(10), 5, None),
        ("b", 1, None, 9, Some("1s")),
        ("c", 2, Some(30), 7, Some("1h")),
    ] {
        let mut key = key(name);
        key.created_at = Time(created_at);
        key.updated_at = Time(-created_at);
        key.expires = budget.map(Time);
        key.limits.max_budget = budget.map(Money);
        store.insert_key(key).await.unwrap();
        let every = resets_at.and_then(crate::keys::Every::parse);
        let scope = Scope::Key(Token::of(name.as_bytes()));
        store
            .set_spend(scope, Money(spend), every, Time(0))
            .await
            .unwrap();
    }
    for (order, up, down) in [
        (KeyOrder::CreatedAt, "bca", "acb"),
        (KeyOrder::UpdatedAt, "acb", "bca"),
        (KeyOrder::KeyAlias, "abc", "cba"),
        // Those without it are last, whichever way.
        (KeyOrder::MaxBudget, "acb", "cab"),
        (KeyOrder::Expires, "acb", "cab"),
        // The period of b is over.
        (KeyOrder::Spend, "bac", "cab"),
    ] {
        let all = KeyFilter::default;
        assert_eq!(
            aliases(&store, all(), page(order, false)).await.concat(),
            up,
            "{order:?}"
        );
        assert_eq!(
            aliases(&store, all(), page(order, true)).await.concat(),
            down,
            "{order:?}"
        );
    }
    let mut tokens = [b"a", b"b", b"c"].map(|name| Token::of(name));
    tokens.sort();
    let found = store.find_keys(KeyFilter::default(), page(KeyOrder::Token, false), Time(0));
    let rows = found.await.unwrap().rows;
    assert_eq!(rows.iter().map(|key| key.token).collect::<Vec<_>>(), tokens);
}

async fn keys_are_found_by_what_is_known_of_them(base: Base) {
    let store = base.store().await;
    for (name, team_id, user_id, blocked) in [
        ("Prod one", Some("t"), Some("ann"), false),
        ("prod%two", Some("t"), Some("Anna"), true),
        ("test_x", None, Some("bob"), false),
        ("testyx", Some("other"), None, false),
    ] {
        let mut key = key(name);
        key.team_id = team_id.map(str::to_owned);
        key.user_id = user_id.map(str::to_owned);
        key.blocked = blocked;
        store.insert_key(key).await.unwrap();
    }
    let none = KeyFilter::default;
    let cases = [
        (none(), vec!["Prod one", "prod%two", "test_x", "testyx"]),
        (
            KeyFilter {
                team_id: Some("t".to_owned()),
                ..none()
            },
            vec!["Prod one", "prod%two"],
        ),
        (
            KeyFilter {
                team_id: Some("T".to_owned()),
                ..none()
            },
            vec![],
        ),
        (
            KeyFilter {
                user_id: exactly("ann"),
                ..none()
            },
            vec!["Prod one"],
        ),
        (
            KeyFilter {
                user_id: part("ANN"),
                ..none()
            },
            vec!["Prod one", "prod%two"],
        ),
        (
            KeyFilter {
                key_alias: exactly("test_x"),
                ..none()
            },
            vec!["test_x"],
        ),
        (
            KeyFilter {
                key_alias: exactly("test"),
                ..none()
            },
            vec![],
        ),
        (
            KeyFilter {
                key_alias: part("PROD"),
                ..none()
            },
            vec!["Prod one", "prod%two"],
        ),
        (
            KeyFilter {
                key_alias: part("%"),
                ..none()
            },
            vec!["prod%two"],
        ),
        (
            KeyFilter {
                key_alias: part("_"),
                ..none()
            },
            vec!["test_x"],
        ),
        (
            KeyFilter {
                key_alias: part("' OR 1=1 --"),
                ..none()
            },
            vec![],
        ),
        (
            KeyFilter {
                token: Some(Token::of(b"testyx")),
                ..none()
            },
            vec!["testyx"],
        ),
        (
            KeyFilter {
                blocked: Some(true),
                ..none()
            },
            vec!["prod%two"],
        ),
        (
            KeyFilter {
                blocked: Some(false),
                team_id: Some("t".to_owned()),
                key_alias: part("o"),
                ..none()
            },
            vec!["Prod one"],
        ),
    ];
    for (filter, expected) in cases {
        let told = format!("{filter:?}");
        let mut found = aliases(&store, filter, page(KeyOrder::KeyAlias, false)).await;
        // Databases sort capitals otherwise.
        found.sort();
        assert_eq!(found, expected, "{told}");
    }
}

async fn teams_are_found_by_what_is_known_of_them(base: Base) {
    let store = base.store().await;
    for (id, name, members, created_at) in [
        ("t1", "Blue", &["ann", "bob"][..], 1),
        ("t2", "blue too", &["Ann", "a\\\"nn%"], 2),
        ("t3", "red", &[], 3),
    ] {
        let mut team = team(id);
        team.team_alias = Some(name.to_owned());
        team.members = members.iter().map(|id| member(id, "user")).collect();
        team.created_at = Time(created_at);
        team.limits.max_budget = Some(Money(-created_at));
        store.insert_team(team).await.unwrap();
        let scope = Scope::Team(id.to_owned());
        store
            .set_spend(scope, Money(created_at % 3), None, Time(0))
            .await
            .unwrap();
    }
    let ids = async |filter: TeamFilter, page| -> String {
        let found = store.find_teams(filter, page, Time(5_000)).await.unwrap();
        found.rows.into_iter().map(|team| team.team_id).collect()
    };
    let none = TeamFilter::default;
    let with = |id: &str| TeamFilter {
        member: Some(id.to_owned()),
        ..none()
    };
    for (filter, expected) in [
        (none(), "t1t2t3"),
        (
            TeamFilter {
                team_id: Some("t2".to_owned()),
                ..none()
            },
            "t2",
        ),
        (
            TeamFilter {
                team_alias: exactly("Blue"),
                ..none()
            },
            "t1",
        ),
        (
            TeamFilter {
                team_alias: part("BLUE"),
                ..none()
            },
            "t1t2",
        ),
        (with("ann"), "t1"),
        (with("Ann"), "t2"),
        (with("a\\\"nn%"), "t2"),
        (with("nn"), ""),
        (with("user"), ""),
    ] {
        let told = format!("{filter:?}");
        assert_eq!(
            ids(filter, page(TeamOrder::CreatedAt, false)).await,
            expected,
            "{told}"
        );
    }
    let first = page(TeamOrder::CreatedAt, false);
    assert_eq!(ids(none(), first).await, "t1t2t3");
}

async fn users_are_found_by_what_is_known_of_them(base: Base) {
    let store = base.store().await;
    for (id, role, created_at) in [
        ("ann", "proxy_admin", 1),
        ("Anna", "internal_user", 2),
        ("bob", "internal_user", 3),
    ] {
        let mut user = user(id);
        user.user_role = Some(role.to_owned());
        user.created_at = Time(created_at);
        user.limits.max_budget = Some(Money(-created_at));
        store.insert_user(user).await.unwrap();
        let scope = Scope::User(id.to_owned());
        store
            .set_spend(scope, Money(created_at % 3), None, Time(0))
            .await
            .unwrap();
    }
    let ids = async |filter: UserFilter, page| -> String {
        let found = store.find_users(filter, page, Time(5_000)).await.unwrap();
        let ids: Vec<_> = found.rows.into_iter().map(|user| user.user_id).collect();
        ids.join(" ")
    };
    let none = UserFilter::default;
    for (filter, expected) in [
        (none(), "ann Anna bob"),
        (
            UserFilter {
                user_id: exactly("ann"),
                ..none()
            },
            "ann",
        ),
        (
            UserFilter {
                user_id: part("ANN"),
                ..none()
            },
            "ann Anna",
        ),
        (
            UserFilter {
                user_email: exactly("bob@example.org"),
                ..none()
            },
            "bob",
        ),
        (
            UserFilter {
                user_email: part("@EXAMPLE"),
                ..none()
            },
            "ann Anna bob",
        ),
        (
            UserFilter {
                user_role: Some("internal_user".to_owned()),
                ..none()
            },
            "Anna bob",
        ),
    ] {
        let told = format!("{filter:?}");
        assert_eq!(
            ids(filter, page(UserOrder::CreatedAt, false)).await,
            expected,
            "{told}"
        );
    }
    for (order, expected) in [
        (UserOrder::CreatedAt, "ann Anna bob"),
        (UserOrder::MaxBudget, "bob Anna ann"),
        (UserOrder::Spend, "bob ann Anna"),
    ] {
        assert_eq!(ids(none(), page(order, false)).await, expected, "{order:?}");
    }
}

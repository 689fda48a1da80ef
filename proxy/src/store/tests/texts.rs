//! Texts are only texts, whatever is in them.

use super::{Base, key, member, object, on_both, team, user};
use crate::keys::Time;
use crate::store::{Failure, KeyFilter, KeyOrder, Match, Page, TeamFilter, TeamOrder};
use serde_json::json;

on_both! {
    whatever_is_in_a_text_is_kept_as_it_is
    a_text_with_nul_is_refused_by_its_field
    nul_in_objects_and_lists_is_kept
}

const TEXTS: [&str; 12] = [
    "",
    " ",
    "'",
    "\"",
    "\\",
    "%_",
    "$1 ?1 :a @b",
    "'; DROP TABLE keys; --",
    "' OR '1'='1",
    "🦀 ÄÖ ß \u{202e}abc\u{0301}",
    "\n\r\t\u{1}\u{7f}",
    "{\"user_id\":\"ann\"}",
];

async fn whatever_is_in_a_text_is_kept_as_it_is(base: Base) {
    let store = base.store().await;
    for text in TEXTS {
        let text = text.to_owned();
        let some = || Some(text.clone());
        let mut key = key(&text);
        key.key_name = text.clone();
        key.key_alias = some();
        key.team_id = some();
        key.user_id = some();
        key.models = vec![text.clone()];
        key.aliases = object(json!({&text: &text}));
        key.metadata = object(json!({&text: &text}));
        key.allowed_routes = vec![text.clone()];
        key.created_by = text.clone();
        store.insert_key(key.clone()).await.unwrap();
        assert_eq!(
            store.key(key.token).await,
            Ok(Some(key.clone())),
            "{text:?}"
        );
        assert_eq!(
            store.key_of_alias(text.clone()).await,
            Ok(Some(key.clone())),
            "{text:?}"
        );
        let filter = KeyFilter {
            user_id: Some(Match::Exactly(text.clone())),
            team_id: some(),
            key_alias: Some(Match::Part(text.clone())),
            ..KeyFilter::default()
        };
        let page = Page {
            number: 1,
            size: 10,
            order: KeyOrder::Spend,
            is_descending: false,
        };
        let found = store.find_keys(filter, page, Time(0)).await.unwrap();
        assert_eq!(found.rows, [key], "{text:?}");

        let mut team = team(&text);
        team.team_alias = some();
        team.members = vec![member(&text, &text)];
        store.insert_team(team.clone()).await.unwrap();
        assert_eq!(
            store.team(text.clone()).await,
            Ok(Some(team.clone())),
            "{text:?}"
        );
        let filter = TeamFilter {
            member: some(),
            ..TeamFilter::default()
        };
        let page = Page {
            number: 1,
            size: 10,
            order: TeamOrder::TeamAlias,
            is_descending: false,
        };
        let found = store.find_teams(filter, page, Time(0)).await.unwrap();
        assert_eq!(found.rows, [team], "{text:?}");

        let mut user = user(&text);
        user.user_alias = some();
        user.user_email = some();
        user.user_role = some();
        store.insert_user(user.clone()).await.unwrap();
        assert_eq!(store.user(text.clone()).await, Ok(Some(user)), "{text:?}");
    }
    // Each is as it was when all are there, and then gone by itself.
    for text in TEXTS {
        let gone = store.delete_users(vec![text.to_owned()]).await.unwrap();
        assert_eq!(gone.len(), 1, "{text:?}");
        let gone = store.delete_teams(vec![text.to_owned()]).await.unwrap();
        assert_eq!(gone.len(), 1, "{text:?}");
    }
}

async fn a_text_with_nul_is_refused_by_its_field(base: Base) {
    let store = base.store().await;
    let nul = || Some("a\0b".to_owned());
    let mut alias = key("a");
    alias.key_alias = nul();
    let mut of_team = key("a");
    of_team.team_id = nul();
    let mut of_user = key("a");
    of_user.user_id = nul();
    for (key, column) in [
        (alias, "key_alias"),
        (of_team, "team_id"),
        (of_user, "user_id"),
    ] {
        assert_eq!(store.insert_key(key).await, Err(Failure::Unfit(column)));
    }
    store.insert_key(key("a")).await.unwrap();
    let changed = store.change_key(key("a").token, move |key| key.key_alias = nul());
    assert_eq!(changed.await, Err(Failure::Unfit("key_alias")));
    assert_eq!(
        store.key_of_alias("a\0b".to_owned()).await,
        Err(Failure::Unfit("key_alias"))
    );
    assert_eq!(
        store.team("a\0b".to_owned()).await,
        Err(Failure::Unfit("team_id"))
    );
    assert_eq!(
        store.user("a\0b".to_owned()).await,
        Err(Failure::Unfit("user_id"))
    );
    assert_eq!(
        store.insert_team(team("a\0b")).await,
        Err(Failure::Unfit("team_id"))
    );
    assert_eq!(
        store.insert_user(user("a\0b")).await,
        Err(Failure::Unfit("user_id"))
    );
    assert_eq!(
        store.delete_teams(vec!["a\0b".to_owned()]).await,
        Err(Failure::Unfit("team_id"))
    );
    let told = Failure::Unfit("key_alias").to_string();
    assert_eq!(told, "key_alias: expected a text without NUL characters");
}

async fn nul_in_objects_and_lists_is_kept(base: Base) {
    let store = base.store().await;
    let mut kept = key("a");
    kept.metadata = object(json!({"a\0b": "\0"}));
    kept.models = vec!["\0".to_owned()];
    store.insert_key(kept.clone()).await.unwrap();
    assert_eq!(store.key(kept.token).await, Ok(Some(kept)));
}

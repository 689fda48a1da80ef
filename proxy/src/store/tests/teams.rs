//! Teams.

use super::{Base, key, member, on_both, team, user};
use crate::keys::{Money, Scope, Time, Token};
use crate::store::Failure;

on_both! {
    a_team_is_found_as_it_was_kept
    an_id_is_of_one_team
    a_change_is_kept_but_no_other_id
    a_team_is_deleted_with_its_keys
}

async fn a_team_is_found_as_it_was_kept(base: Base) {
    let store = base.store().await;
    let mut bare = team("bare");
    bare.team_alias = None;
    bare.members.clear();
    bare.limits = Default::default();
    for kept in [team("t"), bare] {
        store.insert_team(kept.clone()).await.unwrap();
        assert_eq!(store.team(kept.team_id.clone()).await, Ok(Some(kept)));
    }
    assert_eq!(store.team("T".to_owned()).await, Ok(None));
    let ids = ["t", "bare", "other"].map(str::to_owned);
    assert_eq!(store.teams(ids.to_vec()).await.unwrap().len(), 2);
}

async fn an_id_is_of_one_team(base: Base) {
    let store = base.store().await;
    store.insert_team(team("t")).await.unwrap();
    assert_eq!(
        store.insert_team(team("t")).await,
        Err(Failure::Taken("team_id"))
    );
}

async fn a_change_is_kept_but_no_other_id(base: Base) {
    let store = base.store().await;
    store.insert_team(team("t")).await.unwrap();
    let changed = store.change_team("t".to_owned(), |team| {
        team.team_id = "other".to_owned();
        team.members.push(member("eve", "user"));
        team.updated_at = Time(3_000);
    });
    let mut expected = team("t");
    expected.members.push(member("eve", "user"));
    expected.updated_at = Time(3_000);
    assert_eq!(changed.await, Ok(Some(expected.clone())));
    assert_eq!(store.team("t".to_owned()).await, Ok(Some(expected)));
    assert_eq!(
        store.change_team("other".to_owned(), |_| {}).await,
        Ok(None)
    );
}

async fn a_team_is_deleted_with_its_keys(base: Base) {
    let store = base.store().await;
    store.insert_user(user("ann")).await.unwrap();
    for id in ["t", "other"] {
        store.insert_team(team(id)).await.unwrap();
        store
            .set_spend(Scope::Team(id.to_owned()), Money(7), None, Time(1))
            .await
            .unwrap();
    }
    for (name, of) in [("a", "t"), ("b", "t"), ("c", "other")] {
        let mut key = key(name);
        key.team_id = Some(of.to_owned());
        store.insert_key(key).await.unwrap();
        let scope = Scope::Key(Token::of(name.as_bytes()));
        store
            .set_spend(scope, Money(7), None, Time(1))
            .await
            .unwrap();
    }
    let ids = ["t", "nobody"].map(str::to_owned);
    assert_eq!(store.delete_teams(ids.to_vec()).await, Ok(vec![team("t")]));
    assert_eq!(store.team("t".to_owned()).await, Ok(None));
    let [a, b, c] = ["a", "b", "c"].map(|name| Token::of(name.as_bytes()));
    let left = store.keys(vec![a, b, c]).await.unwrap();
    assert_eq!(left.iter().map(|key| key.token).collect::<Vec<_>>(), [c]);
    let scopes = [a, b, c].map(Scope::Key).into_iter();
    let scopes = scopes.chain(["t", "other"].map(|id| Scope::Team(id.to_owned())));
    let spent = store.spent(scopes.collect(), Time(2)).await.unwrap();
    let mut left: Vec<Scope> = spent.into_keys().collect();
    left.sort();
    assert_eq!(left, [Scope::Key(c), Scope::Team("other".to_owned())]);
    assert_eq!(store.user("ann".to_owned()).await, Ok(Some(user("ann"))));
}

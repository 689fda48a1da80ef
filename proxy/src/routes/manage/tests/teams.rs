use super::*;

#[tokio::test]
async fn a_team_is_made_told_and_changed() {
    let stage = Stage::new().await;
    let body = json!({
        "team_alias": "core", "models": ["a", "b"], "max_budget": 5, "rpm_limit": 9,
        "members_with_roles": [{"user_id": "ann", "role": "admin"}],
    });
    let team = stage.does("/team/new", body).await;
    let id = team["team_id"].as_str().unwrap();
    assert_eq!(id.len(), 36);
    assert_eq!(
        team["members_with_roles"],
        json!([{"user_id": "ann", "role": "admin"}])
    );
    // Whoever was not there yet is now.
    assert_eq!(
        stage.gets("/user/info?user_id=ann").await["user_info"]["teams"],
        json!([id])
    );
    let change = json!({"team_id": id, "rpm_limit": null, "models": ["a"]});
    let told = stage.does("/team/update", change).await;
    assert_eq!(
        (&told["team_id"], &told["data"]["rpm_limit"]),
        (&json!(id), &json!(null))
    );
    assert_eq!(
        (&told["data"]["models"], &told["data"]["max_budget"]),
        (&json!(["a"]), &json!(5.0))
    );
    let info = stage.gets(&format!("/team/info?team_id={id}")).await;
    assert_eq!(
        (&info["team_id"], &info["team_info"]["team_alias"]),
        (&json!(id), &json!("core"))
    );
    assert_eq!(
        (&info["keys"], &info["team_memberships"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(
        stage.refuses("/team/new", json!({"team_id": id})).await,
        refused(400, "team_id")
    );
    for (path, body) in [
        ("/team/info?team_id=x", json!({})),
        ("/team/update", json!({"team_id": "x"})),
        ("/team/block", json!({"team_id": "x"})),
    ] {
        assert_eq!(
            stage.refuses(path, body).await,
            refused(404, "team_id"),
            "{path}"
        );
    }
    assert_eq!(
        stage.refuses("/team/info", json!({})).await,
        refused(400, "team_id")
    );
}

#[tokio::test]
async fn a_teams_keys_have_its_models_or_fewer() {
    let stage = Stage::new().await;
    stage
        .does(
            "/team/new",
            json!({"team_id": "t", "models": ["a", "triton/*"]}),
        )
        .await;
    let (key, hash) = stage
        .key(json!({"team_id": "t", "models": ["a", "triton/x"]}))
        .await;
    stage
        .key(json!({"team_id": "t", "models": ["all-team-models"]}))
        .await;
    let more = json!({"team_id": "t", "models": ["a", "b"]});
    assert_eq!(
        stage.refuses("/key/generate", more).await,
        refused(400, "models[1]")
    );
    let more = json!({"key": key, "models": ["b"]});
    assert_eq!(
        stage.refuses("/key/update", more).await,
        refused(400, "models[0]")
    );
    // A key that comes into a team too.
    let (outside, _) = stage.key(json!({"models": ["b"]})).await;
    let into = json!({"key": outside, "team_id": "t"});
    assert_eq!(
        stage.refuses("/key/update", into).await,
        refused(400, "models[0]")
    );
    let missing = json!({"team_id": "nobodys"});
    assert_eq!(
        stage.refuses("/key/generate", missing).await,
        refused(400, "team_id")
    );
    let list = stage.gets("/team/list").await;
    assert_eq!(
        (
            &list[0]["team_id"],
            list[0]["keys"].as_array().unwrap().len()
        ),
        (&json!("t"), 2)
    );
    let info = stage.gets("/team/info?team_id=t").await;
    assert!(!info.to_string().contains(&hash), "{info}");
}

#[tokio::test]
async fn a_team_is_blocked_and_let_in_again() {
    let stage = Stage::new().await;
    stage.does("/team/new", json!({"team_id": "t"})).await;
    assert_eq!(
        stage.does("/team/block", json!({"team_id": "t"})).await["blocked"],
        true
    );
    assert_eq!(
        stage.does("/team/unblock", json!({"team_id": "t"})).await["blocked"],
        false
    );
}

#[tokio::test]
async fn members_come_and_go() {
    let stage = Stage::new().await;
    stage.does("/team/new", json!({"team_id": "t"})).await;
    stage
        .does(
            "/user/new",
            json!({"user_id": "bob", "user_email": "bob@example.com", "auto_create_key": false}),
        )
        .await;
    let add = json!({"team_id": "t", "member": [{"user_id": "ann", "role": "admin"}, {"user_email": "bob@example.com", "role": "user"}]});
    let told = stage.does("/team/member_add", add).await;
    let members = json!([{"user_id": "ann", "role": "admin"}, {"user_id": "bob", "role": "user"}]);
    assert_eq!(told["members_with_roles"], members);
    assert_eq!(told["updated_users"][1]["user_id"], "bob");
    let again = json!({"team_id": "t", "member": {"user_id": "ann", "role": "user"}});
    assert_eq!(
        stage.refuses("/team/member_add", again).await,
        refused(400, "member[0].user_id")
    );
    let (of_team, _) = stage.key(json!({"team_id": "t", "user_id": "bob"})).await;
    let (own, _) = stage.key(json!({"user_id": "bob"})).await;
    let gone = json!({"team_id": "t", "user_email": "bob@example.com"});
    let told = stage.does("/team/member_delete", gone.clone()).await;
    assert_eq!(
        told["members_with_roles"],
        json!([{"user_id": "ann", "role": "admin"}])
    );
    // With the keys of that team, and no others.
    assert!(stage.kept(&of_team).await.is_none() && stage.kept(&own).await.is_some());
    assert_eq!(
        stage.refuses("/team/member_delete", gone).await,
        refused(400, "user_id")
    );
    let limited = json!({"team_id": "t", "member": {"user_id": "cid"}, "max_budget_in_team": 5});
    let expected = refused(400, "max_budget_in_team");
    assert_eq!(stage.refuses("/team/member_add", limited).await, expected);
}

#[tokio::test]
async fn nobody_is_made_for_a_team_that_is_not() {
    let stage = Stage::new().await;
    let twice = json!([{"user_id": "ann"}, {"user_email": "bob@example.com"}, {"user_id": "ann"}]);
    let body = json!({"team_id": "t", "members_with_roles": twice});
    let expected = refused(400, "members_with_roles[2]");
    assert_eq!(stage.refuses("/team/new", body).await, expected);
    assert_eq!(stage.gets("/user/list").await["total"], 0);
}

#[tokio::test]
async fn an_id_that_was_sent_is_not_repeated() {
    let stage = Stage::new().await;
    let key = "sk-sent-in-the-wrong-place";
    for (path, body) in [
        (format!("/team/info?team_id={key}"), Value::Null),
        (format!("/user/info?user_id={key}"), Value::Null),
        ("/team/update".to_owned(), json!({"team_id": key})),
        ("/team/delete".to_owned(), json!({"team_ids": [key]})),
        ("/user/delete".to_owned(), json!({"user_ids": [key]})),
        ("/user/update".to_owned(), json!({"user_id": key})),
        ("/key/generate".to_owned(), json!({"team_id": key})),
        ("/key/generate".to_owned(), json!({"user_id": key})),
        ("/key/generate".to_owned(), json!({"models": {"a": key}})),
        ("/key/block".to_owned(), json!({"key": key})),
        (format!("/key/{key}/regenerate"), json!({})),
        (format!("/key/list?sort_by={key}"), Value::Null),
    ] {
        let (status, told) = stage.ask(&path, body).await;
        assert!((400..500).contains(&status), "{path}: {told}");
        assert!(!told.to_string().contains(key), "{path}: {told}");
    }
}

#[tokio::test]
async fn teams_are_deleted_with_their_keys_all_or_none() {
    let stage = Stage::new().await;
    stage.does("/team/new", json!({"team_id": "t"})).await;
    let (key, _) = stage.key(json!({"team_id": "t"})).await;
    let some = json!({"team_ids": ["t", "nobodys"]});
    assert_eq!(
        stage.refuses("/team/delete", some).await,
        refused(404, "team_ids[1]")
    );
    assert!(stage.kept(&key).await.is_some());
    let told = stage.does("/team/delete", json!({"team_ids": ["t"]})).await;
    assert_eq!(told, json!({"deleted_teams": ["t"]}));
    assert!(stage.kept(&key).await.is_none());
}

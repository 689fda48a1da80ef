use super::*;

#[tokio::test]
async fn a_user_is_made_with_a_key() {
    let stage = Stage::new().await;
    stage.does("/team/new", json!({"team_id": "t"})).await;
    let body = json!({
        "user_id": "ann", "user_email": "ann@example.com", "user_role": "internal_user", "max_budget": 5, "teams": ["t"],
        "key_alias": "anns", "duration": "1h",
    });
    let told = stage.does("/user/new", body).await;
    let key = told["key"].as_str().unwrap();
    assert!(key.starts_with("sk-"));
    for (field, value) in [
        ("user_id", json!("ann")),
        ("user_email", json!("ann@example.com")),
        ("user_role", json!("internal_user")),
        ("max_budget", json!(5.0)),
        ("teams", json!(["t"])),
        ("key_alias", json!("anns")),
        ("expires", json!(Time(NOW + 3_600_000).text())),
    ] {
        assert_eq!(told[field], value, "{field}");
    }
    // The budget is the user's; the key has none beside it.
    let kept = stage.kept(key).await.unwrap();
    assert_eq!(
        (kept.user_id.as_deref(), kept.limits.max_budget),
        (Some("ann"), None)
    );
    let team = stage.gets("/team/info?team_id=t").await;
    let members = json!([{"user_id": "ann", "role": "user"}]);
    assert_eq!(team["team_info"]["members_with_roles"], members);
}

#[tokio::test]
async fn a_user_may_be_made_without_a_key() {
    let stage = Stage::new().await;
    let told = stage
        .does("/user/new", json!({"auto_create_key": false}))
        .await;
    assert_eq!(
        (&told["key"], told["user_id"].as_str().unwrap().len()),
        (&json!(""), 36)
    );
    assert_eq!(stage.gets("/key/list").await["total_count"], 0);
}

#[tokio::test]
async fn a_user_who_cannot_be_made_whole_is_not_made() {
    let stage = Stage::new().await;
    let first = json!({"user_id": "ann", "user_email": "ann@example.com", "key_alias": "anns"});
    stage.does("/user/new", first).await;
    for (body, expected) in [
        (json!({"user_id": "ann"}), refused(409, "user_id")),
        (
            json!({"user_id": "bob", "user_email": "ann@example.com"}),
            refused(409, "user_email"),
        ),
        (
            json!({"user_id": "bob", "user_email": " ANN@Example.com"}),
            refused(409, "user_email"),
        ),
        (
            json!({"user_id": "bob", "key_alias": "anns"}),
            refused(400, "key_alias"),
        ),
        (
            json!({"user_id": "bob", "teams": ["nobodys"]}),
            refused(400, "teams[0]"),
        ),
        (
            json!({"user_id": "bob", "team_id": "nobodys"}),
            refused(400, "teams[0]"),
        ),
        (
            json!({"user_id": "bob", "max_budget": -1}),
            refused(400, "max_budget"),
        ),
        (
            json!({"user_id": "bob", "password": "hunter2hunter2"}),
            refused(400, "password"),
        ),
        (
            json!({"user_id": "bob", "user_role": "king"}),
            refused(400, "user_role"),
        ),
    ] {
        assert_eq!(
            stage.refuses("/user/new", body.clone()).await,
            expected,
            "{body}"
        );
    }
    assert_eq!(stage.gets("/user/list").await["total"], 1);
}

#[tokio::test]
async fn a_user_is_told_with_keys_and_teams() {
    let stage = Stage::new().await;
    let members = json!([{"user_id": "ann", "role": "user"}]);
    let team = json!({"team_id": "t", "team_alias": "core", "members_with_roles": members});
    stage.does("/team/new", team).await;
    let (_, hash) = stage.key(json!({"user_id": "ann", "team_id": "t"})).await;
    let told = stage.gets("/user/info?user_id=ann").await;
    assert_eq!(
        (&told["user_id"], &told["user_info"]["user_id"]),
        (&json!("ann"), &json!("ann"))
    );
    assert_eq!(told["keys"][0]["token"], hash.as_str());
    assert_eq!(
        (&told["keys"][0]["team_alias"], &told["teams"][0]["team_id"]),
        (&json!("core"), &json!("t"))
    );
    let missing = stage
        .refuses("/user/info?user_id=nobody", Value::Null)
        .await;
    assert_eq!(missing, refused(404, "user_id"));
    // Who has the master key is nobody, and sees all.
    let all = stage.gets("/user/info").await;
    assert_eq!(
        (&all["user_id"], all["keys"].as_array().unwrap().len()),
        (&json!(null), 1)
    );
}

#[tokio::test]
async fn a_user_is_changed_by_id_or_by_address() {
    let stage = Stage::new().await;
    for (id, email) in [("ann", "ann@example.com"), ("bob", "bob@example.com")] {
        let body =
            json!({"user_id": id, "user_email": email, "max_budget": 5, "auto_create_key": false});
        stage.does("/user/new", body).await;
    }
    let told = stage
        .does(
            "/user/update",
            json!({"user_id": "ann", "max_budget": null}),
        )
        .await;
    assert_eq!(
        (&told["user_id"], &told["data"]["max_budget"]),
        (&json!("ann"), &json!(null))
    );
    let change = json!({"user_email": "bob@example.com", "rpm_limit": 3});
    let told = stage.does("/user/update", change).await;
    assert_eq!(
        (&told["user_id"], &told["data"]["rpm_limit"]),
        (&json!("bob"), &json!(3))
    );
    assert_eq!(told["data"]["user_email"], "bob@example.com");
    let taken = json!({"user_id": "ann", "user_email": "bob@example.com"});
    assert_eq!(
        stage.refuses("/user/update", taken).await,
        refused(409, "user_email")
    );
    let same = json!({"user_id": "ann", "user_email": "ann@example.com"});
    stage.does("/user/update", same).await;
    for (body, expected) in [
        (json!({"user_id": "nobody"}), refused(404, "user_id")),
        (
            json!({"user_email": "x@example.com"}),
            refused(404, "user_email"),
        ),
        (json!({"rpm_limit": 1}), refused(400, "user_id")),
    ] {
        assert_eq!(stage.refuses("/user/update", body).await, expected);
    }
}

#[tokio::test]
async fn users_are_listed_by_pages() {
    let mut stage = Stage::new().await;
    for (n, id) in ["ann", "bob", "cid"].into_iter().enumerate() {
        stage.now = Time(NOW + n as i64);
        let email = format!("{id}+x@example.com");
        let body = json!({"user_id": id, "user_email": email, "user_role": "internal_user", "auto_create_key": id == "bob"});
        stage.does("/user/new", body).await;
    }
    let ids = |told: &Value| -> Vec<String> {
        let users = told["users"].as_array().unwrap().iter();
        users
            .map(|user| user["user_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let told = stage.gets("/user/list?page_size=2").await;
    assert_eq!(ids(&told), ["cid", "bob"]);
    assert_eq!(
        (&told["total"], &told["page"], &told["total_pages"]),
        (&json!(3), &json!(1), &json!(2))
    );
    assert_eq!(told["users"][1]["key_count"], 1);
    for (query, expected) in [
        ("sort_by=user_id", &["ann", "bob", "cid"][..]),
        ("sort_by=user_id&sort_order=desc", &["cid", "bob", "ann"]),
        ("user_ids=AN", &["ann"]),
        ("user_ids=ann,cid,nobody", &["ann", "cid"]),
        ("user_email=BOB%2Bx", &["bob"]),
        ("user_email=bob+x", &["bob"]),
        ("role=proxy_admin", &[]),
    ] {
        let told = stage.gets(&format!("/user/list?{query}")).await;
        assert_eq!(ids(&told), expected, "{query}");
    }
    let wrong = stage
        .refuses("/user/list?sort_by=password", Value::Null)
        .await;
    assert_eq!(wrong, refused(400, "sort_by"));
}

#[tokio::test]
async fn users_are_deleted_with_their_keys_all_or_none() {
    let stage = Stage::new().await;
    let members = json!([{"user_id": "ann", "role": "user"}]);
    stage
        .does(
            "/team/new",
            json!({"team_id": "t", "members_with_roles": members}),
        )
        .await;
    let (key, _) = stage.key(json!({"user_id": "ann"})).await;
    let some = json!({"user_ids": ["ann", "nobody"]});
    assert_eq!(
        stage.refuses("/user/delete", some).await,
        refused(404, "user_ids[1]")
    );
    assert!(stage.kept(&key).await.is_some());
    assert_eq!(
        stage
            .does("/user/delete", json!({"user_ids": ["ann"]}))
            .await,
        1
    );
    assert!(stage.kept(&key).await.is_none());
    let team = stage.gets("/team/info?team_id=t").await;
    assert_eq!(team["team_info"]["members_with_roles"], json!([]));
}

#[tokio::test]
async fn what_is_more_than_a_page_comes_on_the_next() {
    let stage = Stage::new().await;
    for n in 0..3 {
        let member = json!({"user_id": "ann", "role": "user"});
        let team = json!({"team_id": format!("t{n}"), "team_alias": format!("{n}"), "members_with_roles": [member]});
        stage.does("/team/new", team).await;
        stage.key(json!({"user_id": "ann", "team_id": "t0"})).await;
    }
    let told = stage.gets("/user/info?user_id=ann&page_size=2").await;
    let count = |told: &Value, of: &str| told[of].as_array().unwrap().len();
    assert_eq!((count(&told, "keys"), count(&told, "teams")), (2, 2));
    assert_eq!(
        (&told["total_keys"], &told["total_teams"]),
        (&json!(3), &json!(3))
    );
    let told = stage
        .gets("/user/info?user_id=ann&page_size=2&page=2")
        .await;
    assert_eq!((count(&told, "keys"), count(&told, "teams")), (1, 1));
    let told = stage.gets("/team/list?page_size=2&page=2").await;
    assert_eq!(
        (told.as_array().unwrap().len(), &told[0]["team_id"]),
        (1, &json!("t2"))
    );
    let told = stage.gets("/team/info?team_id=t0&page_size=2&page=2").await;
    assert_eq!((count(&told, "keys"), &told["total_keys"]), (1, &json!(3)));
    let wrong = stage.refuses("/team/list?page_size=0", Value::Null).await;
    assert_eq!(wrong, refused(400, "page_size"));
}

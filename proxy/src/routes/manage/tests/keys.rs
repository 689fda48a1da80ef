use super::*;
use crate::keys::{Money, Scope};

#[tokio::test]
async fn a_key_is_told_when_it_is_made_and_never_again() {
    let stage = Stage::new().await;
    let told = stage
        .does(
            "/key/generate",
            json!({"models": ["m"], "duration": "20m", "metadata": {"user": "ann@example.com"}, "key_alias": "anns"}),
        )
        .await;
    let key = told["key"].as_str().unwrap();
    assert!(key.starts_with("sk-") && key.len() > 20, "{told}");
    assert_eq!(told["token"], Token::of(key.as_bytes()).to_string());
    assert_eq!(told["token_id"], told["token"]);
    assert_eq!(told["expires"], Time(NOW + 1_200_000).text());
    assert_eq!(told["models"], json!(["m"]));
    assert_eq!(told["metadata"], json!({"user": "ann@example.com"}));
    assert_eq!(
        (&told["spend"], &told["max_budget"]),
        (&json!(0.0), &json!(null))
    );
    for (path, body) in [
        (format!("/key/info?key={key}"), Value::Null),
        (
            format!("/key/info?key={}", told["token"].as_str().unwrap()),
            Value::Null,
        ),
        ("/key/list?return_full_object=true".to_owned(), Value::Null),
        ("/key/block".to_owned(), json!({"key": key})),
        ("/key/unblock".to_owned(), json!({"key": key})),
        (
            "/key/update".to_owned(),
            json!({"key": key, "max_budget": 5}),
        ),
        ("/spend/keys".to_owned(), Value::Null),
        ("/user/info".to_owned(), Value::Null),
        ("/key/delete".to_owned(), json!({"keys": [key]})),
    ] {
        let (status, answer) = stage.ask(&path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        assert!(!answer.to_string().contains(key), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_key_is_found_by_itself_and_by_its_hash() {
    let stage = Stage::new().await;
    let (key, hash) = stage
        .key(json!({"max_budget": 1.5, "budget_duration": "1d"}))
        .await;
    for named in [&key, &hash] {
        let told = stage.gets(&format!("/key/info?key={named}")).await;
        assert_eq!(told["key"], hash.as_str());
        assert_eq!(told["info"]["max_budget"], 1.5);
        assert_eq!(
            told["info"]["budget_reset_at"],
            Time(NOW + 86_400_000).text()
        );
        assert!(told["info"].get("token").is_none());
    }
    let missing = stage
        .refuses("/key/info?key=sk-of-nobody-at-all", Value::Null)
        .await;
    assert_eq!(missing, refused(404, "key"));
    // The master key is none of the database's.
    assert_eq!(
        stage.refuses("/key/info", Value::Null).await,
        refused(404, "key")
    );
}

#[tokio::test]
async fn a_key_may_be_brought_along() {
    let stage = Stage::new().await;
    let own = "sk-brought-along-0123";
    let told = stage.does("/key/generate", json!({"key": own})).await;
    assert_eq!(
        (&told["key"], &told["key_name"]),
        (&json!(own), &json!("sk-...0123"))
    );
    for (key, expected) in [
        (own, refused(400, "key")),
        ("sk-short", refused(400, "key")),
        ("no-prefix-0123456789", refused(400, "key")),
        (MASTER_KEY, refused(400, "key")),
    ] {
        let (status, told) = stage.ask("/key/generate", json!({"key": key})).await;
        let error = &told["error"];
        assert_eq!(
            (status, error["param"].as_str().unwrap().to_owned()),
            expected
        );
        assert!(!error.to_string().contains(key), "{error}");
    }
}

#[tokio::test]
async fn an_alias_is_one_keys_alone() {
    let stage = Stage::new().await;
    stage.key(json!({"key_alias": "mine"})).await;
    let (other, _) = stage.key(json!({"key_alias": "other"})).await;
    let again = stage
        .refuses("/key/generate", json!({"key_alias": "mine"}))
        .await;
    assert_eq!(again, refused(400, "key_alias"));
    let renamed = json!({"key": other, "key_alias": "mine"});
    assert_eq!(
        stage.refuses("/key/update", renamed).await,
        refused(400, "key_alias")
    );
    // Its own it may keep.
    stage
        .does("/key/update", json!({"key": other, "key_alias": "other"}))
        .await;
    assert_eq!(
        stage.kept(&other).await.unwrap().key_alias.as_deref(),
        Some("other")
    );
}

#[tokio::test]
async fn a_change_sets_keeps_and_clears() {
    let stage = Stage::new().await;
    let body =
        json!({"rpm_limit": 5, "tpm_limit": 6, "duration": "1h", "models": ["a"], "tags": ["x"]});
    let (key, hash) = stage.key(body).await;
    let change = json!({"key": key, "rpm_limit": null, "duration": null, "max_parallel_requests": 2, "models": ["a", "b"]});
    let told = stage.does("/key/update", change).await;
    assert_eq!(told["key"], hash.as_str());
    assert_eq!(
        (&told["rpm_limit"], &told["tpm_limit"]),
        (&json!(null), &json!(6))
    );
    assert_eq!(told["max_parallel_requests"], 2);
    assert_eq!(
        (&told["expires"], &told["models"]),
        (&json!(null), &json!(["a", "b"]))
    );
    let kept = stage.kept(&key).await.unwrap();
    assert_eq!(
        (kept.limits.rpm_limit, kept.limits.tpm_limit),
        (None, Some(6))
    );
    assert_eq!(Value::from(kept.metadata), json!({"tags": ["x"]}));
    let missing = json!({"key": "sk-of-nobody-at-all", "rpm_limit": 1});
    assert_eq!(
        stage.refuses("/key/update", missing).await,
        refused(404, "key")
    );
    assert_eq!(
        stage.refuses("/key/update", json!({"rpm_limit": 1})).await,
        refused(400, "key")
    );
}

#[tokio::test]
async fn what_is_wrong_changes_nothing() {
    let stage = Stage::new().await;
    let (key, _) = stage.key(json!({"rpm_limit": 5})).await;
    for (field, value) in [
        ("max_budget", json!(-1)),
        ("budget_duration", json!("monthly")),
        ("guardrails", json!(["pii"])),
        ("model_max_budget", json!({"m": 5})),
        ("team_id", json!("nobodys")),
        ("user_id", json!("nobody")),
        ("allowed_routes", json!(["everything"])),
    ] {
        let change = json!({"key": key, "rpm_limit": 9, field: value});
        let (status, param) = stage.refuses("/key/update", change).await;
        assert_eq!((status, param.split('[').next().unwrap()), (400, field));
    }
    assert_eq!(stage.kept(&key).await.unwrap().limits.rpm_limit, Some(5));
}

#[tokio::test]
async fn keys_are_listed_by_pages() {
    let mut stage = Stage::new().await;
    let mut hashes = Vec::new();
    for (n, alias) in ["a", "b", "c"].into_iter().enumerate() {
        stage.now = Time(NOW + n as i64);
        hashes.push(
            stage
                .key(json!({"key_alias": alias, "max_budget": n}))
                .await
                .1,
        );
    }
    let all = stage.gets("/key/list").await;
    assert_eq!(all["keys"], json!([hashes[2], hashes[1], hashes[0]]));
    let page = stage.gets("/key/list?page=2&size=2").await;
    let expected =
        json!({"keys": [hashes[0]], "total_count": 3, "current_page": 2, "total_pages": 2});
    assert_eq!(page, expected);
    for (query, expected) in [
        (
            "sort_by=max_budget&sort_order=asc",
            json!([hashes[0], hashes[1], hashes[2]]),
        ),
        (
            "sort_by=key_alias",
            json!([hashes[2], hashes[1], hashes[0]]),
        ),
        ("key_alias=b", json!([hashes[1]])),
        (&format!("key_hash={}", hashes[0]), json!([hashes[0]])),
        ("team_id=none", json!([])),
    ] {
        assert_eq!(
            stage.gets(&format!("/key/list?{query}")).await["keys"],
            expected,
            "{query}"
        );
    }
    let whole = stage
        .gets("/key/list?return_full_object=true&key_alias=b")
        .await;
    assert_eq!(whole["keys"][0]["token"], hashes[1].as_str());
    assert_eq!(whole["keys"][0]["key_alias"], "b");
    for (query, field) in [
        ("page=0", "page"),
        ("size=1000", "size"),
        ("sort_by=password", "sort_by"),
        ("organization_id=x", "organization_id"),
    ] {
        let path = format!("/key/list?{query}");
        assert_eq!(stage.refuses(&path, Value::Null).await, refused(400, field));
    }
}

#[tokio::test]
async fn a_key_is_blocked_and_let_in_again() {
    let stage = Stage::new().await;
    let (key, hash) = stage.key(json!({})).await;
    let told = stage.does("/key/block", json!({"key": key})).await;
    assert_eq!(
        (&told["blocked"], &told["token"]),
        (&json!(true), &json!(hash))
    );
    assert!(stage.kept(&key).await.unwrap().blocked);
    // By its hash as well.
    let told = stage.does("/key/unblock", json!({"key": hash})).await;
    assert_eq!(told["blocked"], false);
    let missing = stage
        .refuses("/key/block", json!({"key": "sk-of-nobody-at-all"}))
        .await;
    assert_eq!(missing, refused(404, "key"));
}

#[tokio::test]
async fn a_regenerated_key_keeps_all_but_itself() {
    let stage = Stage::new().await;
    let (old, old_hash) = stage
        .key(json!({"key_alias": "mine", "max_budget": 5}))
        .await;
    let scope = Scope::Key(Token::named(&old));
    let spend = Money::from_dollars(2.0).unwrap();
    stage
        .store
        .set_spend(scope, spend, None, stage.now)
        .await
        .unwrap();
    let told = stage
        .does(&format!("/key/{old}/regenerate"), json!({"max_budget": 9}))
        .await;
    let new = told["key"].as_str().unwrap();
    assert_ne!(new, old);
    assert_ne!(told["token"], old_hash.as_str());
    assert_eq!(
        (&told["key_alias"], &told["max_budget"]),
        (&json!("mine"), &json!(9.0))
    );
    assert_eq!(told["spend"], 2.0);
    assert!(
        told["key_name"]
            .as_str()
            .unwrap()
            .ends_with(&new[new.len() - 4..])
    );
    assert!(stage.kept(&old).await.is_none() && stage.kept(new).await.is_some());
    // Named in the body, and to become one that is brought along.
    let body = json!({"key": new, "new_key": "sk-brought-along-0123"});
    let told = stage.does("/key/regenerate", body).await;
    assert_eq!(told["key"], "sk-brought-along-0123");
    assert_eq!(
        stage.refuses("/key/regenerate", json!({})).await,
        refused(400, "key")
    );
    let again = format!("/key/{old}/regenerate");
    assert_eq!(stage.refuses(&again, json!({})).await, refused(404, "key"));
    let grace = json!({"key": "sk-brought-along-0123", "grace_period": "1d"});
    assert_eq!(
        stage.refuses("/key/regenerate", grace).await,
        refused(400, "grace_period")
    );
}

#[tokio::test]
async fn keys_are_deleted_all_or_none() {
    let stage = Stage::new().await;
    let (a, a_hash) = stage.key(json!({"key_alias": "a"})).await;
    let (b, b_hash) = stage.key(json!({"key_alias": "b"})).await;
    let some = json!({"keys": [a, "sk-of-nobody-at-all"]});
    assert_eq!(
        stage.refuses("/key/delete", some).await,
        refused(404, "keys")
    );
    assert!(stage.kept(&a).await.is_some());
    let told = stage.does("/key/delete", json!({"keys": [a]})).await;
    assert_eq!(told, json!({"deleted_keys": [a_hash]}));
    let told = stage
        .does("/key/delete", json!({"key_aliases": ["b"]}))
        .await;
    assert_eq!(told, json!({"deleted_keys": ["b"]}));
    assert!(stage.kept(&b).await.is_none() && stage.kept(&b_hash).await.is_none());
    for body in [json!({}), json!({"keys": []}), json!({"key_aliases": null})] {
        let (status, param) = stage.refuses("/key/delete", body).await;
        assert_eq!((status, param.as_str()), (400, "keys"));
    }
}

#[tokio::test]
async fn a_kind_of_key_says_its_routes() {
    let stage = Stage::new().await;
    for (kind, routes) in [
        ("llm_api", json!(["llm_api_routes"])),
        ("management", json!(["management_routes"])),
        ("read_only", json!(["info_routes"])),
        ("default", json!([])),
    ] {
        let told = stage.does("/key/generate", json!({"key_type": kind})).await;
        assert_eq!(told["allowed_routes"], routes, "{kind}");
    }
}

#[tokio::test]
async fn what_was_spent_is_set_where_somebody_says_it() {
    let stage = Stage::new().await;
    let (key, _) = stage.key(json!({"spend": 0})).await;
    let told = stage
        .does("/key/update", json!({"key": key, "spend": 3.5}))
        .await;
    assert_eq!(told["spend"], 3.5);
    let told = stage
        .does("/key/update", json!({"key": key, "spend": 0}))
        .await;
    assert_eq!(told["spend"], 0.0);
    let told = stage.does("/key/generate", json!({"spend": 1.25})).await;
    assert_eq!(told["spend"], 1.25);
}

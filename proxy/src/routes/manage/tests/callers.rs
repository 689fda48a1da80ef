use super::*;
use crate::keys::{Limits, token};
use serde_json::Map;

fn key(of: &str) -> Key {
    Key {
        token: Token::of(of.as_bytes()),
        key_name: token::name(of),
        key_alias: Some(of.to_owned()),
        team_id: None,
        user_id: None,
        models: Vec::new(),
        aliases: Map::new(),
        limits: Limits::default(),
        metadata: Map::new(),
        allowed_routes: Vec::new(),
        blocked: false,
        expires: None,
        created_by: "default_user_id".to_owned(),
        created_at: Time(NOW),
        updated_at: Time(NOW),
    }
}

#[tokio::test]
async fn a_key_may_ask_of_itself_alone() {
    let stage = Stage::new().await;
    let (own, other) = (key("sk-own-0123456789"), key("sk-other-0123456789"));
    for key in [&own, &other] {
        stage.store.insert_key(key.clone()).await.unwrap();
    }
    let ask = |path: String| {
        stage.ask_as(
            Caller::Own(&own),
            Box::leak(path.into_boxed_str()),
            json!({}),
        )
    };
    let told = Stage::did(ask("/key/info".to_owned()).await);
    assert_eq!(told["key"], own.token.to_string());
    let told = Stage::did(ask(format!("/key/info?key={}", own.token)).await);
    assert_eq!(told["info"]["key_alias"], "sk-own-0123456789");
    for path in [
        format!("/key/info?key={}", other.token),
        format!("/spend/logs?api_key={}", other.token),
        "/spend/logs?api_key=mishikallm_proxy_master_key".to_owned(),
        format!("/spend/logs?api_key={MASTER_KEY}"),
        "/key/list".to_owned(),
        "/key/generate".to_owned(),
        "/global/spend".to_owned(),
        "/user/info".to_owned(),
    ] {
        let (status, told) = ask(path.clone()).await;
        assert_eq!(status, 403, "{path}: {told}");
        assert_eq!(told["error"]["type"], "permission_error");
    }
    assert_eq!(Stage::did(ask("/spend/logs".to_owned()).await), json!([]));
}

#[tokio::test]
async fn a_key_that_manages_does_so_in_its_own_name() {
    let stage = Stage::new().await;
    let mut manager = key("sk-manager-0123456");
    manager.allowed_routes = vec!["management_routes".to_owned()];
    stage.store.insert_key(manager.clone()).await.unwrap();
    let route = find("/key/info").unwrap();
    assert!(matches!(Caller::of(&manager, &route), Caller::Manager(_)));
    assert!(matches!(Caller::of(&key("sk-0"), &route), Caller::Own(_)));
    let mut reader = key("sk-0");
    reader.allowed_routes = vec!["/key/info".to_owned(), "info_routes".to_owned()];
    assert!(matches!(Caller::of(&reader, &route), Caller::Own(_)));
    let asks = |path| stage.ask_as(Caller::Manager(&manager), path, json!({}));
    let told = Stage::did(asks("/key/generate").await);
    assert_eq!(told["created_by"], "sk-manager-0123456");
    let path = format!("/key/info?key={}", told["token"].as_str().unwrap());
    Stage::did(asks(Box::leak(path.into_boxed_str())).await);
}

#[test]
fn who_did_it_is_told_without_a_key() {
    assert_eq!(by(Caller::Master), "the master key");
    let own = key("sk-own-0123456789");
    let told = by(Caller::Own(&own));
    assert!(
        told.starts_with(&format!("key {}", &own.token.to_string()[..12])),
        "{told}"
    );
}

#[tokio::test]
async fn without_its_database_nothing_is_told_and_nothing_done() {
    let stage = Stage::new().await;
    stage.store.close().await;
    for path in [
        "/key/generate",
        "/key/list",
        "/team/new",
        "/user/info?user_id=a",
        "/global/spend",
    ] {
        let (status, told) = stage.ask(path, json!({})).await;
        assert_eq!(status, 503, "{path}: {told}");
        assert_eq!(told["error"]["type"], "service_unavailable_error");
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_a_mistake() {
    let stage = Stage::new().await;
    for body in [json!([]), json!("sk-secret"), json!(5)] {
        let (status, told) = stage.ask("/key/generate", body).await;
        assert_eq!(status, 400);
        assert!(!told.to_string().contains("secret"), "{told}");
    }
}

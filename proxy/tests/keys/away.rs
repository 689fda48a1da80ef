//! The database goes away.

use super::*;
use std::time::{Duration, Instant};

/// Longer than anything needs.
const GIVE_UP: Duration = Duration::from_secs(30);

#[test]
fn without_its_database_nothing_is_managed_and_nothing_half_done() {
    let postgres = Postgres::start();
    let url = postgres.database();
    let stage = Stage::new(Folder::new(), &url);
    let key = stage.key(json!({"key_alias": "first"}));
    // Its making is told to all replicas, this one among them, which then looks it up once more: that is over when something was heard
    // that was told later.
    let other = stage.does("/key/generate", json!({"key_alias": "other"}));
    let (token, other) = (&other["token"], other["key"].as_str().unwrap());
    let token = token.as_str().unwrap();
    assert_eq!(stage.chat(other, json!({})).0, 200);
    let (_, database) = url.rsplit_once('/').unwrap();
    let elsewhere = format!(
        "UPDATE keys SET blocked = true WHERE token = '{token}'; \
         SELECT pg_notify('mishikallm_changes', 'key:{token}')"
    );
    postgres.sql(database, &elsewhere);
    let until = Instant::now() + GIVE_UP;
    while stage.chat(other, json!({})).0 == 200 {
        assert!(Instant::now() < until, "it is not heard");
    }
    assert_eq!(stage.chat(&key, json!({})).0, 200);
    postgres.stop();
    let away = stage.whole(
        MASTER,
        "POST",
        "/key/generate",
        &json!({"key_alias": "second"}),
    );
    assert_eq!(away.status, 503, "{}", away.text());
    assert!(
        away.text().contains("the database of keys is away"),
        "{}",
        away.text()
    );
    assert!(away.headers.contains_key("retry-after"));
    // Who was known is served.
    assert_eq!(stage.chat(&key, json!({})).0, 200);
    postgres.restart();
    stage.proxy.says("the database of keys is there", 2);
    assert_eq!(stage.gets("/key/list")["total_count"], 2);
    let told = stage.does("/key/generate", json!({"key_alias": "second"}));
    assert_eq!(told["key_alias"], "second");
}

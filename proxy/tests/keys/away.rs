//! The database goes away.

use super::*;

#[test]
fn without_its_database_nothing_is_managed_and_nothing_half_done() {
    let postgres = Postgres::start();
    let stage = Stage::new(Folder::new(), &postgres.database());
    let key = stage.key(json!({"key_alias": "first"}));
    // That it was made is told to all replicas, this one among them, which may hear it after this.
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
    assert_eq!(stage.gets("/key/list")["total_count"], 1);
    let told = stage.does("/key/generate", json!({"key_alias": "second"}));
    assert_eq!(told["key_alias"], "second");
}

#[test]
fn a_second_replica_says_no_more_than_the_first() {
    let url = Postgres::shared().database();
    let first = Stage::new(Folder::new(), &url);
    let second = Stage::new(Folder::new(), &url);
    for stage in [first, second] {
        let log = stage.proxy.log();
        assert!(!log.contains("already exists"), "{log}");
    }
}

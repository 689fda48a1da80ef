//! Who may use which routes, and what use comes to.

use super::*;

on_both!(
    managing_needs_the_master_key_or_one_that_may
    what_was_spent_is_told
);

fn managing_needs_the_master_key_or_one_that_may(stage: &Stage) {
    let plain = stage.key(json!({}));
    let manager = stage.key(json!({"key_type": "management"}));
    let reader = stage.key(json!({"key_type": "read_only"}));
    for (method, path) in [
        ("POST", "/key/generate"),
        ("GET", "/key/list"),
        ("POST", "/team/new"),
        ("GET", "/user/list"),
        ("GET", "/global/spend"),
    ] {
        for (key, status) in [(&plain, 403), (&reader, 403), (&manager, 200)] {
            let body = if method == "GET" {
                Value::Null
            } else {
                json!({})
            };
            let (got, told) = stage.ask(key, method, path, &body);
            assert_eq!(got, status, "{path}: {told}");
        }
        let (got, told) = stage.ask("sk-of-nobody-at-all", method, path, &Value::Null);
        assert_eq!(got, 401, "{told}");
        assert!(!told.to_string().contains("sk-of"), "{told}");
    }
    // Of itself each may know, and of others only who manages.
    let others = format!("/key/info?key={plain}");
    for (key, status) in [(&plain, 200), (&reader, 403), (&manager, 200)] {
        let (own, _) = stage.ask(key, "GET", "/key/info", &Value::Null);
        let (of_plain, _) = stage.ask(key, "GET", &others, &Value::Null);
        assert_eq!((own, of_plain), (200, status));
    }
    // Who manages asks no models.
    assert_eq!(
        (
            stage.chat(&plain, json!({})).0,
            stage.chat(&manager, json!({})).0
        ),
        (200, 403)
    );
}

fn what_was_spent_is_told(stage: &Stage) {
    let key = stage.key(json!({"key_alias": "anns"}));
    let other = stage.key(json!({}));
    for key in [&key, &key, &other] {
        assert_eq!(stage.chat(key, json!({"user": "somebody"})).0, 200);
    }
    // The journal goes into the database a moment later.
    let mut rows = Value::Null;
    for _ in 0..3_000 {
        rows = stage.gets("/spend/logs");
        if rows.as_array().is_some_and(|rows| rows.len() == 3) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(rows.as_array().unwrap().len(), 3, "{rows}");
    for (field, value) in [
        ("model", json!("m")),
        ("model_group", json!("m")),
        ("end_user", json!("somebody")),
        ("status", json!("success")),
    ] {
        assert_eq!(rows[0][field], value, "{rows}");
    }
    let own = stage.gets(&format!("/spend/logs?api_key={key}"));
    let own = own.as_array().unwrap();
    assert_eq!(own.len(), 2);
    // A key sees its own.
    let (status, seen) = stage.ask(&other, "GET", "/spend/logs", &Value::Null);
    assert_eq!((status, seen.as_array().unwrap().len()), (200, 1));
    let spend: f64 = own.iter().map(|row| row["spend"].as_f64().unwrap()).sum();
    assert!(spend > 0.0);
    let info = stage.gets(&format!("/key/info?key={key}"));
    assert_eq!(info["info"]["spend"], spend);
    let keys = stage.gets("/spend/keys");
    assert_eq!(
        (&keys[0]["key_alias"], &keys[0]["spend"]),
        (&json!("anns"), &json!(spend))
    );
    let all: f64 = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["spend"].as_f64().unwrap())
        .sum();
    assert!((stage.gets("/global/spend")["spend"].as_f64().unwrap() - all).abs() < 1e-9);
    let page = stage.gets("/spend/logs/v2?page_size=2");
    assert_eq!(
        (&page["total"], page["data"].as_array().unwrap().len()),
        (&json!(3), 2)
    );
}

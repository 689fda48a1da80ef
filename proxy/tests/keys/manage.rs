//! Keys, teams and users are managed.

use super::*;

on_both!(
    a_key_from_its_making_to_its_end
    teams_and_users_have_keys
    pages_and_orders
    mistakes_are_told_by_their_field
);

fn a_key_from_its_making_to_its_end(stage: &Stage) {
    let told = stage.does(
        "/key/generate",
        json!({"models": ["m"], "duration": "20m", "key_alias": "anns", "max_budget": 10, "metadata": {"user": "ann@example.com"}}),
    );
    let key = told["key"].as_str().unwrap().to_owned();
    let hash = told["token"].as_str().unwrap().to_owned();
    assert!(key.starts_with("sk-"));
    assert!(told["expires"].as_str().unwrap().ends_with('Z'), "{told}");
    assert_eq!(stage.chat(&key, json!({})).0, 200);
    // A key knows itself.
    let (status, own) = stage.ask(&key, "GET", "/key/info", &Value::Null);
    assert_eq!((status, &own["key"]), (200, &json!(hash)), "{own}");
    assert_eq!(own["info"]["key_alias"], "anns");
    let info = stage.gets(&format!("/key/info?key={key}"));
    assert_eq!(info["info"]["models"], json!(["m"]));
    assert_eq!(
        stage.gets("/key/list?key_alias=anns")["keys"],
        json!([hash])
    );
    // What is changed holds from the next request on.
    stage.does("/key/update", json!({"key": key, "models": ["n"]}));
    assert_eq!(stage.chat(&key, json!({})).0, 403);
    stage.does("/key/update", json!({"key": key, "models": null}));
    assert_eq!(stage.chat(&key, json!({})).0, 200);
    assert_eq!(
        stage.does("/key/block", json!({"key": key}))["blocked"],
        true
    );
    assert_eq!(stage.chat(&key, json!({})).0, 401);
    stage.does("/key/unblock", json!({"key": hash}));
    assert_eq!(stage.chat(&key, json!({})).0, 200);
    let again = stage.does(&format!("/key/{key}/regenerate"), json!({"max_budget": 20}));
    let new = again["key"].as_str().unwrap().to_owned();
    assert_eq!(
        (&again["key_alias"], &again["max_budget"]),
        (&json!("anns"), &json!(20.0))
    );
    assert_eq!(
        (stage.chat(&key, json!({})).0, stage.chat(&new, json!({})).0),
        (401, 200)
    );
    let gone = stage.does("/key/delete", json!({"key_aliases": ["anns"]}));
    assert_eq!(gone, json!({"deleted_keys": ["anns"]}));
    assert_eq!(stage.chat(&new, json!({})).0, 401);
    assert_eq!(stage.gets("/key/list")["total_count"], 0);
}

fn teams_and_users_have_keys(stage: &Stage) {
    let members = json!([{"user_id": "ann", "role": "admin"}]);
    let team = stage.does(
        "/team/new",
        json!({"team_alias": "core", "models": ["m"], "members_with_roles": members}),
    );
    let id = team["team_id"].as_str().unwrap();
    let key = stage.key(json!({"team_id": id, "user_id": "ann"}));
    assert_eq!(
        (
            stage.chat(&key, json!({})).0,
            stage.chat(&key, json!({"model": "n"})).0
        ),
        (200, 403)
    );
    stage.does("/team/update", json!({"team_id": id, "models": ["m", "n"]}));
    assert_eq!(stage.chat(&key, json!({"model": "n"})).0, 200);
    stage.does("/team/block", json!({"team_id": id}));
    assert_eq!(stage.chat(&key, json!({})).0, 401);
    stage.does("/team/unblock", json!({"team_id": id}));
    let bob = stage.does(
        "/user/new",
        json!({"user_id": "bob", "teams": [id], "models": ["n"]}),
    );
    let bobs = bob["key"].as_str().unwrap();
    assert_eq!(
        (
            stage.chat(bobs, json!({})).0,
            stage.chat(bobs, json!({"model": "n"})).0
        ),
        (403, 200)
    );
    let info = stage.gets("/user/info?user_id=ann");
    assert_eq!(
        (&info["keys"][0]["team_id"], &info["teams"][0]["team_alias"]),
        (&json!(id), &json!("core"))
    );
    assert_eq!(stage.gets("/user/list")["total"], 2);
    // A list without a frame has a header for how many there are.
    let page = stage.whole(MASTER, "GET", "/team/list?page_size=1", &Value::Null);
    assert!(page.headers.contains_key("x-mishikallm-total-count"));
    let list = stage.gets("/team/list");
    assert_eq!(
        (
            &list[0]["team_id"],
            list[0]["keys"].as_array().unwrap().len()
        ),
        (&json!(id), 1)
    );
    stage.does(
        "/team/member_delete",
        json!({"team_id": id, "user_id": "ann"}),
    );
    assert_eq!(stage.chat(&key, json!({})).0, 401);
    stage.does("/user/update", json!({"user_id": "bob", "models": []}));
    assert_eq!(stage.chat(bobs, json!({})).0, 200);
    assert_eq!(stage.does("/user/delete", json!({"user_ids": ["bob"]})), 1);
    assert_eq!(stage.chat(bobs, json!({})).0, 401);
    let gone = stage.does("/team/delete", json!({"team_ids": [id]}));
    assert_eq!(gone, json!({"deleted_teams": [id]}));
}

fn pages_and_orders(stage: &Stage) {
    for n in 0..12 {
        stage.key(json!({"key_alias": format!("key-{n:02}"), "max_budget": n}));
    }
    let first = stage.gets("/key/list");
    assert_eq!(first["keys"].as_array().unwrap().len(), 10);
    assert_eq!(
        (&first["total_count"], &first["total_pages"]),
        (&json!(12), &json!(2))
    );
    let path = "/key/list?page=2&size=5&return_full_object=true&sort_by=key_alias&sort_order=asc";
    let second = stage.gets(path);
    assert_eq!(
        (&second["current_page"], &second["total_pages"]),
        (&json!(2), &json!(3))
    );
    let names = second["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["key_alias"].clone());
    let names: Vec<Value> = names.collect();
    assert_eq!(names, ["key-05", "key-06", "key-07", "key-08", "key-09"]);
    let top = stage.gets("/key/list?size=1&return_full_object=true&sort_by=max_budget");
    assert_eq!(top["keys"][0]["key_alias"], "key-11");
}

fn mistakes_are_told_by_their_field(stage: &Stage) {
    stage.key(json!({"key_alias": "taken"}));
    for (path, body, status, field) in [
        (
            "/key/generate",
            json!({"max_budget": -1}),
            400,
            "max_budget",
        ),
        (
            "/key/generate",
            json!({"key_alias": "taken"}),
            400,
            "key_alias",
        ),
        (
            "/key/generate",
            json!({"team_id": "nobodys"}),
            400,
            "team_id",
        ),
        (
            "/key/generate",
            json!({"guardrails": ["pii"]}),
            400,
            "guardrails",
        ),
        ("/key/generate", json!({"key": MASTER}), 400, "key"),
        (
            "/key/update",
            json!({"key": "sk-of-nobody-at-all"}),
            404,
            "key",
        ),
        ("/key/delete", json!({}), 400, "keys"),
        (
            "/team/update",
            json!({"team_id": "nobodys"}),
            404,
            "team_id",
        ),
        ("/user/new", json!({"user_role": "king"}), 400, "user_role"),
    ] {
        let (got, told) = stage.ask(MASTER, "POST", path, &body);
        let error = &told["error"];
        assert_eq!(
            (got, &error["param"]),
            (status, &json!(field)),
            "{path} {body}: {told}"
        );
        assert_eq!(error["type"], "invalid_request_error");
        assert!(!told.to_string().contains("sk-"), "{told}");
    }
    let not_json = stage.whole(MASTER, "POST", "/key/generate", &json!("{"));
    assert_eq!(not_json.status, 400);
    assert_eq!(
        stage
            .whole(MASTER, "GET", "/key/generate", &Value::Null)
            .status,
        405
    );
    assert_eq!(
        stage.whole(MASTER, "POST", "/key/info", &json!({})).status,
        405
    );
}

use super::*;
use crate::keys::{Money, Scope};
use crate::store::on;

/// A settled request, as it is kept.
async fn spent(stage: &Stage, request: &str, token: &str, at: i64, dollars: f64) {
    let (request, token) = (request.to_owned(), token.to_owned());
    let money = Money::from_dollars(dollars).unwrap().0;
    let done = stage.store.run(move |pool| async move {
        let sql = "INSERT INTO spend_logs (request_id, started_at, ended_at, call_type, token, model, model_group, model_id, prompt_tokens, \
             completion_tokens, spend, status) VALUES ($1, $2, $2, 'chat', $3, 'm', 'm', 'id', 3, 4, $4, 200)";
        on!(&pool, db => {
            let query = sqlx::query(sql).bind(request).bind(at).bind(token).bind(money);
            query.execute(db).await.map(drop)
        })
    });
    done.await.expect("a row");
}

fn ids(told: &Value) -> Vec<&str> {
    let rows = told.as_array().unwrap().iter();
    rows.map(|row| row["request_id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn requests_are_told_the_newest_first() {
    let stage = Stage::new().await;
    let (key, hash) = stage.key(json!({})).await;
    let hour = 3_600_000;
    spent(&stage, "one", &hash, NOW - 48 * hour, 0.5).await;
    spent(&stage, "two", &hash, NOW - hour, 0.25).await;
    spent(&stage, "of-the-master", "", NOW, 1.0).await;
    let all = stage.gets("/spend/logs").await;
    assert_eq!(ids(&all), ["of-the-master", "two", "one"]);
    assert_eq!(
        (&all[0]["api_key"], &all[1]["api_key"]),
        (&json!(MASTER), &json!(hash))
    );
    assert_eq!(
        (&all[1]["spend"], &all[1]["total_tokens"]),
        (&json!(0.25), &json!(7))
    );
    for (query, expected) in [
        (format!("api_key={key}"), &["two", "one"][..]),
        (format!("api_key={hash}"), &["two", "one"]),
        (format!("api_key={MASTER}"), &["of-the-master"]),
        (format!("api_key={MASTER_KEY}"), &["of-the-master"]),
        ("request_id=one".to_owned(), &["one"]),
    ] {
        let told = stage.gets(&format!("/spend/logs?{query}")).await;
        assert_eq!(ids(&told), expected, "{query}");
    }
    let page = stage.gets("/spend/logs/v2?page=2&page_size=2").await;
    assert_eq!(ids(&page["data"]), ["one"]);
    assert_eq!(
        (&page["total"], &page["total_pages"]),
        (&json!(3), &json!(2))
    );
}

#[tokio::test]
async fn days_are_summed_up() {
    let stage = Stage::new().await;
    let (_, hash) = stage.key(json!({})).await;
    let day = 86_400_000;
    let midnight = NOW / day * day;
    spent(&stage, "one", &hash, midnight - 2 * day, 0.5).await;
    spent(&stage, "two", &hash, midnight - 2 * day + 1, 0.25).await;
    let date = |at: i64| Time(at).text()[..10].to_owned();
    let (start, end) = (date(midnight - 3 * day), date(midnight));
    let query = format!("start_date={start}&end_date={end}");
    let told = stage.gets(&format!("/spend/logs?{query}")).await;
    assert_eq!(told.as_array().unwrap().len(), 3, "{told}");
    assert_eq!(
        (&told[0]["startTime"], &told[0]["spend"]),
        (&json!(date(midnight - 2 * day)), &json!(0.75))
    );
    assert_eq!(
        (&told[0][&hash], &told[0]["models"]),
        (&json!(0.75), &json!({"m": 0.75}))
    );
    assert_eq!(
        (&told[2]["startTime"], &told[2]["spend"]),
        (&json!(end), &json!(0.0))
    );
    let told = stage
        .gets(&format!("/spend/logs?{query}&summarize=false"))
        .await;
    assert_eq!(ids(&told), ["two", "one"]);
    let wrong = stage
        .refuses("/spend/logs?start_date=soon", Value::Null)
        .await;
    assert_eq!(wrong, refused(400, "start_date"));
}

#[tokio::test]
async fn keys_and_all_together_are_told() {
    let stage = Stage::new().await;
    let (_, little) = stage.key(json!({"key_alias": "little"})).await;
    let (_, much) = stage.key(json!({"key_alias": "much"})).await;
    for (hash, dollars) in [(&little, 0.5), (&much, 2.0)] {
        let scope = Scope::Key(Token::named(hash));
        let money = Money::from_dollars(dollars).unwrap();
        stage
            .store
            .set_spend(scope, money, None, stage.now)
            .await
            .unwrap();
    }
    let told = stage.gets("/spend/keys").await;
    assert_eq!(
        (&told[0]["token"], &told[0]["spend"]),
        (&json!(much), &json!(2.0))
    );
    assert_eq!(
        (&told[1]["key_alias"], &told[1]["spend"]),
        (&json!("little"), &json!(0.5))
    );
    assert_eq!(
        stage.gets("/global/spend").await,
        json!({"spend": 0.0, "max_budget": 0.0})
    );
}

//! What it costs to write a row, and to bring it into a database: `cargo test --release … spend::tests::cost -- --ignored --nocapture`.

use super::*;
use std::time::Instant;

/// Rows as they are in life, of a hundred keys of ten teams.
fn append(process: &Process, count: usize) -> Duration {
    let keys: Vec<Token> = (0..100).map(|n: u32| Token::of(&n.to_le_bytes())).collect();
    let began = Instant::now();
    for n in 0..count {
        let id = format!("chatcmpl-{n:032}");
        let team = format!("team-{}", n % 10);
        process.journal.append(&Row {
            request_id: id.as_str().into(),
            started_at: Time(1_790_000_000_000 + n as i64),
            first_chunk_at: Some(Time(1_790_000_000_100 + n as i64)),
            ended_at: Time(1_790_000_001_000 + n as i64),
            token: Some(keys[n % keys.len()]),
            team_id: Some(team.as_str().into()),
            model: "llama-3.1-8b-instruct".into(),
            model_group: "llama-3.1-8b-instruct".into(),
            model_id: "0123456789abcdef".into(),
            ..row("", 123_456_789)
        });
    }
    began.elapsed()
}

async fn measured(base: Base, name: &str) {
    let store = base.store().await;
    for n in 0..100_u32 {
        let token = Token::of(&n.to_le_bytes());
        let sql =
            "INSERT INTO quotas (scope, kind, period, used, held) VALUES ($1, 'budget', 0, 0, 0)";
        let begun = store.run(move |pool| async move {
            on!(&pool, db => sqlx::query(sql).bind(format!("key:{token}")).execute(db).await.map(drop))
        });
        begun.await.unwrap();
    }
    let process = base.process();
    let count = 100_000;
    let took = append(&process, count);
    println!(
        "{name}: append {} ns a row",
        took.as_nanos() / count as u128
    );
    let began = Instant::now();
    let flushing = process.flushing(&store);
    assert!(process.journal.finish(GIVE_UP * 10).await);
    flushing.await.unwrap();
    let took = began.elapsed();
    assert_eq!(rows(&store).await, count as i64);
    println!(
        "{name}: apply {:.1} µs a row",
        took.as_secs_f64() * 1e6 / count as f64
    );
}

#[tokio::test]
#[ignore = "it measures"]
async fn of_both_databases() {
    measured(Base::file(), "SQLite").await;
    measured(Base::server(), "PostgreSQL").await;
}

#[test]
#[ignore = "it measures"]
fn of_several_threads_at_once() {
    let process = Base::file().process();
    let count = 100_000;
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| append(&process, count));
        }
    });
    println!(
        "append on 2 threads: {} ns a row",
        began.elapsed().as_nanos() / (2 * count) as u128
    );
}

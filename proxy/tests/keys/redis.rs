//! Two proxies that count together in Redis.

use super::*;
use running::redis::{PASSWORD, Redis};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(30);

fn two(redis: &Redis) -> [Stage; 2] {
    let database = Postgres::shared().database();
    let by_url = json!({"redis_url": redis.url()});
    let by_host =
        json!({"redis_host": "127.0.0.1", "redis_port": redis.port, "redis_password": PASSWORD});
    let stages = [by_url, by_host].map(|of| Stage::with(Folder::new(), &database, of));
    for stage in &stages {
        stage.proxy.says("Redis is there", 1);
    }
    stages
}

/// A minute that ends while they are asked would allow twice as many.
fn within_a_minute() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let second = now.expect("it is later").as_secs() % 60;
    if second > 50 {
        thread::sleep(Duration::from_secs(61 - second));
    }
}

/// How many of forty at once are let through, of both.
fn let_through(stages: &[Stage; 2], key: &str) -> usize {
    let asked = |at: usize| stages[at % 2].chat(key, json!({})).0 == 200;
    thread::scope(|scope| {
        let all: Vec<_> = (0..40).map(|at| scope.spawn(move || asked(at))).collect();
        let all = all
            .into_iter()
            .map(|one| one.join().expect("it is answered"));
        all.filter(|is_through| *is_through).count()
    })
}

fn readiness(stage: &Stage) -> Value {
    stage.gets("/health/readiness")["redis"].clone()
}

fn becomes(stages: &[Stage; 2], word: &str) {
    let until = Instant::now() + PATIENCE;
    while stages.iter().any(|stage| readiness(stage) != word) {
        assert!(Instant::now() < until, "{word}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_limit_is_that_of_both_and_of_each_while_redis_is_away() {
    let redis = Redis::start();
    let stages = two(&redis);
    becomes(&stages, "connected");
    let [first, second, third] = [(); 3].map(|()| {
        let key = stages[0].key(json!({"rpm_limit": 7}));
        // Known to both before anything is away.
        for stage in &stages {
            stage.ask(&key, "GET", "/v1/models", &Value::Null);
        }
        key
    });
    within_a_minute();
    assert_eq!(let_through(&stages, &first), 7);
    redis.stop();
    becomes(&stages, "Not connected");
    assert_eq!(let_through(&stages, &second), 14);
    redis.restart();
    becomes(&stages, "connected");
    assert_eq!(let_through(&stages, &third), 7);
    for stage in &stages {
        let log = stage.proxy.log();
        assert_eq!(log.matches("Redis is there").count(), 2, "{log}");
        assert!(!log.contains(PASSWORD), "{log}");
    }
}

#[test]
fn a_wrong_password_is_told_once_and_nowhere_said() {
    let redis = Redis::start();
    let of = json!({"redis_host": "127.0.0.1", "redis_port": redis.port, "redis_password": "another-word"});
    let database = Postgres::shared().database();
    let stage = Stage::with(Folder::new(), &database, of);
    let key = stage.key(json!({"rpm_limit": 3}));
    let through = (0..5).filter(|_| stage.chat(&key, json!({})).0 == 200);
    assert!((3..=5).contains(&through.count()));
    assert_eq!(readiness(&stage), "Not connected");
    let log = stage
        .proxy
        .says("it refuses the password, or the user's name", 1);
    assert!(!log.contains("another-word"), "{log}");
    thread::sleep(Duration::from_secs(2));
    assert_eq!(stage.proxy.log().matches("Redis is away").count(), 1);
}

//! Whether a real Redis is there, and why not.

use super::connect::connect;
use super::{Address, Away, Redis};
use running::certificates::Authority;
use running::redis::{PASSWORD, Redis as Server};
use std::net::TcpListener;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(30);

fn address(url: &str) -> Address {
    Address::parse(url).expect("a URL")
}

async fn why_not(url: &str) -> String {
    match connect(&address(url)).await {
        Ok(_) => panic!("{url}: it lets everybody in"),
        Err(why) => why,
    }
}

async fn asks(redis: &Redis) -> Result<i64, Away> {
    let script = ::redis::Script::new("return 7");
    redis.run(&script.prepare_invoke()).await
}

#[tokio::test]
async fn who_has_not_the_password_is_told_so_without_it() {
    let server = Server::start();
    let port = server.port;
    let wrong = why_not(&format!("redis://:hunter3@127.0.0.1:{port}")).await;
    assert_eq!(wrong, "it refuses the password, or the user's name");
    let user = why_not(&format!("redis://ann:hunter3@127.0.0.1:{port}")).await;
    assert_eq!(user, "it refuses the password, or the user's name");
    // Without any it is let in, and may not do anything.
    let (redis, life) = Redis::new(address(&format!("redis://127.0.0.1:{port}")));
    tokio::spawn(life);
    sleep(Duration::from_millis(500)).await;
    assert!(!redis.is_up());
    assert_eq!(asks(&redis).await, Err(Away));
    let other = Address::of_host("127.0.0.1".to_owned(), Some(port));
    let (redis, life) = Redis::new(other.with_password(PASSWORD.to_owned()));
    tokio::spawn(life);
    timeout(PATIENCE, redis.come()).await.expect("it is there");
    assert_eq!(asks(&redis).await, Ok(7));
}

#[tokio::test]
async fn one_that_says_nothing_is_away_and_waited_for_by_nobody() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = silent.local_addr().expect("a port");
    let (redis, life) = Redis::new(address(&format!("redis://:{PASSWORD}@{at}")));
    tokio::spawn(life);
    sleep(Duration::from_millis(100)).await;
    let asked = Instant::now();
    assert_eq!(asks(&redis).await, Err(Away));
    assert!(asked.elapsed() < Duration::from_millis(100));
}

#[tokio::test]
async fn one_that_stands_still_is_away_until_it_goes_on() {
    let server = Server::start();
    let (redis, life) = Redis::new(address(&server.url()));
    tokio::spawn(life);
    timeout(PATIENCE, redis.come()).await.expect("it is there");
    server.freeze();
    let asked = Instant::now();
    assert_eq!(asks(&redis).await, Err(Away));
    assert!(asked.elapsed() < super::PATIENCE * 2);
    while redis.is_up() {
        assert!(asked.elapsed() < PATIENCE);
        sleep(Duration::from_millis(10)).await;
    }
    server.resume();
    timeout(PATIENCE, redis.come()).await.expect("it goes on");
    assert_eq!(asks(&redis).await, Ok(7));
}

#[tokio::test]
async fn tls_by_an_authority_that_is_named() {
    let authority = Authority::new();
    let own = authority.local();
    let server = Server::with_tls(&own.certificate, &own.key);
    let url = server.url().replacen("redis:", "rediss:", 1);
    let why = why_not(&url).await;
    assert!(why.contains("certificate"), "{why}");
    for parameter in [
        format!("ssl_ca_certs={}", authority.file()),
        "ssl_cert_reqs=none".to_owned(),
    ] {
        let (redis, life) = Redis::new(address(&format!("{url}?{parameter}")));
        tokio::spawn(life);
        timeout(PATIENCE, redis.come()).await.expect("it is there");
        assert_eq!(asks(&redis).await, Ok(7));
    }
}

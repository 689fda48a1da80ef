//! The database is away, or the folder cannot be written.

use super::*;
use crate::store::within;

#[tokio::test]
async fn while_the_database_is_away_the_file_grows_and_then_it_comes() {
    let server = Postgres::start();
    let base = Base {
        address: Address::parse(&server.database()).expect("a URL"),
        folder: Folder::new(),
    };
    let store = base.store().await;
    insert_key(&store).await;
    let process = base.process();
    let flushing = process.flushing(&store);
    process.journal.append(&row("a", 1));
    until(async || process.told(ALL) == Money(1)).await;
    server.stop();
    becomes(&store, false).await;
    for n in 0..3_000 {
        process.journal.append(&Row {
            started_at: Time(n),
            ..row("b", 1)
        });
    }
    assert!(!process.journal.finish(Duration::from_millis(50)).await);
    server.restart();
    becomes(&store, true).await;
    timeout(GIVE_UP, flushing).await.expect("it ends").unwrap();
    assert_eq!(
        (used(&store, ALL).await, rows(&store).await),
        (Some(3_001), 3_001)
    );
    assert!(process.told(&key_scope()) >= Money(3_001));
    assert_eq!(base.files(), 0);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again() {
    let server = Postgres::start();
    let base = Base {
        address: Address::parse(&server.database()).expect("a URL"),
        folder: Folder::new(),
    };
    let store = base.store().await;
    insert_key(&store).await;
    let process = base.process();
    let flushing = process.flushing(&store);
    for round in 1..=5 {
        for n in 0..2_000 {
            process.journal.append(&Row {
                started_at: Time(round * 10_000 + n),
                ..row("b", 1)
            });
        }
        // In the middle of a transaction, or after it, or before.
        server.stop();
        server.restart();
        becomes(&store, true).await;
    }
    assert!(process.journal.finish(GIVE_UP).await);
    flushing.await.unwrap();
    assert_eq!(
        (used(&store, ALL).await, rows(&store).await),
        (Some(10_000), 10_000)
    );
    // What a server forgot when it ended is told again.
    assert!(process.told(ALL) >= Money(10_000));
}

/// A folder that cannot be made: a file stands there.
fn block(base: &Base) -> std::path::PathBuf {
    std::fs::create_dir_all(&base.folder.0).unwrap();
    let path = base.folder.0.join("spend");
    std::fs::write(&path, "").unwrap();
    path
}

async fn without_a_folder_rows_come_out_of_memory(base: Base) {
    block(&base);
    let store = base.store().await;
    insert_key(&store).await;
    let process = base.process();
    process.journal.append(&row("a", 1));
    let flushing = process.flushing(&store);
    until(async || used(&store, ALL).await == Some(1)).await;
    process.journal.append(&row("b", 2));
    assert!(process.journal.finish(GIVE_UP).await);
    flushing.await.unwrap();
    assert_eq!((used(&store, ALL).await, rows(&store).await), (Some(3), 2));
    assert_eq!((process.told(ALL), journals(&store).await), (Money(3), 0));
}

async fn what_is_in_memory_goes_to_the_folder_when_that_is_there_again(base: Base) {
    let path = block(&base);
    let process = base.process();
    process.journal.append(&row("a", 1));
    std::fs::remove_file(path).unwrap();
    until(async || {
        process.journal.recover();
        process.journal.is_in_file()
    })
    .await;
    process.journal.append(&row("b", 2));
    drop(process);
    let store = base.store().await;
    insert_key(&store).await;
    let next = base.process();
    let flushing = next.flushing(&store);
    until(async || used(&store, ALL).await == Some(3)).await;
    flushing.abort();
}

#[tokio::test]
async fn memory_has_an_end_and_what_is_beyond_is_counted_as_lost() {
    let base = Base::file();
    block(&base);
    let process = base.process();
    while process.journal.lost() == 0 {
        process.journal.append(&row("a", 1));
    }
    process.journal.append(&row("b", 1));
    assert_eq!(process.journal.lost(), 2);
}

async fn a_database_that_lost_what_it_had_said_gets_it_again(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let process = base.process();
    let flushing = process.flushing(&store);
    process.journal.append(&row("a", 1));
    until(async || process.told(ALL) == Money(1)).await;
    // All that came in one transaction.
    let all = store.write((), |tx, ()| {
        Box::pin(async move {
            for sql in [
                "DELETE FROM journals",
                "DELETE FROM quotas",
                "DELETE FROM spend_logs",
            ] {
                within!(tx, db => sqlx::query(sql).execute(db).await.map(drop))?;
            }
            Ok(())
        })
    });
    all.await.unwrap();
    process.journal.append(&row("b", 2));
    until(async || used(&store, ALL).await == Some(3)).await;
    assert_eq!(rows(&store).await, 2);
    flushing.abort();
}

async fn a_row_that_is_not_taken_is_put_aside_and_the_others_come(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    // The database has a rule that the program does not know.
    does(&store, "DROP TABLE spend_logs").await;
    let checked = "CREATE TABLE spend_logs (request_id TEXT, started_at BIGINT, first_chunk_at BIGINT, ended_at BIGINT, call_type TEXT, \
         token TEXT, team_id TEXT, user_id TEXT, end_user TEXT, model TEXT, model_group TEXT, model_id TEXT, prompt_tokens BIGINT, \
         completion_tokens BIGINT, spend BIGINT CHECK (spend <> 13), status BIGINT)";
    does(&store, checked).await;
    let process = base.process();
    for n in 1..=20 {
        process.journal.append(&row("a", n));
    }
    let flushing = process.flushing(&store);
    let sum = (1..=20).sum::<i64>() - 13;
    until(async || used(&store, ALL).await == Some(sum)).await;
    assert_eq!(rows(&store).await, 19);
    let folder = std::fs::read_dir(base.folder.0.join("spend")).unwrap();
    let aside = folder
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "refused"));
    let aside = std::fs::read_to_string(aside.unwrap()).unwrap();
    assert_eq!(aside.lines().count(), 1);
    assert!(aside.ends_with(",13,200]\n"), "{aside}");
    flushing.abort();
}

on_both! {
    without_a_folder_rows_come_out_of_memory
    what_is_in_memory_goes_to_the_folder_when_that_is_there_again
    a_database_that_lost_what_it_had_said_gets_it_again
    a_row_that_is_not_taken_is_put_aside_and_the_others_come
}

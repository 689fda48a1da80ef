//! What processes leave that were killed.

use super::*;
use std::fs::OpenOptions;
use std::io::Write;

/// Its rows, and how it ended.
fn dies(process: Process, rows: &[Row<'_>]) {
    rows.iter().for_each(|row| process.journal.append(row));
}

async fn what_the_dead_wrote_comes_with_whoever_lives(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    dies(base.process(), &[row("a", 1), row("b", 2)]);
    dies(base.process(), &[row("c", 4)]);
    assert_eq!(base.files(), 2);
    let process = base.process();
    process.journal.append(&row("d", 8));
    let flushing = process.flushing(&store);
    until(async || used(&store, ALL).await == Some(15) && base.files() == 1).await;
    // What the dead had borrowed is none of its business.
    assert_eq!(process.told(ALL), Money(8));
    until(async || journals(&store).await == 1).await;
    flushing.abort();
}

async fn killed_between_two_batches_or_after_the_commit_it_is_counted_once(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let process = base.process();
    for n in 0..1_500 {
        process.journal.append(&Row {
            started_at: Time(n),
            ..row("a", 1)
        });
    }
    let flushing = process.flushing(&store);
    // Some of it is there; the process ends, whatever it is at.
    until(async || rows(&store).await > 0).await;
    flushing.abort();
    let _ = flushing.await;
    drop(process);
    let process = base.process();
    let flushing = process.flushing(&store);
    until(async || base.files() == 1).await;
    assert_eq!(used(&store, &key_scope()).await, Some(1_500));
    assert_eq!(rows(&store).await, 1_500);
    flushing.abort();
}

async fn a_file_that_was_applied_and_not_removed_is_not_applied_again(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let process = base.process();
    process.journal.append(&row("a", 1));
    let flushing = process.flushing(&store);
    until(async || used(&store, ALL).await == Some(1)).await;
    flushing.abort();
    let _ = flushing.await;
    drop(process);
    let next = base.process();
    let flushing = next.flushing(&store);
    until(async || base.files() == 1).await;
    assert_eq!((used(&store, ALL).await, rows(&store).await), (Some(1), 1));
    flushing.abort();
}

async fn half_a_line_is_no_row(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    dies(base.process(), &[row("a", 1)]);
    let path = super::super::file::all(&base.folder.0.join("spend"))
        .unwrap()
        .remove(0);
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"{\"request_id\":\"b\",\"started").unwrap();
    drop(file);
    let process = base.process();
    let flushing = process.flushing(&store);
    until(async || base.files() == 1).await;
    assert_eq!((used(&store, ALL).await, rows(&store).await), (Some(1), 1));
    flushing.abort();
}

async fn many_that_live_bring_what_the_dead_wrote_once(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    for n in 0..20 {
        let id = n.to_string();
        dies(base.process(), &[row(&id, 1), row("x", 10)]);
    }
    let living: Vec<Process> = (0..3).map(|_| base.process()).collect();
    let flushing: Vec<_> = living
        .iter()
        .map(|process| process.flushing(&store))
        .collect();
    until(async || base.files() == living.len()).await;
    for (process, flushing) in living.iter().zip(flushing) {
        assert!(process.journal.finish(GIVE_UP).await);
        flushing.await.unwrap();
    }
    assert_eq!(used(&store, &key_scope()).await, Some(20 * 11));
    assert_eq!(base.files(), 0);
}

on_both! {
    what_the_dead_wrote_comes_with_whoever_lives
    killed_between_two_batches_or_after_the_commit_it_is_counted_once
    a_file_that_was_applied_and_not_removed_is_not_applied_again
    half_a_line_is_no_row
    many_that_live_bring_what_the_dead_wrote_once
}

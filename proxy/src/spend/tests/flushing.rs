//! From the workers' hands into the database.

use super::*;
use crate::keys::Every;

async fn what_workers_write_comes_into_the_database_to_the_last_part(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let process = base.process();
    let flushing = process.flushing(&store);
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let journal = process.journal.clone();
            std::thread::spawn(move || {
                for n in 0..2_500 {
                    let id = format!("{worker}-{n}");
                    journal.append(&Row {
                        started_at: Time(n),
                        ..row(&id, n + 1)
                    });
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    assert!(process.journal.finish(GIVE_UP).await);
    flushing.await.unwrap();
    let sum = 4 * (1..=2_500).sum::<i64>();
    assert_eq!(rows(&store).await, 10_000);
    assert_eq!(used(&store, &key_scope()).await, Some(sum));
    assert_eq!(process.told(&key_scope()), Money(sum));
    // Nothing is left to be brought, and nothing to remember.
    assert_eq!((base.files(), journals(&store).await), (0, 0));
    assert_eq!(process.journal.lost(), 0);
}

async fn a_row_comes_by_itself(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let process = base.process();
    let flushing = process.flushing(&store);
    for n in 1..=3 {
        process.journal.append(&row("a", 1));
        until(async || used(&store, ALL).await == Some(n)).await;
    }
    flushing.abort();
}

async fn without_logs_sums_alone_are_kept(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let process = base.process();
    process.journal.append(&row("a", 7));
    let policy = Policy {
        disable_spend_logs: true,
        ..Policy::default()
    };
    let flushing = process.flushing_by(&store, policy);
    assert!(process.journal.finish(GIVE_UP).await);
    flushing.await.unwrap();
    assert_eq!(
        (used(&store, &key_scope()).await, rows(&store).await),
        (Some(7), 0)
    );
}

async fn rows_that_are_too_old_go_and_what_they_cost_stays(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let process = base.process();
    let ids: Vec<String> = (0..1_200).map(|n| n.to_string()).collect();
    for id in &ids {
        process.journal.append(&row(id, 1));
    }
    process.journal.append(&Row {
        started_at: Time::now(),
        ..row("new", 1)
    });
    let flushing = process.flushing(&store);
    until(async || rows(&store).await == 1_201).await;
    flushing.abort();
    let policy = Policy {
        retention: Every::parse("1d"),
        ..Policy::default()
    };
    let flushing = process.flushing_by(&store, policy);
    until(async || rows(&store).await == 1).await;
    assert_eq!(used(&store, &key_scope()).await, Some(1_201));
    flushing.abort();
}

async fn a_row_after_the_end_comes_with_the_next_start(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let process = base.process();
    let flushing = process.flushing(&store);
    assert!(process.journal.finish(GIVE_UP).await);
    flushing.await.unwrap();
    process.journal.append(&row("late", 3));
    drop(process);
    assert_eq!(base.files(), 1);
    let next = base.process();
    let flushing = next.flushing(&store);
    until(async || used(&store, ALL).await == Some(3)).await;
    flushing.abort();
}

async fn under_a_new_name_it_takes_nothing_off_what_the_old_one_held(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let process = base.process();
    let old = process.replica.name();
    process.journal.append(&row("a", 1));
    process.replica.renew(&old);
    process.journal.append(&row("b", 10));
    assert_eq!(base.files(), 2);
    let heads = super::super::file::all(&base.folder.0.join("spend")).unwrap();
    let heads: Vec<String> = heads
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let names = |name: &str| heads.iter().filter(|head| head.contains(name)).count();
    assert_eq!((names(&old), names(&process.replica.name())), (1, 1));
    let flushing = process.flushing(&store);
    until(async || used(&store, ALL).await == Some(11)).await;
    flushing.abort();
}

on_both! {
    what_workers_write_comes_into_the_database_to_the_last_part
    a_row_comes_by_itself
    without_logs_sums_alone_are_kept
    rows_that_are_too_old_go_and_what_they_cost_stays
    a_row_after_the_end_comes_with_the_next_start
    under_a_new_name_it_takes_nothing_off_what_the_old_one_held
}

//! `maximum_spend_logs_retention_period`: rows of single requests that are older are removed, a few at a time.

use crate::keys::{Every, Time};
use crate::store::{Result, Store, on};

/// Rows at once, so that nobody waits long for the database.
pub(super) const AT_ONCE: u64 = 500;

/// Those that are older are to go.
pub(super) fn oldest(retention: Every, now: Time) -> Time {
    let span = retention.after(now).0.saturating_sub(now.0);
    Time(now.0.saturating_sub(span))
}

/// Removes some of the rows that began before; how many.
pub(super) async fn remove(store: &Store, before: Time) -> Result<u64> {
    let sql = "DELETE FROM spend_logs WHERE (started_at, request_id) IN \
         (SELECT started_at, request_id FROM spend_logs WHERE started_at < $1 ORDER BY started_at LIMIT $2)";
    let most = AT_ONCE as i64;
    store
        .run(move |pool| async move {
            on!(&pool, db => {
                let done = sqlx::query(sql).bind(before.0).bind(most).execute(db).await?;
                Ok(done.rows_affected())
            })
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_as_old_as_is_allowed() {
        let now = Time::parse("2026-03-10").unwrap();
        let oldest = |text: &str| oldest(Every::parse(text).unwrap(), now);
        assert_eq!(oldest("1d"), Time::parse("2026-03-09").unwrap());
        assert_eq!(oldest("2w"), Time::parse("2026-02-24").unwrap());
    }
}

//! What is the same for keys, teams and users: rows that are found, locked and taken out by their ids.

use super::list::{self, Conditions, Found, Order, Page, Table};
use super::{Pool, Result, Store, Tx, on, within};
use crate::keys::Time;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder};

/// In one statement.
pub(super) const AT_ONCE: usize = 500;

/// A row of one of the three tables.
pub(super) trait Row:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static
{
    /// What it is.
    type Record: Send + 'static;

    /// Where it is.
    const TABLE: Table;

    /// Errors: somebody else wrote it.
    fn record(self) -> sqlx::Result<Self::Record>;
}

impl Store {
    /// Those with these ids, as far as there are some, in no order.
    pub(super) async fn rows<R: Row>(&self, ids: Vec<String>) -> Result<Vec<R::Record>> {
        self.run(move |pool| async move {
            let mut all = Vec::new();
            for ids in ids.chunks(AT_ONCE) {
                all.extend(records(some::<R>(&pool, ids).await?)?);
            }
            Ok(all)
        })
        .await
    }

    /// Some of all.
    pub(super) async fn page<R: Row, O: Order + Send + 'static>(
        &self,
        conditions: Conditions,
        page: Page<O>,
        now: Time,
    ) -> Result<Found<R::Record>> {
        self.run(move |pool| async move {
            let (total, rows) =
                list::find::<R, O>(&pool, &R::TABLE, &conditions, page, now).await?;
            let rows = records(rows)?;
            Ok(Found { rows, total })
        })
        .await
    }
}

async fn some<R: Row>(pool: &Pool, ids: &[String]) -> sqlx::Result<Vec<R>> {
    let Table { name, id, .. } = R::TABLE;
    on!(pool, db => {
        let mut query = QueryBuilder::new("SELECT * FROM ");
        query.push(name).push(" WHERE ").push(id).push(" IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(id.clone());
        }
        query.push(")");
        query.build_query_as().fetch_all(db).await
    })
}

/// One that nobody else changes until this transaction ends.
pub(super) async fn lock<R: Row>(tx: &mut Tx, key: &str) -> sqlx::Result<Option<R::Record>> {
    let Table { name, id, .. } = R::TABLE;
    let row: Option<R> = within!(tx, db => {
        let mut query = QueryBuilder::new("UPDATE ");
        query.push(name).push(" SET updated_at = updated_at WHERE ").push(id).push(" = ");
        query.push_bind(key.to_owned()).push(" RETURNING *");
        query.build_query_as().fetch_optional(db).await
    })?;
    row.map(R::record).transpose()
}

/// One that is none any more.
pub(super) async fn take<R: Row>(tx: &mut Tx, key: &str) -> sqlx::Result<Option<R::Record>> {
    Ok(take_where::<R>(tx, &[(R::TABLE.id, key)]).await?.pop())
}

/// Those that are none any more: of which each of these columns has this value.
pub(super) async fn take_where<R: Row>(
    tx: &mut Tx,
    columns: &[(&'static str, &str)],
) -> sqlx::Result<Vec<R::Record>> {
    let rows: Vec<R> = within!(tx, db => {
        let mut query = QueryBuilder::new("DELETE FROM ");
        query.push(R::TABLE.name).push(" WHERE ");
        for (nth, (column, value)) in columns.iter().enumerate() {
            query.push(if nth == 0 { "" } else { " AND " }).push(*column).push(" = ");
            query.push_bind((*value).to_owned());
        }
        query.push(" RETURNING *");
        query.build_query_as().fetch_all(db).await
    })?;
    records(rows)
}

/// Two transactions that lock several come to them in the same order.
pub(super) fn in_order<T: Ord + Clone>(ids: &[T]) -> Vec<T> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids.dedup();
    ids
}

fn records<R: Row>(rows: Vec<R>) -> sqlx::Result<Vec<R::Record>> {
    rows.into_iter().map(R::record).collect()
}

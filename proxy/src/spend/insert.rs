//! Rows into the table `spend_logs`.

use super::row::{COLUMNS, Row};
use crate::store::Tx;
use crate::store::pool::Connection;
use sqlx::{AssertSqlSafe, SqliteConnection};
use std::sync::{Arc, LazyLock};

/// Rows that SQLite takes in one statement, each size prepared once: a value that is bound costs it a tenth of one that it cuts out of JSON.
/// A server gets all rows as one text: there each value that is bound costs as much, and a way.
const SIZES: [usize; 3] = [64, 8, 1];

static OF_SIZES: LazyLock<[Arc<String>; 3]> = LazyLock::new(|| {
    let row = format!("({})", ["?"; COLUMNS.len()].join(", "));
    SIZES.map(|size| statement(&format!("VALUES {}", vec![row.as_str(); size].join(", "))))
});

/// Of a list of lists in JSON.
static OF_LIST: LazyLock<Arc<String>> = LazyLock::new(|| {
    let value = |(at, (_, is_number)): (usize, &(&str, bool))| match is_number {
        true => format!("CAST(list.value ->> {at} AS BIGINT)"),
        false => format!("list.value ->> {at}"),
    };
    let values: Vec<String> = COLUMNS.iter().enumerate().map(value).collect();
    let values = values.join(", ");
    statement(&format!(
        "SELECT {values} FROM jsonb_array_elements($1::jsonb) AS list"
    ))
});

/// Its words are ours.
fn statement(rows: &str) -> Arc<String> {
    let names = COLUMNS.map(|(name, _)| name).join(", ");
    let sql = format!("INSERT INTO spend_logs ({names}) {rows} ON CONFLICT DO NOTHING");
    Arc::new(sql)
}

/// Inserts rows, a list of lists in JSON; those that are there stay as they are.
pub(super) async fn insert(tx: &mut Tx, rows: &str) -> sqlx::Result<()> {
    match tx.connection() {
        Connection::Sqlite(db) => insert_bound(db, rows).await,
        Connection::Postgres(db) => {
            let query = sqlx::query(AssertSqlSafe(OF_LIST.clone())).bind(rows);
            query.execute(db).await.map(drop)
        }
    }
}

async fn insert_bound(db: &mut SqliteConnection, rows: &str) -> sqlx::Result<()> {
    let rows: Vec<Row<'_>> =
        serde_json::from_str(rows).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
    let mut left = rows.into_iter();
    for (size, sql) in SIZES.into_iter().zip(OF_SIZES.iter()) {
        while left.len() >= size {
            let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
            for row in left.by_ref().take(size) {
                // In the order of the columns.
                query = query
                    .bind(row.request_id)
                    .bind(row.started_at.0)
                    .bind(row.first_chunk_at.map(|time| time.0))
                    .bind(row.ended_at.0)
                    .bind(row.call_type)
                    .bind(
                        row.token
                            .map_or_else(String::new, |token| token.to_string()),
                    )
                    .bind(row.team_id)
                    .bind(row.user_id)
                    .bind(row.end_user)
                    .bind(row.model)
                    .bind(row.model_group)
                    .bind(row.model_id)
                    .bind(number(row.prompt_tokens))
                    .bind(number(row.completion_tokens))
                    .bind(row.spend.0)
                    .bind(i64::from(row.status));
            }
            query.execute(&mut *db).await?;
        }
    }
    Ok(())
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

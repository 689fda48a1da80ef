//! Rows into the table `spend_logs`.

use super::row::{COLUMNS, Row};
use crate::keys::Token;
use crate::store::Tx;
use crate::store::pool::Connection;
use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};
use std::sync::{Arc, LazyLock};

/// Rows that SQLite takes in one statement, each size prepared once: a value that is bound costs it a tenth of one that it cuts out of JSON.
const SIZES: [usize; 3] = [64, 8, 1];

static OF_SIZES: LazyLock<[Arc<String>; 3]> = LazyLock::new(|| {
    let row = format!("({})", ["?"; COLUMNS.len()].join(", "));
    SIZES.map(|size| statement(&format!("VALUES {}", vec![row.as_str(); size].join(", "))))
});

/// PostgreSQL takes all of them in one, a list for each column.
static OF_LISTS: LazyLock<Arc<String>> = LazyLock::new(|| {
    let list = |(at, (_, is_number)): (usize, &(&str, bool))| match is_number {
        true => format!("${}::BIGINT[]", at + 1),
        false => format!("${}::TEXT[]", at + 1),
    };
    let lists: Vec<String> = COLUMNS.iter().enumerate().map(list).collect();
    statement(&format!("SELECT * FROM UNNEST({})", lists.join(", ")))
});

/// Its words are ours.
fn statement(rows: &str) -> Arc<String> {
    let names = COLUMNS.map(|(name, _)| name).join(", ");
    let sql = format!("INSERT INTO spend_logs ({names}) {rows} ON CONFLICT DO NOTHING");
    Arc::new(sql)
}

/// Inserts rows, a list of lists in JSON; those that are there stay as they are.
pub(super) async fn insert(tx: &mut Tx, rows: &str) -> sqlx::Result<()> {
    let rows: Vec<Row<'_>> =
        serde_json::from_str(rows).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
    match tx.connection() {
        Connection::Sqlite(db) => into_file(db, rows).await,
        Connection::Postgres(db) => into_server(db, rows).await,
    }
}

async fn into_file(db: &mut SqliteConnection, rows: Vec<Row<'_>>) -> sqlx::Result<()> {
    let mut left = rows.into_iter();
    for (size, sql) in SIZES.into_iter().zip(OF_SIZES.iter()) {
        while left.len() >= size {
            let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
            // In the order of the columns.
            for row in left.by_ref().take(size) {
                query = query
                    .bind(row.request_id)
                    .bind(row.started_at.0)
                    .bind(row.first_chunk_at.map(|time| time.0))
                    .bind(row.ended_at.0)
                    .bind(row.call_type)
                    .bind(hash(row.token))
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

async fn into_server(db: &mut PgConnection, rows: Vec<Row<'_>>) -> sqlx::Result<()> {
    // In the order of the columns.
    let query = sqlx::query(AssertSqlSafe(OF_LISTS.clone()))
        .bind(list(&rows, |row| &*row.request_id))
        .bind(list(&rows, |row| row.started_at.0))
        .bind(list(&rows, |row| row.first_chunk_at.map(|time| time.0)))
        .bind(list(&rows, |row| row.ended_at.0))
        .bind(list(&rows, |row| &*row.call_type))
        .bind(list(&rows, |row| hash(row.token)))
        .bind(list(&rows, |row| row.team_id.as_deref()))
        .bind(list(&rows, |row| row.user_id.as_deref()))
        .bind(list(&rows, |row| row.end_user.as_deref()))
        .bind(list(&rows, |row| &*row.model))
        .bind(list(&rows, |row| &*row.model_group))
        .bind(list(&rows, |row| &*row.model_id))
        .bind(list(&rows, |row| number(row.prompt_tokens)))
        .bind(list(&rows, |row| number(row.completion_tokens)))
        .bind(list(&rows, |row| row.spend.0))
        .bind(list(&rows, |row| i64::from(row.status)));
    query.execute(db).await.map(drop)
}

fn list<'a, T>(rows: &'a [Row<'a>], value: impl Fn(&'a Row<'a>) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// A key's; an empty text: the master key's.
fn hash(token: Option<Token>) -> String {
    token.map_or_else(String::new, |token| token.to_string())
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

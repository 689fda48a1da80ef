//! What users have, for a list of them: in one statement for all, and not in one for each.

use super::records::AT_ONCE;
use super::{Pool, Result, Store, on};
use sqlx::QueryBuilder;
use std::collections::HashMap;

impl Store {
    /// How many keys each of these users has. Who is not in it has none.
    pub async fn count_keys(&self, user_ids: Vec<String>) -> Result<HashMap<String, u64>> {
        self.run(move |pool| async move {
            let mut all = HashMap::new();
            for some in user_ids.chunks(AT_ONCE) {
                let rows: Vec<(String, i64)> = on!(&pool, db => {
                    let mut query = QueryBuilder::new("SELECT user_id, COUNT(*) FROM keys WHERE user_id IN (");
                    let mut list = query.separated(", ");
                    for id in some {
                        list.push_bind(clean(id));
                    }
                    query.push(") GROUP BY user_id");
                    query.build_query_as().fetch_all(db).await
                })?;
                let count = |(id, count)| (id, u64::try_from(count).unwrap_or(0));
                all.extend(rows.into_iter().map(count));
            }
            Ok(all)
        })
        .await
    }

    /// The teams that each of these users is in, by the teams' names. Who is not in it is in none.
    pub async fn teams_of(&self, user_ids: Vec<String>) -> Result<HashMap<String, Vec<String>>> {
        self.run(move |pool| async move {
            let mut all: HashMap<String, Vec<String>> = HashMap::new();
            let members = match pool {
                Pool::Sqlite(..) => "json_each(t.members) AS m",
                Pool::Postgres(_) => "jsonb_array_elements(CAST(t.members AS JSONB)) AS m(value)",
            };
            for some in user_ids.chunks(AT_ONCE) {
                let rows: Vec<(String, String)> = on!(&pool, db => {
                    let mut query = QueryBuilder::new("SELECT m.value ->> 'user_id', t.team_id FROM teams AS t, ");
                    query.push(members).push(" WHERE m.value ->> 'user_id' IN (");
                    let mut list = query.separated(", ");
                    for id in some {
                        list.push_bind(clean(id));
                    }
                    query.push(") ORDER BY t.team_alias ASC NULLS LAST, t.created_at DESC, t.team_id");
                    query.build_query_as().fetch_all(db).await
                })?;
                for (user_id, team_id) in rows {
                    all.entry(user_id).or_default().push(team_id);
                }
            }
            Ok(all)
        })
        .await
    }
}

/// Texts with NUL are of nobody, and PostgreSQL does not hear them.
fn clean(id: &str) -> String {
    id.replace('\0', "\u{fffd}")
}

//! Users in the database.

use super::keys::{self, AT_ONCE, in_order};
use super::list::{self, Found, Page, Table, UserFilter, UserOrder};
use super::rows::{TeamRow, UserRow, bind_user, fits};
use super::{Change, Result, Store, Tx, on, scopes, teams, within};
use crate::keys::{Scope, Time, User};
use sqlx::QueryBuilder;

const TABLE: Table = Table {
    name: "users",
    id: "user_id",
    kind: "user:",
};

const INSERT: &str = "INSERT INTO users (user_id, user_alias, user_email, user_role, models, max_budget, budget_duration, rpm_limit, \
    tpm_limit, max_parallel_requests, metadata, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

const UPDATE: &str = "UPDATE users SET user_id = $1, user_alias = $2, user_email = $3, user_role = $4, models = $5, max_budget = $6, \
    budget_duration = $7, rpm_limit = $8, tpm_limit = $9, max_parallel_requests = $10, metadata = $11, created_at = $12, \
    updated_at = $13 WHERE user_id = $1";

impl Store {
    /// Keeps a new user, of whom nothing is spent. `Taken("user_id")`: there is one already.
    pub async fn insert_user(&self, user: User) -> Result<()> {
        let row = UserRow::of(&user)?;
        self.write(row, |tx, row| {
            Box::pin(async move {
                scopes::forget(tx, &Scope::User(row.user_id.clone())).await?;
                within!(tx, db => bind_user!(sqlx::query(INSERT), row).execute(db).await.map(drop))?;
                tx.tell(Change::User(row.user_id.clone())).await
            })
        })
        .await
    }

    /// The user with this id.
    pub async fn user(&self, user_id: String) -> Result<Option<User>> {
        Ok(self.users(vec![user_id]).await?.pop())
    }

    /// Those with these ids, as far as there are some, in no order.
    pub async fn users(&self, ids: Vec<String>) -> Result<Vec<User>> {
        fits("user_id", &ids)?;
        self.run(move |pool| async move {
            let mut users = Vec::new();
            for some in ids.chunks(AT_ONCE) {
                let rows: Vec<UserRow> = on!(&pool, db => {
                    let mut query = QueryBuilder::new("SELECT * FROM users WHERE user_id IN (");
                    let mut list = query.separated(", ");
                    for id in some {
                        list.push_bind(id.clone());
                    }
                    query.push(")");
                    query.build_query_as().fetch_all(db).await
                })?;
                users.extend(records(rows)?);
            }
            Ok(users)
        })
        .await
    }

    /// Has one changed, but the id, and tells how it is then; `None`: there is none. `change` may be done more than once, and sets
    /// `updated_at`.
    pub async fn change_user<C>(&self, user_id: String, change: C) -> Result<Option<User>>
    where
        C: Fn(&mut User) + Send + Sync + 'static,
    {
        fits("user_id", Some(&user_id))?;
        let done = self.write((user_id, change), |tx, (user_id, change)| {
            Box::pin(async move {
                let row: Option<UserRow> = within!(tx, db => {
                    let query = "UPDATE users SET updated_at = updated_at WHERE user_id = $1 RETURNING *";
                    sqlx::query_as(query).bind(user_id.clone()).fetch_optional(db).await
                })?;
                let Some(row) = row else {
                    return Ok(Ok(None));
                };
                let mut user = row.record()?;
                change(&mut user);
                user.user_id.clone_from(user_id);
                let row = match UserRow::of(&user) {
                    Ok(row) => row,
                    Err(failure) => return Ok(Err(failure)),
                };
                within!(tx, db => bind_user!(sqlx::query(UPDATE), row).execute(db).await.map(drop))?;
                tx.tell(Change::User(user_id.clone())).await?;
                Ok(Ok(Some(user)))
            })
        });
        done.await?
    }

    /// Deletes users with all their keys, out of all teams, and tells which there were.
    pub async fn delete_users(&self, ids: Vec<String>) -> Result<Vec<User>> {
        fits("user_id", &ids)?;
        self.write(ids, |tx, ids| {
            Box::pin(async move {
                let mut gone = Vec::new();
                for id in in_order(ids) {
                    let row: Option<UserRow> = within!(tx, db => {
                        let query = sqlx::query_as("DELETE FROM users WHERE user_id = $1 RETURNING *");
                        query.bind(id.clone()).fetch_optional(db).await
                    })?;
                    let Some(row) = row else { continue };
                    let keys = "DELETE FROM keys WHERE user_id = $1 RETURNING *";
                    keys::delete_of(tx, keys, &id).await?;
                    leave_teams(tx, &id).await?;
                    scopes::forget(tx, &Scope::User(id.clone())).await?;
                    tx.tell(Change::User(id)).await?;
                    gone.push(row.record()?);
                }
                Ok(gone)
            })
        })
        .await
    }

    /// Some of all users. `now` tells whose spend is of a period that is over, when they are sorted by it.
    pub async fn find_users(
        &self,
        filter: UserFilter,
        page: Page<UserOrder>,
        now: Time,
    ) -> Result<Found<User>> {
        let conditions = filter.conditions()?;
        self.run(move |pool| async move {
            let (total, rows) = list::find(&pool, &TABLE, &conditions, page, now).await?;
            let rows = records(rows)?;
            Ok(Found { rows, total })
        })
        .await
    }
}

/// Takes somebody out of all teams. Which these may be is asked first, and each is then looked at while nobody else changes it.
async fn leave_teams(tx: &mut Tx, user_id: &str) -> sqlx::Result<()> {
    for team_id in list::ids_of_teams_with(tx, user_id).await? {
        let Some(mut team) = teams::lock(tx, &team_id).await? else {
            continue;
        };
        team.members.retain(|member| member.user_id != user_id);
        // What is kept can be kept.
        if let Ok(row) = TeamRow::of(&team) {
            teams::update(tx, &row).await?;
        }
    }
    Ok(())
}

fn records(rows: Vec<UserRow>) -> sqlx::Result<Vec<User>> {
    rows.into_iter().map(UserRow::record).collect()
}

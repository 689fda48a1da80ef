//! Users in the database.

use super::keys;
use super::list::{self, Found, Page, UserFilter, UserOrder};
use super::records::{in_order, lock, take};
use super::rows::{TeamRow, UserRow, bind_user, fits};
use super::together::{Beside, beside};
use super::{Change, Result, Store, Tx, scopes, teams, within};
use crate::keys::{Scope, Time, User};

const INSERT: &str = "INSERT INTO users (user_id, user_alias, user_email, email_key, user_role, models, max_budget, budget_duration, \
    rpm_limit, tpm_limit, max_parallel_requests, metadata, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

const UPDATE: &str = "UPDATE users SET user_id = $1, user_alias = $2, user_email = $3, email_key = $4, user_role = $5, models = $6, \
    max_budget = $7, budget_duration = $8, rpm_limit = $9, tpm_limit = $10, max_parallel_requests = $11, metadata = $12, \
    created_at = $13, updated_at = $14 WHERE user_id = $1";

impl Store {
    /// The user with this id.
    pub async fn user(&self, user_id: String) -> Result<Option<User>> {
        Ok(self.users(vec![user_id]).await?.pop())
    }

    /// Those with these ids, as far as there are some, in no order.
    pub async fn users(&self, ids: Vec<String>) -> Result<Vec<User>> {
        fits("user_id", &ids)?;
        self.rows::<UserRow>(ids).await
    }

    /// Has one changed, but the id, and tells how it is then; `None`: there is none. `change` may be done more than once, and sets
    /// `updated_at`. `with`: what is to happen beside it, or not at all.
    pub async fn change_user_beside<C>(
        &self,
        user_id: String,
        with: Beside,
        change: C,
    ) -> Result<Option<User>>
    where
        C: Fn(&mut User) + Send + Sync + 'static,
    {
        fits("user_id", Some(&user_id))?;
        let done = self.write((user_id, with, change), |tx, (user_id, with, change)| {
            Box::pin(async move {
                with.hold(tx).await?;
                let Some(mut user) = lock::<UserRow>(tx, user_id).await? else {
                    return Ok(Ok(None));
                };
                change(&mut user);
                user.user_id.clone_from(user_id);
                let row = match UserRow::of(&user) {
                    Ok(row) => row,
                    Err(failure) => return Ok(Err(failure)),
                };
                within!(tx, db => bind_user!(sqlx::query(UPDATE), row).execute(db).await.map(drop))?;
                let scope = Scope::User(user_id.clone());
                beside(tx, with, &scope, (&user.limits, user.created_at)).await?;
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
                    let Some(user) = take::<UserRow>(tx, &id).await? else {
                        continue;
                    };
                    keys::delete_of(tx, &[("user_id", &id)]).await?;
                    leave_teams(tx, &id).await?;
                    let scope = Scope::User(id);
                    scopes::forget(tx, &scope).await?;
                    tx.tell(Change::Gone(scope)).await?;
                    gone.push(user);
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
        self.page::<UserRow, _>(conditions, page, now).await
    }
}

/// One who is not there yet.
pub(super) async fn insert(tx: &mut Tx, row: &UserRow) -> sqlx::Result<()> {
    scopes::forget(tx, &Scope::User(row.user_id.clone())).await?;
    within!(tx, db => bind_user!(sqlx::query(INSERT), row).execute(db).await.map(drop))?;
    tx.tell(Change::User(row.user_id.clone())).await
}

/// Takes somebody out of all teams. Which these may be is asked first, and each is then looked at while nobody else changes it.
async fn leave_teams(tx: &mut Tx, user_id: &str) -> sqlx::Result<()> {
    for team_id in in_order(&list::ids_of_teams_with(tx, user_id).await?) {
        if let Some(team) = lock::<TeamRow>(tx, &team_id).await? {
            let was = team.updated_at;
            teams::without(tx, team, user_id, was).await?;
        }
    }
    Ok(())
}

//! Teams in the database.

use super::keys;
use super::list::{Found, Page, TeamFilter, TeamOrder};
use super::records::{in_order, lock, take};
use super::rows::{TeamRow, bind_team, fits};
use super::{Change, Result, Store, Tx, scopes, within};
use crate::keys::{Scope, Team, Time};

const INSERT: &str = "INSERT INTO teams (team_id, team_alias, models, max_budget, budget_duration, rpm_limit, tpm_limit, \
    max_parallel_requests, metadata, members, blocked, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

const UPDATE: &str = "UPDATE teams SET team_id = $1, team_alias = $2, models = $3, max_budget = $4, budget_duration = $5, \
    rpm_limit = $6, tpm_limit = $7, max_parallel_requests = $8, metadata = $9, members = $10, blocked = $11, created_at = $12, \
    updated_at = $13 WHERE team_id = $1";

impl Store {
    /// The team with this id.
    pub async fn team(&self, team_id: String) -> Result<Option<Team>> {
        Ok(self.teams(vec![team_id]).await?.pop())
    }

    /// Those with these ids, as far as there are some, in no order.
    pub async fn teams(&self, ids: Vec<String>) -> Result<Vec<Team>> {
        fits("team_id", &ids)?;
        self.rows::<TeamRow>(ids).await
    }

    /// Has one changed, but its id, and tells how it is then; `None`: there is none. `change` may be done more than once, and sets
    /// `updated_at`.
    pub async fn change_team<C>(&self, team_id: String, change: C) -> Result<Option<Team>>
    where
        C: Fn(&mut Team) + Send + Sync + 'static,
    {
        fits("team_id", Some(&team_id))?;
        let done = self.write((team_id, change), |tx, (team_id, change)| {
            Box::pin(async move {
                let Some(mut team) = lock::<TeamRow>(tx, team_id).await? else {
                    return Ok(Ok(None));
                };
                change(&mut team);
                team.team_id.clone_from(team_id);
                let row = match TeamRow::of(&team) {
                    Ok(row) => row,
                    Err(failure) => return Ok(Err(failure)),
                };
                update(tx, &row).await?;
                Ok(Ok(Some(team)))
            })
        });
        done.await?
    }

    /// Takes somebody out of a team, with the keys that they have of it; tells how it is then. `None`: there is no such team.
    pub async fn leave_team(
        &self,
        team_id: String,
        user_id: String,
        now: Time,
    ) -> Result<Option<Team>> {
        fits("team_id", Some(&team_id))?;
        fits("user_id", Some(&user_id))?;
        self.write((team_id, user_id), move |tx, (team_id, user_id)| {
            Box::pin(async move {
                let Some(team) = lock::<TeamRow>(tx, team_id).await? else {
                    return Ok(None);
                };
                keys::delete_of(tx, &[("team_id", team_id), ("user_id", user_id)]).await?;
                without(tx, team, user_id, now).await.map(Some)
            })
        })
        .await
    }

    /// Deletes teams with all their keys, and tells which there were.
    pub async fn delete_teams(&self, ids: Vec<String>) -> Result<Vec<Team>> {
        fits("team_id", &ids)?;
        self.write(ids, |tx, ids| {
            Box::pin(async move {
                let mut gone = Vec::new();
                for id in in_order(ids) {
                    let Some(team) = take::<TeamRow>(tx, &id).await? else {
                        continue;
                    };
                    keys::delete_of(tx, &[("team_id", &id)]).await?;
                    let scope = Scope::Team(id);
                    scopes::forget(tx, &scope).await?;
                    tx.tell(Change::Gone(scope)).await?;
                    gone.push(team);
                }
                Ok(gone)
            })
        })
        .await
    }

    /// Some of all teams. `now` tells whose spend is of a period that is over, when they are sorted by it.
    pub async fn find_teams(
        &self,
        filter: TeamFilter,
        page: Page<TeamOrder>,
        now: Time,
    ) -> Result<Found<Team>> {
        let conditions = filter.conditions()?;
        self.page::<TeamRow, _>(conditions, page, now).await
    }
}

/// One that there is not yet.
pub(super) async fn insert(tx: &mut Tx, row: &TeamRow) -> sqlx::Result<()> {
    scopes::forget(tx, &Scope::Team(row.team_id.clone())).await?;
    within!(tx, db => bind_team!(sqlx::query(INSERT), row).execute(db).await.map(drop))?;
    tx.tell(Change::Team(row.team_id.clone())).await
}

/// One that is locked, and may be another afterwards.
pub(super) async fn update(tx: &mut Tx, row: &TeamRow) -> sqlx::Result<()> {
    within!(tx, db => bind_team!(sqlx::query(UPDATE), row).execute(db).await.map(drop))?;
    let id = row.team_id.clone();
    tx.tell(match row.blocked {
        true => Change::Gone(Scope::Team(id)),
        false => Change::Team(id),
    })
    .await
}

/// One that is locked, without somebody.
pub(super) async fn without(
    tx: &mut Tx,
    mut team: Team,
    user_id: &str,
    now: Time,
) -> sqlx::Result<Team> {
    team.members.retain(|member| member.user_id != user_id);
    team.updated_at = now;
    // What is kept can be kept.
    if let Ok(row) = TeamRow::of(&team) {
        update(tx, &row).await?;
    }
    Ok(team)
}

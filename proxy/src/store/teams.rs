//! Teams in the database.

use super::keys::{self, AT_ONCE, in_order};
use super::list::{self, Found, Page, Table, TeamFilter, TeamOrder};
use super::rows::{TeamRow, bind_team, fits};
use super::{Change, Result, Store, Tx, on, scopes, within};
use crate::keys::{Scope, Team, Time};
use sqlx::QueryBuilder;

const TABLE: Table = Table {
    name: "teams",
    id: "team_id",
    kind: "team:",
};

const INSERT: &str = "INSERT INTO teams (team_id, team_alias, models, max_budget, budget_duration, rpm_limit, tpm_limit, \
    max_parallel_requests, metadata, members, blocked, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

const UPDATE: &str = "UPDATE teams SET team_id = $1, team_alias = $2, models = $3, max_budget = $4, budget_duration = $5, \
    rpm_limit = $6, tpm_limit = $7, max_parallel_requests = $8, metadata = $9, members = $10, blocked = $11, created_at = $12, \
    updated_at = $13 WHERE team_id = $1";

impl Store {
    /// Keeps a new team, of which nothing is spent. `Taken("team_id")`: there is one already.
    pub async fn insert_team(&self, team: Team) -> Result<()> {
        let row = TeamRow::of(&team)?;
        self.write(row, |tx, row| {
            Box::pin(async move {
                scopes::forget(tx, &Scope::Team(row.team_id.clone())).await?;
                within!(tx, db => bind_team!(sqlx::query(INSERT), row).execute(db).await.map(drop))?;
                tx.tell(Change::Team(row.team_id.clone())).await
            })
        })
        .await
    }

    /// The team with this id.
    pub async fn team(&self, team_id: String) -> Result<Option<Team>> {
        Ok(self.teams(vec![team_id]).await?.pop())
    }

    /// Those with these ids, as far as there are some, in no order.
    pub async fn teams(&self, ids: Vec<String>) -> Result<Vec<Team>> {
        fits("team_id", &ids)?;
        self.run(move |pool| async move {
            let mut teams = Vec::new();
            for some in ids.chunks(AT_ONCE) {
                let rows: Vec<TeamRow> = on!(&pool, db => {
                    let mut query = QueryBuilder::new("SELECT * FROM teams WHERE team_id IN (");
                    let mut list = query.separated(", ");
                    for id in some {
                        list.push_bind(id.clone());
                    }
                    query.push(")");
                    query.build_query_as().fetch_all(db).await
                })?;
                teams.extend(records(rows)?);
            }
            Ok(teams)
        })
        .await
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
                let Some(mut team) = lock(tx, team_id).await? else {
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

    /// Deletes teams with all their keys, and tells which there were.
    pub async fn delete_teams(&self, ids: Vec<String>) -> Result<Vec<Team>> {
        fits("team_id", &ids)?;
        self.write(ids, |tx, ids| {
            Box::pin(async move {
                let mut gone = Vec::new();
                for id in in_order(ids) {
                    let row: Option<TeamRow> = within!(tx, db => {
                        let query = sqlx::query_as("DELETE FROM teams WHERE team_id = $1 RETURNING *");
                        query.bind(id.clone()).fetch_optional(db).await
                    })?;
                    let Some(row) = row else { continue };
                    let keys = "DELETE FROM keys WHERE team_id = $1 RETURNING *";
                    keys::delete_of(tx, keys, &id).await?;
                    scopes::forget(tx, &Scope::Team(id.clone())).await?;
                    tx.tell(Change::Team(id)).await?;
                    gone.push(row.record()?);
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
        self.run(move |pool| async move {
            let (total, rows) = list::find(&pool, &TABLE, &conditions, page, now).await?;
            let rows = records(rows)?;
            Ok(Found { rows, total })
        })
        .await
    }
}

/// One that nobody else changes until this transaction ends.
pub(super) async fn lock(tx: &mut Tx, team_id: &str) -> sqlx::Result<Option<Team>> {
    let row: Option<TeamRow> = within!(tx, db => {
        let query = "UPDATE teams SET updated_at = updated_at WHERE team_id = $1 RETURNING *";
        sqlx::query_as(query).bind(team_id.to_owned()).fetch_optional(db).await
    })?;
    row.map(TeamRow::record).transpose()
}

pub(super) async fn update(tx: &mut Tx, row: &TeamRow) -> sqlx::Result<()> {
    within!(tx, db => bind_team!(sqlx::query(UPDATE), row).execute(db).await.map(drop))?;
    tx.tell(Change::Team(row.team_id.clone())).await
}

fn records(rows: Vec<TeamRow>) -> sqlx::Result<Vec<Team>> {
    rows.into_iter().map(TeamRow::record).collect()
}

//! `/team/*`: teams are made, told, changed and removed.

use super::desk::{Desk, fresh_id};
use super::fault::{first_missing, none, of_store, unknown};
use super::fields::change::{text, told};
use super::fields::team::{KNOWN, Person, TeamChange, people, person, some_people};
use super::fields::user::unknown as unknown_user;
use super::fields::{NAME, id, ids, named, refused};
use super::query::{self, Query};
use super::shown::{self, object};
use super::trail::Trail;
use crate::keys::{Key, Limits, Member, Scope, Team, User};
use crate::store::{
    self, KeyFilter, KeyOrder, Match, Page, Part, TeamFilter, TeamOrder, UserFilter, UserOrder,
};
use mishikallm::Result;
use mishikallm::json::Fields;
use serde_json::{Map, Value, json};

/// `/team/new`.
pub async fn new(desk: &Desk<'_>, trail: &mut Trail<'_>, mut fields: Fields) -> Result<Value> {
    trail.fields(named(&fields, &KNOWN));
    let own = text(&mut fields, "team_id", NAME)?.value();
    let members = people(&mut fields, "members_with_roles")?;
    let change = TeamChange::take(&mut fields)?;
    let team_id = own.map_or_else(fresh_id, Ok)?;
    trail.id(&team_id);
    let there = desk.store.team(team_id.clone()).await.map_err(of_store)?;
    if there.is_some() {
        return Err(of_store(crate::store::Failure::Taken("team_id")));
    }
    let people = found(desk, &members, "members_with_roles").await?;
    let mut team = Team {
        team_id,
        team_alias: None,
        models: Vec::new(),
        limits: Limits::default(),
        metadata: Map::new(),
        members: people.iter().map(|of| of.member.clone()).collect(),
        blocked: false,
        created_at: desk.now,
        updated_at: desk.now,
    };
    change.apply(&mut team, desk.now);
    let told = shown::team(&team, shown::Spent::default(), desk.now);
    let mut parts = new_users(people);
    parts.push(Part::Team(Box::new(team)));
    desk.together(parts).await?;
    Ok(told.into())
}

/// `/team/info`.
pub async fn info(desk: &Desk<'_>, trail: &mut Trail<'_>, query: &Query) -> Result<Value> {
    let id = query.text("team_id");
    let id = super::fields::change::needed("team_id", id)?;
    trail.id(id);
    let team = desk.store.team(id.to_owned()).await.map_err(of_store)?;
    let team = team.ok_or_else(|| none("team_id", "team"))?;
    let spent = desk.spent_of(Scope::Team(id.to_owned())).await?;
    let found = keys_of(desk, id, query::Page::of_long(query)?).await?;
    let keys = desk.with_tokens(&found.rows).await?;
    let keys = keys.into_iter().map(|mut key| {
        key.shift_remove("token");
        key
    });
    Ok(json!({
        "team_id": id,
        "team_info": shown::team(&team, spent, desk.now),
        "keys": keys.collect::<Value>(),
        "total_keys": found.total,
        "team_memberships": [],
    }))
}

/// `/team/list`: all teams, or those of a user, with their keys; and how many teams there are.
pub async fn list(desk: &Desk<'_>, query: &Query) -> Result<(Value, u64)> {
    if query.text("organization_id").is_some() {
        let expected = "nothing, for there is none here";
        return Err(told("organization_id", expected, "a value"));
    }
    let filter = TeamFilter {
        member: query.text("user_id").map(str::to_owned),
        ..TeamFilter::default()
    };
    let page = query::Page::of_long(query)?;
    let found = teams(desk, filter, page).await?;
    let teams = found.rows;
    let scopes = teams.iter().map(|team| Scope::Team(team.team_id.clone()));
    let spent = desk.spent(scopes.collect()).await?;
    let mut told = Vec::with_capacity(teams.len());
    for team in &teams {
        let scope = Scope::Team(team.team_id.clone());
        let spent = spent.get(&scope).copied().unwrap_or_default();
        let mut map = shown::team(team, spent, desk.now);
        let keys = keys_of(desk, &team.team_id, FIRST).await?;
        let total = keys.total;
        let keys: Value = desk.with_tokens(&keys.rows).await?.into_iter().collect();
        map.extend(object(
            json!({"keys": keys, "total_keys": total, "team_memberships": []}),
        ));
        told.push(Value::Object(map));
    }
    Ok((told.into(), found.total))
}

/// Of a list in a list.
const FIRST: query::Page = query::Page {
    page: 1,
    size: query::MOST,
};

/// Teams, in the order of their names.
pub async fn teams(
    desk: &Desk<'_>,
    filter: TeamFilter,
    page: query::Page,
) -> Result<store::Found<Team>> {
    let page = Page {
        number: page.page,
        size: page.size,
        order: TeamOrder::TeamAlias,
        is_descending: false,
    };
    let found = desk.store.find_teams(filter, page, desk.now).await;
    found.map_err(of_store)
}

async fn keys_of(desk: &Desk<'_>, team_id: &str, page: query::Page) -> Result<store::Found<Key>> {
    let filter = KeyFilter {
        team_id: Some(team_id.to_owned()),
        ..KeyFilter::default()
    };
    keys(desk, filter, page).await
}

/// Keys, the newest first.
pub async fn keys(
    desk: &Desk<'_>,
    filter: KeyFilter,
    page: query::Page,
) -> Result<store::Found<Key>> {
    let page = Page {
        number: page.page,
        size: page.size,
        order: KeyOrder::CreatedAt,
        is_descending: true,
    };
    let found = desk.store.find_keys(filter, page, desk.now).await;
    found.map_err(of_store)
}

/// `/team/update`.
pub async fn update(desk: &Desk<'_>, trail: &mut Trail<'_>, mut fields: Fields) -> Result<Value> {
    trail.fields(named(&fields, &KNOWN));
    let id = id(&mut fields, "team_id")?;
    trail.id(&id);
    let change = TeamChange::take(&mut fields)?;
    let now = desk.now;
    let team = change_team(desk, &id, move |team| change.clone().apply(team, now)).await?;
    Ok(json!({"team_id": id, "data": team}))
}

/// `/team/block` and `/team/unblock`.
pub async fn block(
    desk: &Desk<'_>,
    trail: &mut Trail<'_>,
    mut fields: Fields,
    blocked: bool,
) -> Result<Value> {
    let id = id(&mut fields, "team_id")?;
    trail.id(&id);
    let now = desk.now;
    let change = move |team: &mut Team| {
        team.blocked = blocked;
        team.updated_at = now;
    };
    Ok(change_team(desk, &id, change).await?.into())
}

/// A team as it is told after a change.
async fn change_team<C>(desk: &Desk<'_>, id: &str, change: C) -> Result<Map<String, Value>>
where
    C: Fn(&mut Team) + Send + Sync + 'static,
{
    let team = desk.store.change_team(id.to_owned(), change).await;
    let team = team.map_err(of_store)?;
    let team = team.ok_or_else(|| none("team_id", "team"))?;
    told_of(desk, &team).await
}

async fn told_of(desk: &Desk<'_>, team: &Team) -> Result<Map<String, Value>> {
    let spent = desk.spent_of(Scope::Team(team.team_id.clone())).await?;
    Ok(shown::team(team, spent, desk.now))
}

/// `/team/delete`: all that are named with all their keys, or none.
pub async fn delete(desk: &Desk<'_>, trail: &mut Trail<'_>, mut fields: Fields) -> Result<Value> {
    let ids = ids(&mut fields, "team_ids")?;
    ids.iter().for_each(|id| trail.id(id));
    let teams = desk.store.teams(ids.clone()).await.map_err(of_store)?;
    let is_there = |id: &str| teams.iter().any(|team| team.team_id == id);
    if let Some(field) = first_missing("team_ids", &ids, is_there) {
        return Err(none(&field, "team"));
    }
    desk.store
        .delete_teams(ids.clone())
        .await
        .map_err(of_store)?;
    Ok(json!({"deleted_teams": ids}))
}

/// `/team/member_add`.
pub async fn add(desk: &Desk<'_>, trail: &mut Trail<'_>, mut fields: Fields) -> Result<Value> {
    trail.fields(named(&fields, &KNOWN));
    let id = id(&mut fields, "team_id")?;
    trail.id(&id);
    let members = some_people(&mut fields, "member")?;
    refused::check(&mut fields)?;
    let team = desk.store.team(id.clone()).await.map_err(of_store)?;
    let team = team.ok_or_else(|| none("team_id", "team"))?;
    let is_in = |person: &Person| {
        let id = person.user_id.as_ref();
        id.is_some_and(|id| team.members.iter().any(|member| member.user_id == *id))
    };
    if let Some(at) = members.iter().position(is_in) {
        let field = format!("member[{at}].user_id");
        return Err(told(&field, "somebody who is not in the team", "a member"));
    }
    let come = found(desk, &members, "member").await?;
    let now = desk.now;
    let users = come.iter().map(|of| {
        let teams = std::slice::from_ref(&id);
        Value::Object(shown::user(&of.user, teams, shown::Spent::default(), now))
    });
    let users: Value = users.collect();
    let joined = Part::Join {
        team_id: id.clone(),
        members: come.iter().map(|of| of.member.clone()).collect(),
        now,
    };
    let mut parts = new_users(come);
    parts.push(joined);
    desk.together(parts).await?;
    let team = desk.store.team(id).await.map_err(of_store)?;
    let team = team.ok_or_else(|| none("team_id", "team"))?;
    let mut told = told_of(desk, &team).await?;
    told.insert("updated_users".to_owned(), users);
    told.insert("updated_team_memberships".to_owned(), json!([]));
    Ok(told.into())
}

/// `/team/member_delete`: with the keys that they have of the team.
pub async fn remove(desk: &Desk<'_>, trail: &mut Trail<'_>, mut fields: Fields) -> Result<Value> {
    let id = id(&mut fields, "team_id")?;
    trail.id(&id);
    let person = person(&mut fields, "member")?;
    let team = desk.store.team(id.clone()).await.map_err(of_store)?;
    let team = team.ok_or_else(|| unknown("team_id", "team"))?;
    let user_id = match person.user_id {
        Some(id) => Some(id),
        None => by_email(desk, person.user_email)
            .await?
            .map(|user| user.user_id),
    };
    let is_in = |id: &String| team.members.iter().any(|member| member.user_id == *id);
    let Some(user_id) = user_id.filter(is_in) else {
        return Err(told(
            "user_id",
            "somebody who is in the team",
            "somebody else",
        ));
    };
    trail.id(&user_id);
    let team = desk.store.leave_team(id, user_id, desk.now).await;
    let team = team.map_err(of_store)?;
    let team = team.ok_or_else(|| unknown("team_id", "team"))?;
    Ok(told_of(desk, &team).await?.into())
}

/// The user of an address.
pub async fn by_email(desk: &Desk<'_>, email: Option<String>) -> Result<Option<User>> {
    let Some(email) = email else { return Ok(None) };
    let filter = UserFilter {
        user_email: Some(Match::Exactly(email)),
        ..UserFilter::default()
    };
    let page = Page {
        number: 1,
        size: 1,
        order: UserOrder::CreatedAt,
        is_descending: false,
    };
    let found = desk.store.find_users(filter, page, desk.now).await;
    Ok(found.map_err(of_store)?.rows.pop())
}

/// Somebody, and their part in a team.
struct Found {
    user: User,
    member: Member,
    /// Not in the database yet.
    is_new: bool,
}

/// Who these are. Who is not there yet is to be made, as in the reference: see [`new_users`].
async fn found(desk: &Desk<'_>, people: &[Person], field: &str) -> Result<Vec<Found>> {
    let mut there = Vec::with_capacity(people.len());
    for person in people {
        there.push(match &person.user_id {
            Some(id) => desk.store.user(id.clone()).await.map_err(of_store)?,
            None => by_email(desk, person.user_email.clone()).await?,
        });
    }
    let who = |at: usize| -> Option<&String> {
        let known = there[at].as_ref().map(|user| &user.user_id);
        known
            .or(people[at].user_id.as_ref())
            .or(people[at].user_email.as_ref())
    };
    let is_again = |at: &usize| (0..*at).any(|before| who(before) == who(*at));
    if let Some(at) = (0..people.len()).find(is_again) {
        let field = format!("{field}[{at}]");
        return Err(told(&field, "somebody else", "the same once more"));
    }
    let all = there.into_iter().zip(people).map(|(there, person)| {
        let is_new = there.is_none();
        let user = match there {
            Some(user) => user,
            None => {
                let id = person.user_id.clone().map_or_else(fresh_id, Ok)?;
                unknown_user(person, id, desk.now)
            }
        };
        let member = Member {
            user_id: user.user_id.clone(),
            role: person.role.clone(),
        };
        Ok(Found {
            user,
            member,
            is_new,
        })
    });
    all.collect()
}

/// Those that are to be made first, in the order in which all lock them.
fn new_users(people: Vec<Found>) -> Vec<Part> {
    let new = people.into_iter().filter(|of| of.is_new);
    let mut new: Vec<User> = new.map(|of| of.user).collect();
    new.sort_by(|a, b| a.user_id.cmp(&b.user_id));
    new.into_iter()
        .map(|user| Part::User(Box::new(user)))
        .collect()
}

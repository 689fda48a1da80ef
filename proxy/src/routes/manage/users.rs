//! `/user/*`: users are made, told, changed and removed.

use super::desk::{Caller, Desk, Owners, fresh_id};
use super::fault::{first_missing, none, of_store, unknown};
use super::fields::change::{switch, text, told};
use super::fields::key::KeyChange;
use super::fields::user::{KNOWN, UserChange, teams};
use super::fields::{AT_ONCE, NAME, ids, named};
use super::keys;
use super::query::{self, Query};
use super::shown::{self, object};
use super::teams::{by_email, keys as keys_of, teams as find_teams};
use super::trail::Trail;
use crate::keys::{Key, Limits, Member, Money, Scope, User};
use crate::store::{Failure, KeyFilter, Match, Page, Part, TeamFilter, UserFilter, UserOrder};
use mishikallm::json::Fields;
use mishikallm::{Error, Result};
use serde_json::{Map, Value, json};

/// Columns to sort by, as the reference names them.
const ORDERS: [(&str, UserOrder); 6] = [
    ("user_id", UserOrder::UserId),
    ("user_email", UserOrder::UserEmail),
    ("created_at", UserOrder::CreatedAt),
    ("spend", UserOrder::Spend),
    ("user_alias", UserOrder::UserAlias),
    ("max_budget", UserOrder::MaxBudget),
];

/// Of a new user's request, what is the key's that is made for them.
const OF_KEY: [&str; 4] = ["key_alias", "duration", "aliases", "team_id"];

/// `/user/new`: with a key, unless `auto_create_key` says otherwise.
pub async fn new(
    desk: &Desk<'_>,
    caller: Caller<'_>,
    trail: &mut Trail<'_>,
    mut fields: Fields,
) -> Result<Value> {
    trail.fields(named(&fields, &KNOWN));
    let own = text(&mut fields, "user_id", NAME)?.value();
    let has_key = switch(&mut fields, "auto_create_key")?.value();
    let mut parts = teams(&mut fields)?;
    let of_key = OF_KEY.map(|name| Some((name.to_owned(), fields.take(name)?)));
    let mut of_key = Fields::new(of_key.into_iter().flatten().collect());
    let change = UserChange::take(&mut fields)?;
    let id = own.map_or_else(fresh_id, Ok)?;
    trail.id(&id);
    of_key.set("user_id", id.clone().into());
    let key = KeyChange::take(&mut of_key)?;
    let key = keys::new(desk, caller, None, None, key)?;
    // The reference's older way to say one team.
    if let Some(team) = &key.0.team_id {
        if !parts.iter().any(|(id, _)| id == team) {
            parts.push((team.clone(), "user".to_owned()));
        }
    }
    let key = has_key.unwrap_or(true).then_some(key);
    // All that can be wrong is looked at first: there is no user then, or there is with all of it.
    check_new(desk, &id, &change, &parts).await?;
    if let Some((key, _)) = &key {
        desk.check_owners(key, Owners::TEAM).await?;
        check_alias(desk, key.key_alias.as_ref()).await?;
    }
    let mut user = User {
        user_id: id.clone(),
        user_alias: None,
        user_email: None,
        user_role: None,
        models: Vec::new(),
        limits: Limits::default(),
        metadata: Map::new(),
        created_at: desk.now,
        updated_at: desk.now,
    };
    let spend = change.spend.filter(|spend| *spend != Default::default());
    change.apply(&mut user, desk.now);
    let spent = shown::Spent {
        spend: spend.unwrap_or_default(),
        ..Default::default()
    };
    let mut told = match &key {
        None => object(json!({"key": "", "expires": null})),
        Some((key, secret)) => {
            trail.key(key.token);
            shown::new_key(key, secret.reveal(), shown::Spent::default(), desk.now)
        }
    };
    let ids: Vec<String> = parts.iter().map(|(team, _)| team.clone()).collect();
    told.extend(shown::user(&user, &ids, spent, desk.now));
    desk.together(of_new(user, spend, parts, key.map(|(key, _)| key)))
        .await?;
    Ok(told.into())
}

/// What is written of a new user. Whoever deletes users comes to them before their teams, as this does.
fn of_new(
    user: User,
    spend: Option<Money>,
    mut teams: Vec<(String, String)>,
    key: Option<Key>,
) -> Vec<Part> {
    let now = user.created_at;
    let spent = spend.map(|spend| Part::Spend {
        of: Scope::User(user.user_id.clone()),
        spend,
        limits: user.limits.clone(),
        since: now,
    });
    let id = user.user_id.clone();
    teams.sort();
    let joined = teams.into_iter().map(|(team_id, role)| Part::Join {
        team_id,
        members: vec![Member {
            user_id: id.clone(),
            role,
        }],
        now,
    });
    let mut all = vec![Part::User(Box::new(user))];
    all.extend(spent);
    all.extend(joined);
    all.extend(key.map(|key| Part::Key(Box::new(key))));
    all
}

async fn check_new(
    desk: &Desk<'_>,
    id: &str,
    change: &UserChange,
    parts: &[(String, String)],
) -> Result<()> {
    let there = desk.store.user(id.to_owned()).await.map_err(of_store)?;
    if there.is_some() {
        return Err(of_store(Failure::Taken("user_id")));
    }
    check_email(desk, change, None).await?;
    let ids: Vec<String> = parts.iter().map(|(team, _)| team.clone()).collect();
    let teams = desk.store.teams(ids.clone()).await.map_err(of_store)?;
    let is_there = |id: &str| teams.iter().any(|team| team.team_id == id);
    match first_missing("teams", &ids, is_there) {
        Some(field) => Err(unknown(&field, "team")),
        None => Ok(()),
    }
}

/// Errors: somebody else has the address.
async fn check_email(desk: &Desk<'_>, change: &UserChange, own: Option<&str>) -> Result<()> {
    let email = change.user_email.clone().value();
    match by_email(desk, email).await? {
        Some(other) if own != Some(other.user_id.as_str()) => {
            Err(of_store(Failure::Taken("user_email")))
        }
        _ => Ok(()),
    }
}

async fn check_alias(desk: &Desk<'_>, alias: Option<&String>) -> Result<()> {
    let Some(alias) = alias else { return Ok(()) };
    let there = desk.store.key_of_alias(alias.clone()).await;
    match there.map_err(of_store)? {
        Some(_) => Err(of_store(Failure::Taken("key_alias"))),
        None => Ok(()),
    }
}

/// `/user/info`: a user, their keys and their teams; without a user, all keys and all teams.
pub async fn info(
    desk: &Desk<'_>,
    caller: Caller<'_>,
    trail: &mut Trail<'_>,
    query: &Query,
) -> Result<Value> {
    let own = match caller {
        Caller::Master => None,
        Caller::Manager(key) | Caller::Own(key) => key.user_id.as_deref(),
    };
    let id = query.text("user_id").or(own);
    let (mut key_filter, mut team_filter) = (KeyFilter::default(), TeamFilter::default());
    let mut user = None;
    if let Some(id) = id {
        trail.id(id);
        let found = desk.store.user(id.to_owned()).await.map_err(of_store)?;
        user = Some(found.ok_or_else(|| none("user_id", "user"))?);
        key_filter.user_id = Some(Match::Exactly(id.to_owned()));
        team_filter.member = Some(id.to_owned());
    }
    let page = query::Page::of_long(query)?;
    let found = find_teams(desk, team_filter, page).await?;
    let (teams, total_teams) = (found.rows, found.total);
    let scopes = teams.iter().map(|team| Scope::Team(team.team_id.clone()));
    let spent = desk.spent(scopes.collect()).await?;
    let alias_of = |id: Option<&str>| {
        let team = teams.iter().find(|team| Some(team.team_id.as_str()) == id);
        team.and_then(|team| team.team_alias.clone())
    };
    let found = keys_of(desk, key_filter, page).await?;
    let total_keys = found.total;
    let keys = desk
        .with_tokens(&found.rows)
        .await?
        .into_iter()
        .map(|mut key| {
            let alias = alias_of(key.get("team_id").and_then(Value::as_str));
            key.insert("team_alias".to_owned(), json!(alias));
            key
        });
    let keys: Value = keys.collect();
    let told = match &user {
        Some(user) => {
            let ids: Vec<String> = teams.iter().map(|team| team.team_id.clone()).collect();
            let spent = desk.spent_of(Scope::User(user.user_id.clone())).await?;
            Value::Object(shown::user(user, &ids, spent, desk.now))
        }
        None => Value::Null,
    };
    let teams = teams.iter().map(|team| {
        let scope = Scope::Team(team.team_id.clone());
        shown::team(
            team,
            spent.get(&scope).copied().unwrap_or_default(),
            desk.now,
        )
    });
    Ok(json!({
        "user_id": id,
        "user_info": told,
        "keys": keys,
        "total_keys": total_keys,
        "teams": teams.collect::<Value>(),
        "total_teams": total_teams,
    }))
}

/// `/user/update`.
pub async fn update(desk: &Desk<'_>, trail: &mut Trail<'_>, mut fields: Fields) -> Result<Value> {
    trail.fields(named(&fields, &KNOWN));
    let own = text(&mut fields, "user_id", NAME)?.value();
    // Beside an id the address is a change; alone it says who.
    let id = match own {
        Some(id) => id,
        None => {
            let email = text(&mut fields, "user_email", NAME)?.value();
            let message = "user_id: expected it, or user_email, got neither";
            let email = email.ok_or_else(|| Error::argument("user_id", message))?;
            let user = by_email(desk, Some(email)).await?;
            let none =
                || Error::server(404, "there is no user of this address").with_param("user_email");
            user.ok_or_else(none)?.user_id
        }
    };
    trail.id(&id);
    let change = UserChange::take(&mut fields)?;
    check_email(desk, &change, Some(&id)).await?;
    let (with, now) = (desk.beside(Vec::new(), change.spend), desk.now);
    let change = move |user: &mut User| change.clone().apply(user, now);
    let user = desk.store.change_user_beside(id.clone(), with, change);
    let user = user.await.map_err(of_store)?;
    let user = user.ok_or_else(|| none("user_id", "user"))?;
    let spent = desk.spent_of(Scope::User(id.clone())).await?;
    let teams = desk.store.teams_of(vec![id.clone()]).await;
    let teams = teams.map_err(of_store)?.remove(&id).unwrap_or_default();
    Ok(json!({"user_id": id, "data": shown::user(&user, &teams, spent, now)}))
}

/// `/user/delete`: all that are named with all their keys, or none. Tells how many.
pub async fn delete(desk: &Desk<'_>, trail: &mut Trail<'_>, mut fields: Fields) -> Result<Value> {
    let ids = ids(&mut fields, "user_ids")?;
    ids.iter().for_each(|id| trail.id(id));
    let users = desk.store.users(ids.clone()).await.map_err(of_store)?;
    let is_there = |id: &str| users.iter().any(|user| user.user_id == id);
    if let Some(field) = first_missing("user_ids", &ids, is_there) {
        return Err(none(&field, "user"));
    }
    let gone = desk.store.delete_users(ids).await.map_err(of_store)?;
    Ok(gone.len().into())
}

/// `/user/list`.
pub async fn list(desk: &Desk<'_>, query: &Query) -> Result<Value> {
    let page = query::Page::read(query, ("page_size", 25))?;
    let (rows, total) = match query.text("user_ids").filter(|ids| ids.contains(',')) {
        Some(ids) => some(desk, query, ids, page).await?,
        None => matching(desk, query, page).await?,
    };
    let scopes = rows.iter().map(|user| Scope::User(user.user_id.clone()));
    let spent = desk.spent(scopes.collect()).await?;
    let ids = || rows.iter().map(|user| user.user_id.clone()).collect();
    let teams = desk.store.teams_of(ids()).await.map_err(of_store)?;
    let keys = desk.store.count_keys(ids()).await.map_err(of_store)?;
    let told = rows.iter().map(|user| {
        let scope = Scope::User(user.user_id.clone());
        let spent = spent.get(&scope).copied().unwrap_or_default();
        let teams = teams.get(&user.user_id).map_or(&[][..], Vec::as_slice);
        let mut map = shown::user(user, teams, spent, desk.now);
        let count = keys.get(&user.user_id).copied().unwrap_or(0);
        map.insert("key_count".to_owned(), count.into());
        Value::Object(map)
    });
    let told: Value = told.collect();
    Ok(json!({
        "users": told,
        "total": total,
        "page": page.page,
        "page_size": page.size,
        "total_pages": page.count(total),
    }))
}

/// Users of whom a part of the id, or of the address, is known.
async fn matching(desk: &Desk<'_>, query: &Query, page: query::Page) -> Result<(Vec<User>, u64)> {
    let text = |name: &str| query.text(name).map(str::to_owned);
    let filter = UserFilter {
        user_id: text("user_ids").map(Match::Part),
        user_email: text("user_email").map(Match::Part),
        user_role: text("role"),
    };
    let names = ORDERS.map(|(name, _)| name);
    let order = query.word("sort_by", &names)?.map(|at| ORDERS[at].1);
    let is_descending = query.word("sort_order", &["asc", "desc"])? == Some(1);
    let page = Page {
        number: page.page,
        size: page.size,
        order: order.unwrap_or_default(),
        is_descending: is_descending || order.is_none(),
    };
    let found = desk.store.find_users(filter, page, desk.now).await;
    let found = found.map_err(of_store)?;
    Ok((found.rows, found.total))
}

/// Users whose ids are all said.
async fn some(
    desk: &Desk<'_>,
    query: &Query,
    ids: &str,
    page: query::Page,
) -> Result<(Vec<User>, u64)> {
    let ids = ids.split(',').map(str::trim).filter(|id| !id.is_empty());
    let ids: Vec<String> = ids.map(str::to_owned).collect();
    if ids.len() > AT_ONCE {
        let expected = format!("at most {AT_ONCE} ids");
        return Err(told("user_ids", &expected, &ids.len().to_string()));
    }
    let mut users = desk.store.users(ids).await.map_err(of_store)?;
    if let Some(role) = query.text("role") {
        users.retain(|user| user.user_role.as_deref() == Some(role));
    }
    users.sort_by(|a, b| a.user_id.cmp(&b.user_id));
    let total = users.len() as u64;
    let from = (page.page as usize - 1).saturating_mul(page.size as usize);
    let rows = users.into_iter().skip(from).take(page.size as usize);
    Ok((rows.collect(), total))
}

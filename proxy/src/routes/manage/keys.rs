//! `/key/*`: keys are made, told, changed and removed.

use super::desk::{Caller, Desk, Owners};
use super::fault::{forbidden, no_key, not_yours, of_store};
use super::fields::change::{Change, needed, text, told};
use super::fields::key::{KNOWN, KeyChange, key_type, own_key};
use super::fields::{NAME, id, ids, named};
use super::query::{self, Query};
use super::shown;
use super::trail::Trail;
use crate::keys::{Key, Limits, Money, Scope, Token, token};
use crate::store::{KeyFilter, KeyOrder, Match, Page, Part};
use mishikallm::config::Secret;
use mishikallm::json::Fields;
use mishikallm::{Error, Result};
use serde_json::{Map, Value, json};

/// What the reference calls who has the master key.
const ADMIN: &str = "default_user_id";

/// Columns to sort by, as the reference names them.
const ORDERS: [(&str, KeyOrder); 7] = [
    ("spend", KeyOrder::Spend),
    ("max_budget", KeyOrder::MaxBudget),
    ("created_at", KeyOrder::CreatedAt),
    ("updated_at", KeyOrder::UpdatedAt),
    ("token", KeyOrder::Token),
    ("key_alias", KeyOrder::KeyAlias),
    ("expires", KeyOrder::Expires),
];

/// Filters of the reference for what keys have not here: without them it would be another list than the one that was asked for.
const NOT_HELD: [&str; 5] = [
    "organization_id",
    "project_id",
    "access_group_id",
    "status",
    "expand",
];

/// `/key/generate`.
pub async fn generate(
    desk: &Desk<'_>,
    caller: Caller<'_>,
    trail: &mut Trail<'_>,
    mut fields: Fields,
) -> Result<Value> {
    trail.fields(named(&fields, &KNOWN));
    let own = own_key(&mut fields, "key")?;
    let routes = key_type(&mut fields)?;
    let change = KeyChange::take(&mut fields)?;
    // Of a new one nothing is spent, unless somebody brings it from elsewhere.
    let spend = change.spend.filter(|spend| *spend != Money::ZERO);
    let (key, secret) = new(desk, caller, own, routes, change)?;
    trail.key(key.token);
    desk.check_owners(&key, Owners::ALL).await?;
    let spent = shown::Spent {
        spend: spend.unwrap_or_default(),
        ..Default::default()
    };
    let told = shown::new_key(&key, secret.reveal(), spent, desk.now);
    let of = Owners::ALL.scopes(&key).into_iter().map(Part::Of);
    let mut parts: Vec<Part> = of.collect();
    let spent = spend.map(|spend| Part::Spend {
        of: Scope::Key(key.token),
        spend,
        limits: key.limits.clone(),
        since: key.created_at,
    });
    parts.push(Part::Key(Box::new(key)));
    parts.extend(spent);
    desk.together(parts).await?;
    Ok(told.into())
}

/// A key that is not kept yet.
pub fn new(
    desk: &Desk<'_>,
    caller: Caller<'_>,
    own: Option<Secret>,
    routes: Option<Vec<String>>,
    change: KeyChange,
) -> Result<(Key, Secret)> {
    let secret = secret(desk, own, "key")?;
    let mut key = Key {
        token: Token::of(secret.reveal().as_bytes()),
        key_name: token::name(secret.reveal()),
        key_alias: None,
        team_id: None,
        user_id: None,
        models: Vec::new(),
        aliases: Map::new(),
        limits: Limits::default(),
        metadata: Map::new(),
        allowed_routes: Vec::new(),
        blocked: false,
        expires: None,
        created_by: maker(caller),
        created_at: desk.now,
        updated_at: desk.now,
    };
    change.apply(&mut key, desk.now);
    if let Some(routes) = routes {
        key.allowed_routes = routes;
    }
    Ok((key, secret))
}

/// The key that somebody brings along, or one that is made now.
fn secret(desk: &Desk<'_>, own: Option<Secret>, field: &str) -> Result<Secret> {
    match own {
        Some(own) if desk.is_master(own.reveal()) => {
            Err(told(field, "a key of its own", "one that is taken"))
        }
        Some(own) => Ok(own),
        None => {
            token::generate().map_err(|_| Error::server(500, "the system has no random numbers"))
        }
    }
}

/// Who makes something.
fn maker(caller: Caller<'_>) -> String {
    let key = match caller {
        Caller::Master => return ADMIN.to_owned(),
        Caller::Manager(key) | Caller::Own(key) => key,
    };
    let named = key.user_id.as_ref().or(key.key_alias.as_ref());
    named.cloned().unwrap_or_else(|| key.token.to_string())
}

/// `/key/info`: of the key that is asked for, or of the one that asks.
pub async fn info(
    desk: &Desk<'_>,
    caller: Caller<'_>,
    trail: &mut Trail<'_>,
    query: &Query,
) -> Result<Value> {
    let named = query.text("key").map(Token::named);
    let token = match (named, caller) {
        (Some(token), Caller::Own(own)) if own.token != token => return Err(not_yours("key")),
        (Some(token), _) => token,
        (None, Caller::Own(own) | Caller::Manager(own)) => own.token,
        (None, Caller::Master) => return Err(no_key("key")),
    };
    trail.key(token);
    let key = desk.store.key(token).await.map_err(of_store)?;
    let key = key.ok_or_else(|| no_key("key"))?;
    let spent = desk.spent_of(Scope::Key(token)).await?;
    Ok(json!({"key": token.to_string(), "info": shown::key(&key, spent, desk.now)}))
}

/// `/key/list`.
pub async fn list(desk: &Desk<'_>, query: &Query) -> Result<Value> {
    for field in NOT_HELD {
        if query.text(field).is_some() {
            return Err(told(field, "nothing, for there is none here", "a value"));
        }
    }
    let page = query::Page::read(query, ("size", 10))?;
    let is_whole = query.switch("return_full_object", false)?;
    let text = |name: &str| query.text(name).map(str::to_owned);
    let filter = KeyFilter {
        user_id: text("user_id").map(Match::Exactly),
        team_id: text("team_id"),
        token: query.text("key_hash").map(Token::named),
        key_alias: text("key_alias").map(Match::Exactly),
        blocked: None,
    };
    let names = ORDERS.map(|(name, _)| name);
    let order = query.word("sort_by", &names)?.map(|at| ORDERS[at].1);
    let is_ascending = query.word("sort_order", &["desc", "asc"])? == Some(1);
    let page_of_keys = Page {
        number: page.page,
        size: page.size,
        order: order.unwrap_or_default(),
        is_descending: !(order.is_some() && is_ascending),
    };
    let found = desk.store.find_keys(filter, page_of_keys, desk.now);
    let found = found.await.map_err(of_store)?;
    let keys: Value = match is_whole {
        true => desk.with_tokens(&found.rows).await?.into_iter().collect(),
        false => found.rows.iter().map(|key| key.token.to_string()).collect(),
    };
    Ok(json!({
        "keys": keys,
        "total_count": found.total,
        "current_page": page.page,
        "total_pages": page.count(found.total),
    }))
}

/// `/key/update`.
pub async fn update(desk: &Desk<'_>, trail: &mut Trail<'_>, mut fields: Fields) -> Result<Value> {
    trail.fields(named(&fields, &KNOWN));
    let token = Token::named(&id(&mut fields, "key")?);
    trail.key(token);
    let change = KeyChange::take(&mut fields)?;
    let key = changed(desk, token, change, None).await?;
    let spent = desk.spent_of(Scope::Key(token)).await?;
    let mut told = shown::object(json!({"key": token.to_string()}));
    told.extend(shown::key(&key, spent, desk.now));
    Ok(told.into())
}

/// `/key/regenerate`: another key in its place, with all that it was given and what it spent.
pub async fn regenerate(
    desk: &Desk<'_>,
    trail: &mut Trail<'_>,
    path: Option<&str>,
    mut fields: Fields,
) -> Result<Value> {
    trail.fields(named(&fields, &KNOWN));
    let body = text(&mut fields, "key", NAME)?.value();
    let key = needed("key", body.as_deref().or(path))?;
    let token = Token::named(key);
    trail.key(token);
    let secret = secret(desk, own_key(&mut fields, "new_key")?, "new_key")?;
    let routes = key_type(&mut fields)?;
    let mut change = KeyChange::take(&mut fields)?;
    if let Some(routes) = routes {
        change.allowed_routes = Change::Set(routes);
    }
    let key = changed(desk, token, change, Some(&secret)).await?;
    trail.key(key.token);
    let spent = desk.spent_of(Scope::Key(key.token)).await?;
    Ok(shown::new_key(&key, secret.reveal(), spent, desk.now).into())
}

/// A key as it is after a change, and after it became another one.
async fn changed(
    desk: &Desk<'_>,
    token: Token,
    change: KeyChange,
    secret: Option<&Secret>,
) -> Result<Key> {
    let key = desk.store.key(token).await.map_err(of_store)?;
    let mut key = key.ok_or_else(|| no_key("key"))?;
    let (owners, spend) = (Owners::of(&change), change.spend);
    change.clone().apply(&mut key, desk.now);
    desk.check_owners(&key, owners).await?;
    let with = desk.beside(owners.scopes(&key), spend);
    let other = secret.map(|secret| {
        let secret = secret.reveal();
        (Token::of(secret.as_bytes()), token::name(secret))
    });
    let now = desk.now;
    let change = move |key: &mut Key| {
        change.clone().apply(key, now);
        if let Some((token, name)) = &other {
            key.token = *token;
            key.key_name.clone_from(name);
        }
    };
    let done = desk.store.change_key_beside(token, with, change).await;
    done.map_err(of_store)?.ok_or_else(|| no_key("key"))
}

/// `/key/block` and `/key/unblock`.
pub async fn block(
    desk: &Desk<'_>,
    trail: &mut Trail<'_>,
    mut fields: Fields,
    blocked: bool,
) -> Result<Value> {
    let token = Token::named(&id(&mut fields, "key")?);
    trail.key(token);
    let now = desk.now;
    let change = move |key: &mut Key| {
        key.blocked = blocked;
        key.updated_at = now;
    };
    let key = desk
        .store
        .change_key(token, change)
        .await
        .map_err(of_store)?;
    let key = key.ok_or_else(|| no_key("key"))?;
    let spent = desk.spent_of(Scope::Key(token)).await?;
    Ok(shown::key_with_token(&key, spent, desk.now).into())
}

/// `/key/delete`: all that are named, or none.
pub async fn delete(desk: &Desk<'_>, trail: &mut Trail<'_>, mut fields: Fields) -> Result<Value> {
    let (tokens, told) = match fields.get("keys").is_some() {
        true => {
            let keys = ids(&mut fields, "keys")?;
            let tokens: Vec<Token> = keys.iter().map(|key| Token::named(key)).collect();
            let told = tokens.iter().map(Token::to_string).collect();
            (tokens, told)
        }
        false if fields.get("key_aliases").is_some() => {
            let aliases = ids(&mut fields, "key_aliases")?;
            (by_alias(desk, &aliases).await?, aliases)
        }
        false => {
            let message = "keys: expected it, or key_aliases, got neither";
            return Err(Error::argument("keys", message));
        }
    };
    tokens.iter().for_each(|token| trail.key(*token));
    let mut known = desk.store.keys(tokens.clone()).await.map_err(of_store)?;
    known.sort_by_key(|key| key.token);
    let is_known = |token: &Token| known.binary_search_by_key(token, |key| key.token).is_ok();
    if !tokens.iter().all(is_known) {
        return Err(no_key("keys"));
    }
    desk.store.delete_keys(tokens).await.map_err(of_store)?;
    Ok(json!({"deleted_keys": told}))
}

async fn by_alias(desk: &Desk<'_>, aliases: &[String]) -> Result<Vec<Token>> {
    let mut tokens = Vec::with_capacity(aliases.len());
    for alias in aliases {
        let key = desk
            .store
            .key_of_alias(alias.clone())
            .await
            .map_err(of_store)?;
        tokens.push(key.ok_or_else(|| no_key("key_aliases"))?.token);
    }
    Ok(tokens)
}

/// Those who may not manage see their own key alone.
pub fn check(caller: Caller<'_>, is_own: bool) -> Result<()> {
    match caller {
        Caller::Own(_) if !is_own => Err(forbidden()),
        _ => Ok(()),
    }
}

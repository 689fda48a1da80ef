//! Keys, teams and users as answers tell them: with the reference's names, and never a key itself.

use crate::keys::{Every, Key, Limits, Team, Time, User};
pub use crate::store::Spent;
use serde_json::{Map, Value, json};

/// A key without its hash.
pub fn key(key: &Key, spent: Spent, now: Time) -> Map<String, Value> {
    let mut map = object(json!({
        "key_name": key.key_name,
        "key_alias": key.key_alias,
        "spend": spent.spend,
        "expires": key.expires,
        "models": key.models,
        "aliases": key.aliases,
        "config": {},
        "user_id": key.user_id,
        "team_id": key.team_id,
        "permissions": {},
        "metadata": key.metadata,
        "blocked": key.blocked,
        "allowed_cache_controls": [],
        "allowed_routes": key.allowed_routes,
        "model_spend": {},
        "model_max_budget": {},
        "budget_id": null,
        "organization_id": null,
        "created_at": key.created_at,
        "created_by": key.created_by,
        "updated_at": key.updated_at,
    }));
    map.extend(limits(&key.limits, spent, key.created_at, now));
    map
}

/// A key with its hash.
pub fn key_with_token(of: &Key, spent: Spent, now: Time) -> Map<String, Value> {
    let mut map = object(json!({"token": of.token.to_string()}));
    map.extend(key(of, spent, now));
    map
}

/// A key that was just made: the one answer that holds the key itself.
pub fn new_key(of: &Key, secret: &str, spent: Spent, now: Time) -> Map<String, Value> {
    let token = of.token.to_string();
    let mut map = object(json!({"key": secret, "token": token, "token_id": token}));
    map.extend(key(of, spent, now));
    map
}

/// A team.
pub fn team(team: &Team, spent: Spent, now: Time) -> Map<String, Value> {
    let mut map = object(json!({
        "team_id": team.team_id,
        "team_alias": team.team_alias,
        "organization_id": null,
        "admins": [],
        "members": [],
        "members_with_roles": team.members,
        "metadata": team.metadata,
        "models": team.models,
        "blocked": team.blocked,
        "spend": spent.spend,
        "created_at": team.created_at,
        "updated_at": team.updated_at,
    }));
    map.extend(limits(&team.limits, spent, team.created_at, now));
    map
}

/// A user, and the teams they are in.
pub fn user(user: &User, teams: &[String], spent: Spent, now: Time) -> Map<String, Value> {
    let mut map = object(json!({
        "user_id": user.user_id,
        "user_alias": user.user_alias,
        "user_email": user.user_email,
        "user_role": user.user_role,
        "teams": teams,
        "models": user.models,
        "metadata": user.metadata,
        "spend": spent.spend,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }));
    map.extend(limits(&user.limits, spent, user.created_at, now));
    map
}

fn limits(limits: &Limits, spent: Spent, since: Time, now: Time) -> Map<String, Value> {
    object(json!({
        "max_budget": limits.max_budget,
        "budget_duration": limits.budget_duration.as_ref().map(Every::to_string),
        "budget_reset_at": resets_at(limits, spent, since, now),
        "rpm_limit": limits.rpm_limit,
        "tpm_limit": limits.tpm_limit,
        "max_parallel_requests": limits.max_parallel_requests,
    }))
}

/// When a budget begins anew. Of one that nothing was spent of yet, as if the first request came now.
fn resets_at(limits: &Limits, spent: Spent, since: Time, now: Time) -> Option<Time> {
    let every = limits.budget_duration?;
    let known = spent.resets_at.filter(|at| *at > now);
    Some(known.unwrap_or_else(|| every.next(every.after(since), now)))
}

/// The fields of an object.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Member, Money, Token};

    fn sample() -> Key {
        Key {
            token: Token::of(b"sk-secret"),
            key_name: "sk-...cret".to_owned(),
            key_alias: Some("mine".to_owned()),
            team_id: None,
            user_id: Some("ann".to_owned()),
            models: vec!["m".to_owned()],
            aliases: Map::new(),
            limits: Limits {
                max_budget: Money::from_dollars(1.5),
                budget_duration: Every::parse("1d"),
                ..Limits::default()
            },
            metadata: Map::new(),
            allowed_routes: Vec::new(),
            blocked: false,
            expires: Some(Time(86_400_000)),
            created_by: "default_user_id".to_owned(),
            created_at: Time(0),
            updated_at: Time(0),
        }
    }

    fn spent() -> Spent {
        Spent {
            spend: Money::from_dollars(0.25).unwrap(),
            resets_at: None,
        }
    }

    #[test]
    fn a_key_is_told_with_the_references_names_and_without_itself() {
        let told = Value::from(key(&sample(), spent(), Time(1)));
        for (field, value) in [
            ("key_name", json!("sk-...cret")),
            ("key_alias", json!("mine")),
            ("spend", json!(0.25)),
            ("max_budget", json!(1.5)),
            ("budget_duration", json!("1d")),
            ("budget_reset_at", json!("1970-01-02T00:00:00Z")),
            ("expires", json!("1970-01-02T00:00:00Z")),
            ("rpm_limit", json!(null)),
            ("blocked", json!(false)),
            ("models", json!(["m"])),
        ] {
            assert_eq!(told[field], value, "{field}");
        }
        assert!(told.get("token").is_none() && told.get("key").is_none());
        assert!(!told.to_string().contains("sk-secret"));
    }

    #[test]
    fn a_new_key_is_told_once_and_its_hash_beside_it() {
        let told = Value::from(new_key(&sample(), "sk-secret", Spent::default(), Time(1)));
        assert_eq!(told["key"], "sk-secret");
        assert_eq!(told["token"], Token::of(b"sk-secret").to_string());
        assert_eq!(told["token_id"], told["token"]);
    }

    #[test]
    fn a_period_that_is_over_is_not_told_as_the_next_one() {
        let at = |resets_at, now| {
            let spent = Spent {
                resets_at: Some(Time(resets_at)),
                ..Spent::default()
            };
            resets_at_of(spent, Time(now))
        };
        fn resets_at_of(spent: Spent, now: Time) -> Option<Time> {
            let key = sample();
            resets_at(&key.limits, spent, key.created_at, now)
        }
        assert_eq!(at(5_000, 1), Some(Time(5_000)));
        assert_eq!(at(5_000, 6_000), Some(Time(86_400_000)));
    }

    #[test]
    fn a_team_is_told_with_its_members() {
        let team = Team {
            team_id: "t".to_owned(),
            team_alias: None,
            models: Vec::new(),
            limits: Limits::default(),
            metadata: Map::new(),
            members: vec![Member {
                user_id: "ann".to_owned(),
                role: "admin".to_owned(),
            }],
            blocked: true,
            created_at: Time(0),
            updated_at: Time(0),
        };
        let told = Value::from(super::team(&team, spent(), Time(1)));
        assert_eq!(
            told["members_with_roles"],
            json!([{"user_id": "ann", "role": "admin"}])
        );
        assert_eq!(
            (told["blocked"].clone(), told["budget_reset_at"].clone()),
            (json!(true), json!(null))
        );
    }
}

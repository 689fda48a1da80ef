//! What a request says of a user.

use super::change::{Change, text, told, wrong};
use super::limits::{self, LimitsChange, dollars};
use super::team::Person;
use super::{NAME, Notes, change, models, refused};
use crate::keys::{Money, Time, User};
use mishikallm::Result;
use mishikallm::json::Fields;
use serde_json::Value;

/// Fields that a user may be given, by name.
pub const KNOWN: [&str; 19] = [
    "user_id",
    "user_ids",
    "user_alias",
    "user_email",
    "user_role",
    "models",
    limits::NAMES[0],
    limits::NAMES[1],
    limits::NAMES[2],
    limits::NAMES[3],
    limits::NAMES[4],
    "metadata",
    "tags",
    "spend",
    "teams",
    "auto_create_key",
    "key_alias",
    "duration",
    "team_id",
];

/// Roles of the reference. They say who somebody is; what a key may do is said by the key.
const ROLES: [&str; 4] = [
    "proxy_admin",
    "proxy_admin_viewer",
    "internal_user",
    "internal_user_viewer",
];

/// What a request says of a user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserChange {
    user_alias: Change<String>,
    /// Another user has it not yet.
    pub user_email: Change<String>,
    user_role: Change<String>,
    models: Change<Vec<String>>,
    limits: LimitsChange,
    notes: Notes,
    /// What was spent, where somebody sets it.
    pub spend: Option<Money>,
}

impl UserChange {
    /// Errors: a field is wrong, or is one that nothing here keeps to.
    pub fn take(fields: &mut Fields) -> Result<UserChange> {
        refused::check(fields)?;
        // A user has no switch of their own: their keys have.
        refused::not_here(fields, &["blocked", "sso_user_id"])?;
        Ok(UserChange {
            user_alias: text(fields, "user_alias", NAME)?,
            user_email: text(fields, "user_email", NAME)?,
            user_role: role(fields)?,
            models: models(fields)?,
            limits: LimitsChange::take(fields)?,
            notes: Notes::take(fields)?,
            spend: dollars(fields, "spend")?.value(),
        })
    }

    /// Changes what is there.
    pub fn apply(self, user: &mut User, now: Time) {
        self.user_alias.apply(&mut user.user_alias);
        self.user_email.apply(&mut user.user_email);
        self.user_role.apply(&mut user.user_role);
        self.models.fill(&mut user.models);
        self.limits.apply(&mut user.limits);
        self.notes.apply(&mut user.metadata);
        user.updated_at = now;
    }
}

fn role(fields: &mut Fields) -> Result<Change<String>> {
    let role = text(fields, "user_role", NAME)?;
    match &role {
        Change::Set(name) if !ROLES.contains(&name.as_str()) => {
            let expected = format!("one of {}", ROLES.join(", "));
            Err(told("user_role", &expected, "another string"))
        }
        _ => Ok(role),
    }
}

/// Takes the teams that a new user is to be in: ids, or objects with `team_id` and `user_role`.
pub fn teams(fields: &mut Fields) -> Result<Vec<(String, String)>> {
    let items = match fields.take("teams") {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(other) => return Err(wrong("teams", "a list", &other)),
    };
    let items = items.into_iter().enumerate().map(|(i, item)| {
        let at = format!("teams[{i}]");
        match item {
            Value::String(id) => Ok((change::line(&at, id, NAME)?, "user".to_owned())),
            Value::Object(map) => {
                let mut fields = Fields::new(map);
                refused::check(&mut fields)?;
                let id = text(&mut fields, "team_id", NAME)?.value();
                let role = text(&mut fields, "user_role", NAME)?.value();
                let role = role.unwrap_or_else(|| "user".to_owned());
                match matches!(role.as_str(), "admin" | "user") {
                    true => Ok((change::needed(&format!("{at}.team_id"), id)?, role)),
                    false => {
                        let field = format!("{at}.user_role");
                        Err(told(&field, "\"admin\" or \"user\"", "another string"))
                    }
                }
            }
            other => Err(wrong(&at, "a string or an object", &other)),
        }
    });
    items.collect()
}

/// A user who is in a team and of whom nothing else is known.
pub fn unknown(person: &Person, user_id: String, now: Time) -> User {
    User {
        user_id,
        user_alias: None,
        user_email: person.user_email.clone(),
        user_role: None,
        models: Vec::new(),
        limits: Default::default(),
        metadata: Default::default(),
        created_at: now,
        updated_at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use serde_json::json;

    fn fields(body: Value) -> Fields {
        read(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_user_has_one_of_the_references_roles() {
        UserChange::take(&mut fields(json!({"user_role": "internal_user"}))).unwrap();
        let e = UserChange::take(&mut fields(json!({"user_role": "king"}))).unwrap_err();
        assert_eq!(e.param(), Some("user_role"));
    }

    #[test]
    fn teams_are_ids_or_say_the_role_too() {
        let read = teams(&mut fields(
            json!({"teams": ["a", {"team_id": "b", "user_role": "admin"}]}),
        ));
        let expected = [("a", "user"), ("b", "admin")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(read.unwrap(), expected);
        for (value, param) in [
            (json!("a"), "teams"),
            (json!([5]), "teams[0]"),
            (json!([{"user_role": "user"}]), "teams[0].team_id"),
            (
                json!([{"team_id": "a", "user_role": "x"}]),
                "teams[0].user_role",
            ),
            (
                json!([{"team_id": "a", "max_budget_in_team": 5}]),
                "max_budget_in_team",
            ),
        ] {
            let e = teams(&mut fields(json!({"teams": value}))).unwrap_err();
            assert_eq!(e.param(), Some(param));
        }
    }

    #[test]
    fn what_only_keys_have_is_refused() {
        let e = UserChange::take(&mut fields(json!({"blocked": true}))).unwrap_err();
        assert_eq!(e.param(), Some("blocked"));
    }
}

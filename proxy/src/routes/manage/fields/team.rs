//! What a request says of a team.

use super::change::{Change, needed, switch, text, wrong};
use super::limits::{self, LimitsChange};
use super::{AT_ONCE, NAME, Notes, change, models, refused};
use crate::keys::{Team, Time};
use mishikallm::json::Fields;
use mishikallm::{Error, Result};
use serde_json::Value;

/// Fields that a team may be given, by name.
pub const KNOWN: [&str; 15] = [
    "team_id",
    "team_ids",
    "team_alias",
    "models",
    limits::NAMES[0],
    limits::NAMES[1],
    limits::NAMES[2],
    limits::NAMES[3],
    limits::NAMES[4],
    "metadata",
    "tags",
    "members_with_roles",
    "member",
    "user_id",
    "blocked",
];

/// What a request says of a team.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TeamChange {
    team_alias: Change<String>,
    models: Change<Vec<String>>,
    limits: LimitsChange,
    notes: Notes,
    blocked: Change<bool>,
}

impl TeamChange {
    /// Errors: a field is wrong, or is one that nothing here keeps to.
    pub fn take(fields: &mut Fields) -> Result<TeamChange> {
        refused::check(fields)?;
        // Other names for models are a key's here.
        refused::not_here(fields, &["model_aliases", "spend"])?;
        Ok(TeamChange {
            team_alias: text(fields, "team_alias", NAME)?,
            models: models(fields)?,
            limits: LimitsChange::take(fields)?,
            notes: Notes::take(fields)?,
            blocked: switch(fields, "blocked")?,
        })
    }

    /// Changes what is there.
    pub fn apply(self, team: &mut Team, now: Time) {
        self.team_alias.apply(&mut team.team_alias);
        self.models.fill(&mut team.models);
        self.limits.apply(&mut team.limits);
        self.notes.apply(&mut team.metadata);
        self.blocked.fill(&mut team.blocked);
        team.updated_at = now;
    }
}

/// Somebody who is to be in a team, or out of it, by id or by address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The user; `None`: whoever has the address.
    pub user_id: Option<String>,
    /// The address.
    pub user_email: Option<String>,
    /// `admin` or `user`.
    pub role: String,
}

/// Takes one person, or a list of them.
pub fn people(fields: &mut Fields, field: &str) -> Result<Vec<Person>> {
    let items = match fields.take(field) {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(one @ Value::Object(_)) => vec![one],
        Some(other) => return Err(wrong(field, "an object, or a list of them", &other)),
    };
    if items.len() > AT_ONCE {
        let expected = format!("at most {AT_ONCE} entries");
        return Err(change::told(field, &expected, &items.len().to_string()));
    }
    let items = items.into_iter().enumerate().map(|(i, item)| {
        let at = format!("{field}[{i}]");
        match item {
            Value::Object(map) => person(&mut Fields::new(map), &at),
            other => Err(wrong(&at, "an object", &other)),
        }
    });
    items.collect()
}

/// Takes what names a person. `at`: where it stands.
pub fn person(fields: &mut Fields, at: &str) -> Result<Person> {
    let role = text(fields, "role", NAME)?.value();
    let role = role.unwrap_or_else(|| "user".to_owned());
    if !matches!(role.as_str(), "admin" | "user") {
        let field = format!("{at}.role");
        return Err(change::told(
            &field,
            "\"admin\" or \"user\"",
            "another string",
        ));
    }
    let person = Person {
        user_id: text(fields, "user_id", NAME)?.value(),
        user_email: text(fields, "user_email", NAME)?.value(),
        role,
    };
    match (&person.user_id, &person.user_email) {
        (None, None) => Err(Error::argument(
            &format!("{at}.user_id"),
            format!("{at}.user_id: expected it, or user_email, got neither"),
        )),
        _ => Ok(person),
    }
}

/// Takes people that must be there.
pub fn some_people(fields: &mut Fields, field: &str) -> Result<Vec<Person>> {
    let people = people(fields, field)?;
    needed(field, (!people.is_empty()).then_some(people))
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use serde_json::json;

    fn taken(value: Value) -> Result<Vec<Person>> {
        let body = json!({"member": value}).to_string();
        some_people(&mut read(body.as_bytes()).unwrap(), "member")
    }

    #[test]
    fn members_are_one_or_several() {
        let one = taken(json!({"user_id": "ann", "role": "admin"})).unwrap();
        assert_eq!(
            (one[0].user_id.as_deref(), one[0].role.as_str()),
            (Some("ann"), "admin")
        );
        let two = taken(json!([{"user_id": "ann"}, {"user_email": "bob@example.com"}])).unwrap();
        assert_eq!((two.len(), two[1].role.as_str()), (2, "user"));
    }

    #[test]
    fn mistakes_say_which_member() {
        for (value, param) in [
            (json!([]), "member"),
            (json!("ann"), "member"),
            (json!(["ann"]), "member[0]"),
            (
                json!([{"user_id": "a"}, {"role": "user"}]),
                "member[1].user_id",
            ),
            (json!({"user_id": "a", "role": "owner"}), "member[0].role"),
        ] {
            assert_eq!(taken(value).unwrap_err().param(), Some(param));
        }
    }

    #[test]
    fn limits_for_each_member_are_refused() {
        for field in ["team_member_budget", "model_aliases", "organization_id"] {
            let body = json!({ field: {"a": "b"} }).to_string();
            let e = TeamChange::take(&mut read(body.as_bytes()).unwrap());
            assert_eq!(e.unwrap_err().param(), Some(field));
        }
    }
}

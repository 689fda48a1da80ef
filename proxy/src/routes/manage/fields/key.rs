//! What a request says of a key.

use super::change::{Change, object, switch, text, texts, told};
use super::limits::{self, LimitsChange, dollars, every};
use super::{NAME, NAMES, Notes, change, models, refused};
use crate::gate::routes::is_entry;
use crate::keys::{Every, Key, Money, Time, token};
use mishikallm::config::Secret;
use mishikallm::json::Fields;
use mishikallm::{Error, Result};
use serde_json::{Map, Value};

/// Fields that a key may be given, by name.
pub const KNOWN: [&str; 21] = [
    "key",
    "new_key",
    "key_alias",
    "key_type",
    "team_id",
    "user_id",
    "models",
    "aliases",
    limits::NAMES[0],
    limits::NAMES[1],
    limits::NAMES[2],
    limits::NAMES[3],
    limits::NAMES[4],
    "metadata",
    "tags",
    "allowed_routes",
    "blocked",
    "duration",
    "spend",
    "keys",
    "key_aliases",
];

/// What is expected in a list of routes.
const ROUTES: &str = "a path such as \"/chat/completions\", or one of llm_api_routes, management_routes and info_routes";

/// Of a key that somebody brings along: shorter ones are guessed.
const SHORTEST: usize = 16;

/// What a request says of a key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyChange {
    /// Another key has it not yet.
    pub key_alias: Change<String>,
    /// There is one.
    pub team_id: Change<String>,
    /// There is one.
    pub user_id: Change<String>,
    /// Its team's, or fewer.
    pub models: Change<Vec<String>>,
    aliases: Change<Map<String, Value>>,
    limits: LimitsChange,
    notes: Notes,
    /// Paths and groups of paths.
    pub allowed_routes: Change<Vec<String>>,
    blocked: Change<bool>,
    /// How long the key lives from now on; cleared: for ever.
    duration: Change<Every>,
    /// What was spent, where somebody sets it.
    pub spend: Option<Money>,
}

impl KeyChange {
    /// Errors: a field is wrong, or is one that nothing here keeps to.
    pub fn take(fields: &mut Fields) -> Result<KeyChange> {
        refused::check(fields)?;
        Ok(KeyChange {
            key_alias: text(fields, "key_alias", NAME)?,
            team_id: text(fields, "team_id", NAME)?,
            user_id: text(fields, "user_id", NAME)?,
            models: models(fields)?,
            aliases: aliases(fields)?,
            limits: LimitsChange::take(fields)?,
            notes: Notes::take(fields)?,
            allowed_routes: allowed_routes(fields)?,
            blocked: switch(fields, "blocked")?,
            duration: duration(fields)?,
            spend: dollars(fields, "spend")?.value(),
        })
    }

    /// Changes what is there.
    pub fn apply(self, key: &mut Key, now: Time) {
        self.key_alias.apply(&mut key.key_alias);
        self.team_id.apply(&mut key.team_id);
        self.user_id.apply(&mut key.user_id);
        self.models.fill(&mut key.models);
        self.aliases.fill(&mut key.aliases);
        self.limits.apply(&mut key.limits);
        self.notes.apply(&mut key.metadata);
        self.allowed_routes.fill(&mut key.allowed_routes);
        self.blocked.fill(&mut key.blocked);
        match self.duration {
            Change::Keep => {}
            Change::Clear => key.expires = None,
            Change::Set(every) => key.expires = Some(every.after(now)),
        }
        key.updated_at = now;
    }
}

/// `key_type` says by one word which routes there are. It beats `allowed_routes`.
pub fn key_type(fields: &mut Fields) -> Result<Option<Vec<String>>> {
    const EXPECTED: &str = "\"llm_api\", \"management\", \"read_only\" or \"default\"";
    let Some(kind) = text(fields, "key_type", NAME)?.value() else {
        return Ok(None);
    };
    let group = match kind.as_str() {
        "llm_api" => "llm_api_routes",
        "management" => "management_routes",
        "read_only" => "info_routes",
        "default" => return Ok(None),
        _ => return Err(told("key_type", EXPECTED, "another string")),
    };
    Ok(Some(vec![group.to_owned()]))
}

/// Takes a key that somebody brings along, instead of one that is made here.
pub fn own_key(fields: &mut Fields, field: &str) -> Result<Option<Secret>> {
    let Some(key) = text(fields, field, NAME)?.value() else {
        return Ok(None);
    };
    let prefix = token::PREFIX;
    let is_plain = key.bytes().all(|b| b.is_ascii_graphic());
    let wrong = match () {
        () if !key.starts_with(prefix) => Some("another beginning".to_owned()),
        () if key.len() < SHORTEST => Some(key.len().to_string()),
        () if !is_plain => Some("other characters".to_owned()),
        () => None,
    };
    match wrong {
        None => Ok(Some(Secret::new(key))),
        Some(got) => {
            let expected = format!(
                "\"{prefix}\" and more, {SHORTEST} to {NAME} letters, digits and signs in all"
            );
            Err(told(field, &expected, &got))
        }
    }
}

fn aliases(fields: &mut Fields) -> Result<Change<Map<String, Value>>> {
    let aliases = object(fields, "aliases", NAMES * NAME)?;
    if let Change::Set(map) = &aliases {
        let is_name = |value: &Value| value.as_str().is_some_and(|name| name.len() <= NAME);
        if let Some(other) = map.values().find(|value| !is_name(value)) {
            return Err(change::wrong("aliases", "names of models as values", other));
        }
    }
    Ok(aliases)
}

fn allowed_routes(fields: &mut Fields) -> Result<Change<Vec<String>>> {
    let routes = texts(fields, "allowed_routes", NAMES, NAME)?;
    if let Change::Set(list) = &routes {
        if let Some(at) = list.iter().position(|route| !is_entry(route)) {
            return Err(told(
                &format!("allowed_routes[{at}]"),
                ROUTES,
                "another string",
            ));
        }
    }
    Ok(routes)
}

/// `"-1"` is the reference's older word for no end.
fn duration(fields: &mut Fields) -> Result<Change<Every>> {
    match fields.get("duration").and_then(Value::as_str) {
        Some("-1") => {
            fields.take("duration");
            Ok(Change::Clear)
        }
        _ => every(fields, "duration"),
    }
}

/// A key's models are its team's, or fewer. `at`: which of them is not.
pub fn beyond(at: usize) -> Error {
    let field = format!("models[{at}]");
    let message = format!("{field}: expected one of the models of the key's team, got another");
    Error::argument(&field, message)
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use crate::keys::{Limits, Token};
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        read(value.to_string().as_bytes()).unwrap()
    }

    fn key() -> Key {
        Key {
            token: Token::of(b"k"),
            key_name: "sk-...k".to_owned(),
            key_alias: Some("mine".to_owned()),
            team_id: None,
            user_id: None,
            models: vec!["m".to_owned()],
            aliases: Map::new(),
            limits: Limits::default(),
            metadata: Map::new(),
            allowed_routes: Vec::new(),
            blocked: false,
            expires: Some(Time(5)),
            created_by: String::new(),
            created_at: Time(1),
            updated_at: Time(1),
        }
    }

    fn changed(body: Value) -> Key {
        let mut key = key();
        let change = KeyChange::take(&mut fields(body)).unwrap();
        change.apply(&mut key, Time(1_000));
        key
    }

    #[test]
    fn what_is_absent_stays_and_null_clears() {
        assert_eq!(changed(json!({})).updated_at, Time(1_000));
        let same = changed(json!({"their_own": 1}));
        assert_eq!(
            (same.key_alias.as_deref(), same.expires),
            (Some("mine"), Some(Time(5)))
        );
        let cleared = changed(json!({"key_alias": null, "models": null, "duration": null}));
        assert_eq!((cleared.key_alias, cleared.expires), (None, None));
        assert!(cleared.models.is_empty());
    }

    #[test]
    fn a_duration_counts_from_now() {
        assert_eq!(
            changed(json!({"duration": "2s"})).expires,
            Some(Time(3_000))
        );
        assert_eq!(changed(json!({"duration": "-1"})).expires, None);
        let e = KeyChange::take(&mut fields(json!({"duration": "soon"}))).unwrap_err();
        assert_eq!(e.param(), Some("duration"));
    }

    #[test]
    fn a_key_of_ones_own_is_long_and_begins_as_all_do() {
        let own = |key: &str| own_key(&mut fields(json!({"key": key})), "key");
        assert_eq!(
            own("sk-0123456789abc").unwrap().unwrap().reveal(),
            "sk-0123456789abc"
        );
        assert!(own_key(&mut fields(json!({})), "key").unwrap().is_none());
        for wrong in [
            "0123456789abcdef-sk",
            "sk-short",
            "sk-0123456789 abcdef",
            "sk-0123456789abcdé",
        ] {
            let e = own(wrong).unwrap_err();
            assert_eq!(e.param(), Some("key"));
            assert!(!e.message().contains(wrong), "{e}");
        }
    }

    #[test]
    fn a_kind_of_key_stands_for_its_routes() {
        let routes = |kind: &str| key_type(&mut fields(json!({"key_type": kind})));
        assert_eq!(routes("llm_api").unwrap().unwrap(), ["llm_api_routes"]);
        assert_eq!(
            routes("management").unwrap().unwrap(),
            ["management_routes"]
        );
        assert_eq!(routes("read_only").unwrap().unwrap(), ["info_routes"]);
        assert_eq!(routes("default").unwrap(), None);
        assert_eq!(routes("admin").unwrap_err().param(), Some("key_type"));
    }

    #[test]
    fn routes_are_paths_or_groups_that_there_are() {
        let routes = |list: Value| allowed_routes(&mut fields(json!({"allowed_routes": list})));
        routes(json!(["/chat/completions", "/key/*", "management_routes"])).unwrap();
        let e = routes(json!(["/embeddings", "all"])).unwrap_err();
        assert_eq!(e.param(), Some("allowed_routes[1]"));
    }

    #[test]
    fn aliases_are_names_for_models() {
        let aliases = |map: Value| aliases(&mut fields(json!({"aliases": map})));
        aliases(json!({"gpt-4": "llama"})).unwrap();
        assert_eq!(
            aliases(json!({"a": 5})).unwrap_err().param(),
            Some("aliases")
        );
    }
}

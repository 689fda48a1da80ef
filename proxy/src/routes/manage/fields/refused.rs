//! Fields of the reference that are not held here. What somebody relies on is refused, so that nobody takes for protected what is not;
//! values that ask for nothing are passed over, for clients send them unasked.

use mishikallm::json::Fields;
use mishikallm::{Error, Result};
use serde_json::Value;

/// Limits and permissions that nothing here keeps to.
const LIMITS: [&str; 28] = [
    "access_group_ids",
    "agent_id",
    "allowed_cache_controls",
    "allowed_passthrough_routes",
    "allowed_vector_store_indexes",
    "budget_id",
    "config",
    "enforced_params",
    "guardrails",
    "max_budget_in_team",
    "model_max_budget",
    "model_rpm_limit",
    "model_tpm_limit",
    "object_permission",
    "organization_id",
    "organizations",
    "permissions",
    "policies",
    "project_id",
    "prompts",
    "soft_budget",
    "team_member_budget",
    "team_member_budget_duration",
    "team_member_key_duration",
    "team_member_permissions",
    "team_member_rpm_limit",
    "team_member_tpm_limit",
    "temp_budget_increase",
];

/// What comes to the same, for those that there is something for.
const INSTEAD: [(&str, &str); 12] = [
    (
        "soft_budget",
        "max_budget refuses what is beyond it; /key/list and /spend/keys tell what is spent",
    ),
    ("model_max_budget", ONE_FOR_EACH_MODEL),
    ("model_rpm_limit", ONE_FOR_EACH_MODEL),
    ("model_tpm_limit", ONE_FOR_EACH_MODEL),
    ("max_budget_in_team", ONE_FOR_EACH_MEMBER),
    ("team_member_budget", ONE_FOR_EACH_MEMBER),
    ("team_member_budget_duration", ONE_FOR_EACH_MEMBER),
    ("team_member_key_duration", ONE_FOR_EACH_MEMBER),
    ("team_member_rpm_limit", ONE_FOR_EACH_MEMBER),
    ("team_member_tpm_limit", ONE_FOR_EACH_MEMBER),
    (
        "budget_id",
        "give the limits themselves, such as max_budget and rpm_limit",
    ),
    (
        "temp_budget_increase",
        "give a larger max_budget, and the old one again later",
    ),
];

const ONE_FOR_EACH_MODEL: &str =
    "make a key for each model, with models and limits such as max_budget and rpm_limit";

const ONE_FOR_EACH_MEMBER: &str =
    "make a key for each member, with team_id, user_id and limits such as max_budget and duration";

/// What would have to be done, and is not.
const DEEDS: [&str; 11] = [
    "auto_rotate",
    "enforced_batch_output_expires_after",
    "enforced_file_expires_after",
    "grace_period",
    "new_master_key",
    "password",
    "rotation_interval",
    "router_settings",
    "secret_manager_settings",
    "send_invite_email",
    "temp_budget_expiry",
];

/// How limits are kept to. The first is what is done here.
const KINDS: [&str; 2] = ["rpm_limit_type", "tpm_limit_type"];
const KIND: &str = "best_effort_throughput";

/// Takes all of them out of a request.
///
/// Errors: one asks for something.
pub fn check(fields: &mut Fields) -> Result<()> {
    for field in LIMITS {
        if fields
            .take(field)
            .is_some_and(|value| !asks_nothing(&value))
        {
            let instead = INSTEAD.iter().find(|(name, _)| *name == field);
            let instead = instead.map_or(String::new(), |(_, what)| format!("; {what}"));
            return Err(Error::argument(
                field,
                format!(
                    "{field}: expected nothing, for this proxy does not keep to it, got a value{instead}"
                ),
            ));
        }
    }
    for field in DEEDS {
        if fields
            .take(field)
            .is_some_and(|value| !asks_nothing(&value))
        {
            return Err(Error::argument(
                field,
                format!("{field}: expected nothing, for this proxy does not do it, got a value"),
            ));
        }
    }
    for field in KINDS {
        if fields.take(field).is_some_and(|value| value != KIND) {
            return Err(Error::argument(
                field,
                format!("{field}: expected \"{KIND}\", got something else"),
            ));
        }
    }
    Ok(())
}

/// Refuses a field that has a meaning elsewhere.
pub fn not_here(fields: &mut Fields, names: &[&str]) -> Result<()> {
    for field in names {
        if fields
            .take(field)
            .is_some_and(|value| !asks_nothing(&value))
        {
            return Err(Error::argument(
                field,
                format!("{field}: expected nothing, for this route does not take it, got a value"),
            ));
        }
    }
    Ok(())
}

fn asks_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(asks_nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn checked(body: Value) -> Result<()> {
        check(&mut Fields::new(body.as_object().unwrap().clone()))
    }

    #[test]
    fn a_limit_that_nothing_keeps_to_is_refused_by_name() {
        for (field, value) in [
            ("model_max_budget", json!({"m": {"budget_limit": 1}})),
            ("guardrails", json!(["pii"])),
            ("soft_budget", json!(0)),
            ("auto_rotate", json!(true)),
            ("grace_period", json!("24h")),
            ("rpm_limit_type", json!("guaranteed_throughput")),
            ("permissions", json!({"pii": true})),
        ] {
            let e = checked(json!({ field: value })).unwrap_err();
            assert_eq!((e.http_status(), e.param()), (400, Some(field)), "{e}");
            assert!(
                e.message().starts_with(&format!("{field}: expected")),
                "{e}"
            );
        }
    }

    #[test]
    fn what_comes_to_the_same_is_said() {
        for (field, part) in [
            ("soft_budget", "max_budget refuses"),
            ("model_max_budget", "a key for each model"),
            ("team_member_budget", "a key for each member"),
        ] {
            let e = checked(json!({ field: 5 })).unwrap_err();
            assert!(e.message().contains(part), "{e}");
        }
        assert!(INSTEAD.iter().all(|(field, _)| LIMITS.contains(field)));
    }

    #[test]
    fn what_clients_send_unasked_is_passed_over() {
        checked(json!({
            "guardrails": null, "permissions": {}, "config": {}, "model_max_budget": {}, "allowed_cache_controls": [],
            "auto_rotate": false, "send_invite_email": false, "object_permission": {"mcp_servers": []}, "rpm_limit_type": "best_effort_throughput",
            "soft_budget": null, "their_own": 5,
        }))
        .unwrap();
    }
}

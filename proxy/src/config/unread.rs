//! Keys that nobody reads, or that another one overrules: no error, and told by their names and lines.

use super::known::{self, Section};
use super::place::Places;
use super::yaml::under;
use super::{Problem, Problems};
use mishikallm::config::Routing;
use serde_json::{Map, Value};

/// Warns of all of them.
pub(super) fn warn(places: &Places<'_>, top: &Map<String, Value>, problems: &mut Problems) {
    let warnings = &mut problems.warnings;
    let check = |warnings: &mut Vec<Problem>,
                 section: &Section,
                 path: &str,
                 object: &Map<String, Value>| {
        for key in object.keys() {
            if let Some(complaint) = known::complaint(section, key) {
                warnings.push(places.problem(&under(path, key), &complaint));
            }
        }
        warn_of_twins(places, object, path, warnings);
    };
    check(warnings, &known::TOP, "", top);
    for section in [
        &known::MISHIKALLM_SETTINGS,
        &known::ROUTER_SETTINGS,
        &known::GENERAL_SETTINGS,
    ] {
        if let Some(Value::Object(object)) = top.get(section.name) {
            check(warnings, section, section.name, object);
        }
    }
    warn_of_overruled(places, top, warnings);
    let Some(Value::Array(entries)) = top.get("model_list") else {
        return;
    };
    let has_default = match top.get("mishikallm_settings") {
        Some(Value::Object(settings)) => settings.contains_key("api_base"),
        _ => false,
    };
    for (i, entry) in entries.iter().enumerate() {
        let Value::Object(entry) = entry else {
            continue;
        };
        let path = format!("model_list[{i}]");
        check(warnings, &known::ENTRY, &path, entry);
        if let Some(Value::Object(info)) = entry.get("model_info") {
            let path = under(&path, "model_info");
            for key in info.keys() {
                if let Some(complaint) = known::complaint_of_info(key) {
                    warnings.push(places.problem(&under(&path, key), &complaint));
                }
            }
        }
        if let Some(Value::Object(params)) = entry.get("mishikallm_params") {
            let path = under(&path, "mishikallm_params");
            for key in params.keys() {
                if let Some(complaint) = known::complaint_of_param(key) {
                    warnings.push(places.problem(&under(&path, key), &complaint));
                }
            }
            warn_of_twins(places, params, &path, warnings);
            let says_where = ["api_base", "base_url", "mock_response"]
                .iter()
                .any(|key| params.contains_key(*key));
            if !says_where && !has_default {
                let text = "has no api_base: only calls that bring their own can work";
                warnings.push(places.problem(&path, text));
            }
        }
    }
}

/// What `router_settings` says too, which holds.
fn warn_of_overruled(places: &Places<'_>, top: &Map<String, Value>, warnings: &mut Vec<Problem>) {
    let section = |name| top.get(name).and_then(Value::as_object);
    let names = (known::MISHIKALLM_SETTINGS.name, known::ROUTER_SETTINGS.name);
    let (Some(shared), Some(router)) = (section(names.0), section(names.1)) else {
        return;
    };
    let has =
        |object: &Map<String, Value>, key: &str| object.get(key).is_some_and(|v| !v.is_null());
    for key in shared.keys().filter(|key| has(shared, key)) {
        let twins = known::TWINS.iter().find(|(a, b)| key == a || key == b);
        let same = twins.map_or([key.as_str(); 2], |(a, b)| [*a, *b]);
        let rules = |name: &&str| Routing::KEYS.contains(name) && has(router, name);
        if let Some(rules) = same.iter().find(|name| rules(name)) {
            let text = format!("is not used: router_settings.{rules} holds");
            warnings.push(places.problem(&under(names.0, key), &text));
        }
    }
}

/// What is there under both of its names.
fn warn_of_twins(
    places: &Places<'_>,
    object: &Map<String, Value>,
    path: &str,
    warnings: &mut Vec<Problem>,
) {
    let has = |key: &str| object.get(key).is_some_and(|value| !value.is_null());
    for (used, other) in known::TWINS {
        if has(used) && has(other) {
            let text = format!("is not used: {used}, which is another name for it, holds");
            warnings.push(places.problem(&under(path, other), &text));
        }
    }
}

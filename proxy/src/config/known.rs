//! The names that a configuration may use, for warnings about those that it may not.

/// Keys of one section.
pub struct Section {
    /// Its name in the file; empty: the top.
    pub name: &'static str,
    /// What the proxy or the library does something with.
    pub keys: &'static [&'static str],
    /// What may be there for the sake of files that have it, does nothing, and why.
    pub idle: &'static [(&'static str, &'static str)],
    /// What the file format has and this proxy has not: ignored, and said so.
    pub without: &'static [&'static str],
}

/// The top of the file.
pub const TOP: Section = Section {
    name: "",
    keys: &[
        "model_list",
        "mishikallm_settings",
        "router_settings",
        "general_settings",
        "environment_variables",
    ],
    idle: &[],
    without: &[
        "include",
        "guardrails",
        "mcp_servers",
        "vector_store_registry",
        "files_settings",
    ],
};

/// One entry of `model_list`.
pub const ENTRY: Section = Section {
    name: "model_list",
    keys: &["model_name", "mishikallm_params", "model_info"],
    idle: &[],
    without: &["mishikallm_credential_name"],
};

/// What a deployment may say of where and how; anything else goes to its model.
pub const PARAMS: Section = Section {
    name: "mishikallm_params",
    keys: &[
        "model",
        "api_base",
        "base_url",
        "api_key",
        "extra_headers",
        "headers",
        "timeout",
        "request_timeout",
        "connect_timeout",
        "first_byte_timeout",
        "idle_timeout",
        "stream_timeout",
        "num_retries",
        "max_retries",
        "drop_params",
        "allowed_openai_params",
        "additional_drop_params",
        "mock_response",
        "chat_template",
        "chat_template_kwargs",
        "tool_call_parser",
        "separate_reasoning",
        "tokenizer",
        "triton",
        "rpm",
        "tpm",
        "max_parallel_requests",
        "weight",
        "metrics_url",
        "order",
        // The model's own, often written here: so that they are not taken for slips of the above.
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "stop",
    ],
    idle: &[
        ("organization", "Triton knows no organizations"),
        ("api_version", "Triton's API has one version"),
        ("custom_llm_provider", "every model here is on a Triton"),
        (
            "ssl_verify",
            "certificates are checked alike for all deployments; mishikallm_settings.ssl_verify says how",
        ),
    ],
    // Any name may be one of the model's inputs: these are sent to it, and said so.
    without: &[
        "tags",
        "max_budget",
        "budget_duration",
        "region_name",
        "cooldown_time",
        "allowed_fails",
        "mishikallm_credential_name",
        "configurable_clientside_auth_params",
        "use_in_pass_through",
        "use_mishikallm_proxy",
        "merge_reasoning_content_in_choices",
        "max_file_size_mb",
    ],
};

/// What is told of a deployment, and how it is checked; anything else is told too.
pub const INFO: Section = Section {
    name: "model_info",
    keys: &[
        "id",
        "mode",
        "max_input_tokens",
        "health_check_timeout",
        "health_check_model",
        "health_check_max_tokens",
        "input_cost_per_token",
        "output_cost_per_token",
        "input_cost_per_second",
        "output_cost_per_second",
    ],
    idle: &[],
    without: &[
        "health_check_voice",
        "health_check_reasoning_effort",
        "disable_background_health_check",
    ],
};

/// Defaults for all deployments.
pub const MISHIKALLM_SETTINGS: Section = Section {
    name: "mishikallm_settings",
    keys: &[
        "drop_params",
        "request_timeout",
        "timeout",
        "connect_timeout",
        "first_byte_timeout",
        "idle_timeout",
        "stream_timeout",
        "num_retries",
        "max_retries",
        "fallbacks",
        "default_fallbacks",
        "context_window_fallbacks",
        "allowed_fails",
        "cooldown_time",
        "model_group_alias",
        "api_base",
        "api_key",
        "extra_headers",
        "headers",
        "allowed_openai_params",
        "additional_drop_params",
        "chat_template",
        "chat_template_kwargs",
        "tool_call_parser",
        "separate_reasoning",
        "tokenizer",
        "triton",
        "tls",
        "proxy",
        "max_reply_bytes",
        "ssl_verify",
        "json_logs",
        "set_verbose",
        "forward_traceparent_to_llm_provider",
    ],
    idle: &[],
    without: &[
        "callbacks",
        "success_callback",
        "failure_callback",
        "service_callback",
        "cache",
        "cache_params",
        "turn_off_message_logging",
        "redact_user_api_key_info",
        "content_policy_fallbacks",
        "max_budget",
        "budget_duration",
        "modify_params",
        "telemetry",
        "force_ipv4",
        "default_internal_user_params",
        "upperbound_key_generate_params",
        "default_team_settings",
        "enable_json_schema_validation",
    ],
};

/// How deployments are chosen.
pub const ROUTER_SETTINGS: Section = Section {
    name: "router_settings",
    keys: &[
        "routing_strategy",
        "num_retries",
        "max_retries",
        "retry_after",
        "timeout",
        "stream_timeout",
        "allowed_fails",
        "cooldown_time",
        "disable_cooldowns",
        "model_group_alias",
        "fallbacks",
        "default_fallbacks",
        "context_window_fallbacks",
        "max_fallbacks",
        "enable_pre_call_checks",
        "redis_host",
        "redis_port",
        "redis_password",
        "redis_url",
    ],
    idle: &[],
    without: &[
        "routing_strategy_args",
        "content_policy_fallbacks",
        "cache_responses",
        "cache_kwargs",
        "caching_groups",
        "client_ttl",
        "retry_policy",
        "model_group_retry_policy",
        "allowed_fails_policy",
        "optional_pre_call_checks",
        "default_max_parallel_requests",
        "set_verbose",
        "debug_level",
        "provider_budget_config",
        "alerting_config",
        "router_general_settings",
    ],
};

/// The proxy itself.
pub const GENERAL_SETTINGS: Section = Section {
    name: "general_settings",
    keys: &[
        "master_key",
        "allow_client_side_credentials",
        "max_request_size_mb",
        "drain_seconds",
        "log_prompts",
        "health_check_timeout",
        "health_check_details",
        "completion_model",
        "database_url",
        "disable_spend_logs",
        "maximum_spend_logs_retention_period",
        "spend_journal_dir",
    ],
    idle: &[],
    without: &[
        "background_health_checks",
        "health_check_interval",
        "health_check_concurrency",
        "use_shared_health_check",
        "database_connection_pool_limit",
        "database_connection_timeout",
        "store_model_in_db",
        "proxy_batch_write_at",
        "alerting",
        "alerting_threshold",
        "custom_auth",
        "enforce_user_param",
        "allowed_routes",
        "public_routes",
        "admin_only_routes",
        "max_parallel_requests",
        "global_max_parallel_requests",
        "max_response_size_mb",
        "infer_model_from_keys",
        "key_management_system",
        "use_client_credentials_pass_through_routes",
        "pass_through_endpoints",
        "ui_access_mode",
        "enable_jwt_auth",
        "otel",
    ],
};

/// Two names for one thing: where both are there, the second is not used.
pub const TWINS: [(&str, &str); 3] = [
    ("timeout", "request_timeout"),
    ("num_retries", "max_retries"),
    ("api_base", "base_url"),
];

impl Section {
    /// Whether it has a key, be it one without an effect.
    fn has(&self, key: &str) -> bool {
        self.keys.contains(&key) || self.idle.iter().any(|(idle, _)| *idle == key)
    }
}

const SECTIONS: [&Section; 5] = [
    &TOP,
    &MISHIKALLM_SETTINGS,
    &ROUTER_SETTINGS,
    &GENERAL_SETTINGS,
    &PARAMS,
];

/// Options that want a number, or true or false: where a text from the environment is read as one.
pub fn is_number_or_boolean(key: &str) -> bool {
    matches!(
        key,
        "timeout"
            | "request_timeout"
            | "connect_timeout"
            | "first_byte_timeout"
            | "idle_timeout"
            | "stream_timeout"
            | "num_retries"
            | "max_retries"
            | "drop_params"
            | "separate_reasoning"
            | "rpm"
            | "tpm"
            | "max_parallel_requests"
            | "weight"
            | "order"
            | "max_tokens"
            | "max_completion_tokens"
            | "temperature"
            | "top_p"
            | "top_k"
            | "seed"
            | "allowed_fails"
            | "cooldown_time"
            | "disable_cooldowns"
            | "retry_after"
            | "max_fallbacks"
            | "enable_pre_call_checks"
            | "max_reply_bytes"
            | "redis_port"
            | "insecure"
            | "ssl_verify"
            | "json_logs"
            | "set_verbose"
            | "forward_traceparent_to_llm_provider"
            | "allow_client_side_credentials"
            | "max_request_size_mb"
            | "drain_seconds"
            | "log_prompts"
            | "disable_spend_logs"
            | "health_check_timeout"
            | "health_check_details"
            | "health_check_max_tokens"
            | "max_input_tokens"
            | "input_cost_per_token"
            | "output_cost_per_token"
            | "input_cost_per_second"
            | "output_cost_per_second"
            | "binary"
            | "normalize"
            | "truncate_dimensions"
            // Of models, in OpenAI's words and in vLLM's.
            | "n"
            | "logprobs"
            | "top_logprobs"
            | "frequency_penalty"
            | "presence_penalty"
            | "repetition_penalty"
            | "min_p"
            | "min_tokens"
            | "ignore_eos"
    )
}

/// What to say of a key that the section does not have; `None`: it has it.
pub fn complaint(section: &Section, key: &str) -> Option<String> {
    if section.keys.contains(&key) {
        return None;
    }
    if let Some(why) = why_idle(section, key) {
        return Some(why);
    }
    if section.without.contains(&key) {
        return Some("not supported here: it is ignored".to_owned());
    }
    if section.name == ENTRY.name && PARAMS.has(key) {
        return Some("unknown here: it is ignored; it belongs in mishikallm_params: is it indented far enough?".to_owned());
    }
    let elsewhere = SECTIONS
        .iter()
        .find(|s| s.name != section.name && s.name != PARAMS.name && s.has(key));
    if let Some(right) = elsewhere {
        let place = match right.name {
            "" => "at the top of the file".to_owned(),
            name => format!("in {name}"),
        };
        return Some(format!("unknown here: it is ignored; it belongs {place}"));
    }
    // Files that were written for LiteLLM have its name in their keys.
    let ours = key.replacen("litellm", "mishikallm", 1);
    if let Some(near) = section.keys.iter().find(|known| **known == ours) {
        return Some(format!("unknown: it is ignored; did you mean {near}?"));
    }
    // Half of a short word in common is no likeness.
    let most = (key.chars().count() / 3).clamp(1, 4);
    Some(match nearest(section, key, most) {
        Some(near) => format!("unknown: it is ignored; did you mean {near}?"),
        None => "unknown: it is ignored".to_owned(),
    })
}

fn why_idle(section: &Section, key: &str) -> Option<String> {
    let (_, why) = section.idle.iter().find(|(idle, _)| *idle == key)?;
    Some(format!("has no effect: {why}"))
}

/// What to say of one of `mishikallm_params`. One that is not known is sent to the model, which may not have been meant.
pub fn complaint_of_param(key: &str) -> Option<String> {
    if let Some(why) = why_idle(&PARAMS, key) {
        return Some(why);
    }
    if PARAMS.without.contains(&key) {
        return Some("is sent to the model; the proxy itself does nothing with it".to_owned());
    }
    let near = slip_of(key)?;
    Some(format!("is sent to the model; did you mean {near}?"))
}

/// The same of `model_info`, which may hold anything.
pub fn complaint_of_info(key: &str) -> Option<String> {
    if INFO.without.contains(&key) {
        return Some("is told, and has no other effect here".to_owned());
    }
    let near = nearest(&INFO, key, 2).filter(|near| *near != key && key.len() > 4)?;
    Some(format!(
        "is told, and has no other effect; did you mean {near}?"
    ))
}

/// A known option that a deployment's own parameter is very near to.
fn slip_of(key: &str) -> Option<&'static str> {
    match PARAMS.keys.contains(&key) || key.chars().count() < 4 {
        true => None,
        false => nearest(&PARAMS, key, 2),
    }
}

fn nearest(section: &Section, key: &str, most: usize) -> Option<&'static str> {
    let key = key.to_lowercase().replace('-', "_");
    let near = section
        .keys
        .iter()
        .map(|known| (strsim::osa_distance(&key, known), *known));
    near.filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_what_it_may_have_meant() {
        let of = |section, key| complaint(section, key).unwrap_or_default();
        assert!(of(&GENERAL_SETTINGS, "master_keys").contains("master_key?"));
        assert!(of(&GENERAL_SETTINGS, "masterkey").contains("master_key?"));
        assert!(of(&ROUTER_SETTINGS, "routing-strategy").contains("routing_strategy?"));
        assert!(of(&MISHIKALLM_SETTINGS, "master_key").contains("in general_settings"));
        assert!(of(&TOP, "router_setings").contains("router_settings?"));
        assert!(of(&TOP, "master_key").contains("in general_settings"));
        assert!(of(&MISHIKALLM_SETTINGS, "callbacks").contains("not supported"));
        assert_eq!(of(&TOP, "zebra"), "unknown: it is ignored");
        assert_eq!(complaint(&TOP, "model_list"), None);
    }

    #[test]
    fn a_deployments_own_parameter_is_left_alone_unless_it_is_very_near() {
        assert_eq!(slip_of("api_bas"), Some("api_base"));
        assert_eq!(slip_of("time_out"), Some("timeout"));
        assert_eq!(slip_of("repetition_penalty"), None);
        assert_eq!(slip_of("api_base"), None);
        assert_eq!(slip_of("beam"), None);
    }
}

//! Which routes a key may call. Pure.

/// What a route is for, which is how a list of allowed routes may name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A model is asked.
    Model,
    /// What the key may know: models, and itself.
    Info,
    /// Keys, teams, users and what all of them spent.
    Management,
    /// The proxy's own: health of deployments, metrics.
    Operation,
}

/// Names of groups of routes, as the reference has them.
const GROUPS: [(&str, &[Purpose]); 5] = [
    ("llm_api_routes", &[Purpose::Model]),
    ("openai_routes", &[Purpose::Model]),
    ("info_routes", &[Purpose::Info]),
    ("management_routes", &[Purpose::Management, Purpose::Info]),
    (
        "*",
        &[
            Purpose::Model,
            Purpose::Info,
            Purpose::Management,
            Purpose::Operation,
        ],
    ),
];

/// Whether a list lets a path through; an empty list is that of an ordinary key: models, and what it may know. A path is without its version, in
/// the list with or without.
pub fn allows(list: &[String], path: &str, purpose: Purpose) -> bool {
    if list.is_empty() {
        return matches!(purpose, Purpose::Model | Purpose::Info);
    }
    list.iter().any(|entry| {
        if let Some((_, purposes)) = GROUPS.iter().find(|(name, _)| name == entry) {
            return purposes.contains(&purpose);
        }
        let entry = match entry.strip_prefix("/v1") {
            Some(rest) if rest.starts_with('/') && rest.len() > 1 => rest,
            _ => entry,
        };
        match entry.strip_suffix('*') {
            Some(before) => path.starts_with(before),
            None => path == entry,
        }
    })
}

/// Whether an entry of such a list is one: a path, or a group's name.
pub fn is_entry(entry: &str) -> bool {
    entry.starts_with('/') || GROUPS.iter().any(|(name, _)| *name == entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(list: &[&str], path: &str, purpose: Purpose) -> bool {
        let list: Vec<String> = list.iter().map(|&entry| entry.to_owned()).collect();
        allows(&list, path, purpose)
    }

    #[test]
    fn an_ordinary_key_asks_models() {
        assert!(may(&[], "/chat/completions", Purpose::Model));
        assert!(may(&[], "/key/info", Purpose::Info));
        assert!(!may(&[], "/key/generate", Purpose::Management));
        assert!(!may(&[], "/metrics", Purpose::Operation));
    }

    #[test]
    fn a_list_names_paths_and_groups() {
        for (entry, path, purpose, is_allowed) in [
            ("/embeddings", "/embeddings", Purpose::Model, true),
            ("/v1/embeddings", "/embeddings", Purpose::Model, true),
            ("/embeddings", "/chat/completions", Purpose::Model, false),
            ("/v1/chat/*", "/chat/completions", Purpose::Model, true),
            ("llm_api_routes", "/embeddings", Purpose::Model, true),
            ("llm_api_routes", "/key/info", Purpose::Info, false),
            (
                "management_routes",
                "/key/generate",
                Purpose::Management,
                true,
            ),
            ("info_routes", "/models", Purpose::Info, true),
            ("/metrics", "/metrics", Purpose::Operation, true),
            ("*", "/metrics", Purpose::Operation, true),
            ("/", "/embeddings", Purpose::Model, false),
        ] {
            assert_eq!(may(&[entry], path, purpose), is_allowed, "{entry}: {path}");
        }
    }

    #[test]
    fn what_an_entry_is() {
        for entry in ["/key/*", "/v1/models", "openai_routes"] {
            assert!(is_entry(entry), "{entry}");
        }
        for entry in ["", "models", "LLM_API_ROUTES"] {
            assert!(!is_entry(entry), "{entry}");
        }
    }
}

//! The routes beside those that ask a model: what the router finds, and what the OpenAPI document lists. All are read with GET.

use percent_encoding::percent_decode_str;

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The page for browsers.
    Page,
    /// The OpenAPI document.
    OpenApi,
    /// The list of models.
    Models,
    /// One of them.
    Model,
    /// The deployments.
    ModelInfo,
    /// Whether the models answer.
    Health,
    /// Whether the proxy lives.
    Liveness,
    /// Whether it takes requests.
    Readiness,
    /// Figures for Prometheus.
    Metrics,
}

/// Paths as the document writes them. What begins with `/v1` is there without it too.
pub const ROUTES: [(&str, Route); 10] = [
    ("/v1/models", Route::Models),
    ("/v1/models/{model}", Route::Model),
    ("/model/info", Route::ModelInfo),
    ("/health", Route::Health),
    ("/health/liveliness", Route::Liveness),
    ("/health/liveness", Route::Liveness),
    ("/health/readiness", Route::Readiness),
    ("/metrics", Route::Metrics),
    ("/openapi.json", Route::OpenApi),
    ("/", Route::Page),
];

/// Which route a path is, and what stands in it for `{model}`.
pub fn find(path: &str) -> Option<(Route, Option<String>)> {
    ROUTES.iter().find_map(|&(template, route)| {
        let bare = template.strip_prefix("/v1").unwrap_or(template);
        let model = fits(template, path).or_else(|| fits(bare, path))?;
        Some((route, model))
    })
}

/// A model's name may have slashes of its own.
fn fits(template: &str, path: &str) -> Option<Option<String>> {
    match template.strip_suffix("{model}") {
        None => (template == path).then_some(None),
        Some(before) => {
            let model = path.strip_prefix(before).filter(|m| !m.is_empty())?;
            let model = percent_decode_str(model).decode_utf8().ok()?;
            Some(Some(model.into_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found() {
        for (path, route, model) in [
            ("/", Route::Page, None),
            ("/models", Route::Models, None),
            ("/v1/models", Route::Models, None),
            ("/models/a/b", Route::Model, Some("a/b")),
            ("/v1/models/a%2Fb", Route::Model, Some("a/b")),
            ("/health/liveliness", Route::Liveness, None),
        ] {
            assert_eq!(
                find(path),
                Some((route, model.map(str::to_owned))),
                "{path}"
            );
        }
        for path in [
            "/v1",
            "/v1/",
            "/models/",
            "/v1/health",
            "/health/",
            "//",
            "/openapi.json/",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
    }
}

//! The routes beside those that ask a model: what the router finds, and what the OpenAPI document lists. All are read with GET.

use super::about::Question;
use super::manage;
use crate::gate::routes::Purpose;
use percent_encoding::percent_decode_str;

/// What a path is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// A question about the proxy.
    About(Question),
    /// Figures for Prometheus.
    Metrics,
    /// The OpenAPI document.
    OpenApi,
    /// The page for browsers.
    Page,
}

/// Paths as the document writes them.
pub static ROUTES: [(&str, Route); 10] = [
    ("/v1/models", Route::About(Question::Models)),
    (
        "/v1/models/{model}",
        Route::About(Question::Model(String::new())),
    ),
    ("/model/info", Route::About(Question::Info)),
    ("/health", Route::About(Question::Health)),
    ("/health/liveliness", Route::About(Question::Alive)),
    ("/health/liveness", Route::About(Question::Alive)),
    ("/health/readiness", Route::About(Question::Ready)),
    ("/metrics", Route::Metrics),
    ("/openapi.json", Route::OpenApi),
    ("/", Route::Page),
];

/// Which route a path without its version is.
pub fn find(path: &str) -> Option<Route> {
    ROUTES.iter().find_map(|(template, route)| {
        let template = template.strip_prefix("/v1").unwrap_or(template);
        match template.strip_suffix("{model}") {
            None => (template == path).then(|| route.clone()),
            Some(before) => {
                // A model's name may have slashes of its own.
                let model = path.strip_prefix(before).filter(|m| !m.is_empty())?;
                let model = percent_decode_str(model).decode_utf8().ok()?;
                Some(Route::About(Question::Model(model.into_owned())))
            }
        }
    })
}

/// What a path without its version is for, as far as it asks no model.
pub fn purpose(path: &str) -> Purpose {
    if let Some(route) = manage::table::find(path) {
        return route.purpose();
    }
    match find(path) {
        Some(Route::About(Question::Models | Question::Model(_) | Question::Info)) => Purpose::Info,
        _ => Purpose::Operation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_what_they_are() {
        let model = |name: &str| Route::About(Question::Model(name.to_owned()));
        for (path, route) in [
            ("/", Route::Page),
            ("/models", Route::About(Question::Models)),
            ("/models/a/b", model("a/b")),
            ("/models/a%2Fb%20c", model("a/b c")),
            ("/model/info", Route::About(Question::Info)),
            ("/health", Route::About(Question::Health)),
            ("/health/liveness", Route::About(Question::Alive)),
            ("/health/liveliness", Route::About(Question::Alive)),
            ("/health/readiness", Route::About(Question::Ready)),
            ("/metrics", Route::Metrics),
            ("/openapi.json", Route::OpenApi),
        ] {
            assert_eq!(find(path), Some(route), "{path}");
        }
        for path in [
            "",
            "/models/",
            "/model",
            "/health/",
            "/models/%ff",
            "//",
            "/openapi.json/",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
    }
}

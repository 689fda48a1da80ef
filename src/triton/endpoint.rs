//! `api_base` → what to call. Every form that the documentation names is read here, and nothing else decides about URLs.
//!
//! | `api_base` | is |
//! |---|---|
//! | `http://host:8000`, `…/prefix`, `…/v2` | a server: the model's name comes from the request |
//! | `…/v2/models/M[/versions/V]` | a model |
//! | `…/v2/models/M[/versions/V]/generate` (`generate_stream`, `infer`, `embeddings`) | a model's endpoint |
//! | `…/generate` (`generate_stream`, `infer`, `embeddings`) elsewhere | an opaque endpoint, of a gateway |

use crate::config::{EndpointKind, TritonOptions};
use crate::error::{Error, Result};
use http::Uri;

/// The last word of an endpoint's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// The generate extension; `generate_stream` is the same endpoint's other reply.
    Generate,
    /// The KServe v2 inference protocol.
    Infer,
    /// A gateway's route to an infer endpoint; Triton itself has none of this name.
    Embeddings,
}

impl Verb {
    /// Reads the word, whatever its case.
    fn parse(word: &str) -> Option<Verb> {
        match word.to_ascii_lowercase().as_str() {
            "generate" | "generate_stream" => Some(Verb::Generate),
            "infer" => Some(Verb::Infer),
            "embeddings" => Some(Verb::Embeddings),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Verb::Generate => "generate",
            Verb::Infer => "infer",
            Verb::Embeddings => "embeddings",
        }
    }
}

/// What a request wants from the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Text.
    Text,
    /// Vectors.
    Vectors,
}

/// What to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// How it is spoken to.
    pub verb: Verb,
    /// The reply is a stream of events.
    pub stream: bool,
    /// Where.
    pub url: String,
}

/// A request's way to its model: `api_base`, the model's name and the version, put together.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// `http://host:8000/prefix`, without a slash at its end; `None` for an opaque URL.
    server: Option<String>,
    /// `…/v2/models/M[/versions/V]`, or all of an opaque URL before its last word.
    base: String,
    /// What the URL itself, or the caller's `triton.endpoint`, says.
    verb: Option<Verb>,
    /// `?…`, or empty.
    query: String,
    /// The URL is that of a server, so that the model's name is the request's.
    serves_all: bool,
}

impl Route {
    /// Reads `api_base`; `model` is the name without `triton/`.
    pub fn new(api_base: Option<&str>, model: &str, triton: &TritonOptions) -> Result<Route> {
        let parts = Parts::read(api_base)?;
        let mut segments: Vec<&str> = parts.path.split('/').filter(|s| !s.is_empty()).collect();
        let at = |segments: &[&str]| -> String {
            let mut url = parts.origin.clone();
            for segment in segments {
                url.push('/');
                url.push_str(segment);
            }
            url
        };
        let query = parts.query.clone();
        let wanted_verb = triton.endpoint.map(|kind| match kind {
            EndpointKind::Generate => Verb::Generate,
            EndpointKind::Infer => Verb::Infer,
        });

        let model_at = segments
            .windows(3)
            .rposition(|w| w[0] == "v2" && w[1] == "models");
        if let Some(i) = model_at {
            let server = at(&segments[..i]);
            let mut rest = &segments[i + 3..];
            let mut base = at(&segments[..i + 3]);
            let mut version = triton.version.clone();
            if let ["versions", v, after @ ..] = rest {
                version = version.or(Some((*v).to_owned()));
                rest = after;
            }
            if let Some(v) = version {
                base.push_str("/versions/");
                base.push_str(&v);
            }
            let verb = match rest {
                [] => None,
                [word] => Some(Verb::parse(word).ok_or_else(|| unknown_ending(word))?),
                [.., word] => return Err(unknown_ending(word)),
            };
            return Ok(Route {
                server: Some(server),
                base,
                verb: wanted_verb.or(verb),
                query,
                serves_all: false,
            });
        }

        if let Some(verb) = segments.last().and_then(|word| Verb::parse(word)) {
            segments.pop();
            return Ok(Route {
                server: None,
                base: at(&segments),
                verb: wanted_verb.or(Some(verb)),
                query,
                serves_all: false,
            });
        }

        // A server, maybe with the path of Triton's API begun.
        if segments.ends_with(&["v2", "models"]) {
            segments.truncate(segments.len() - 2);
        } else if segments.ends_with(&["v2"]) {
            segments.pop();
        } else if segments.contains(&"v2") {
            return Err(unknown_ending(segments.last().copied().unwrap_or("v2")));
        }
        let server = at(&segments);
        let mut base = [&server, "/v2/models/", &escape(model)].concat();
        if let Some(v) = &triton.version {
            base.push_str("/versions/");
            base.push_str(v);
        }
        Ok(Route {
            server: Some(server),
            base,
            verb: wanted_verb,
            query,
            serves_all: true,
        })
    }

    /// Whether it leads to any model of a server, by its name; else the URL says which model it is.
    pub fn serves_all(&self) -> bool {
        self.serves_all
    }

    /// Whether the URL is Triton's own, so that the model's metadata can be looked up.
    pub fn is_described(&self) -> bool {
        self.server.is_some()
    }

    /// The model's URL, the key under which its metadata is remembered; `None` for an opaque URL.
    pub fn model_url(&self) -> Option<&str> {
        self.server.as_ref().map(|_| self.base.as_str())
    }

    /// Where the model's metadata is told; `None` for an opaque URL.
    pub fn metadata_url(&self) -> Option<String> {
        self.model_url().map(|url| [url, &self.query].concat())
    }

    /// Where the model's configuration is told.
    pub fn config_url(&self) -> Option<String> {
        self.model_url()
            .map(|url| [url, "/config", &self.query].concat())
    }

    /// A path of the server itself, such as `/v2/health/ready`.
    pub fn server_url(&self, path: &str) -> Result<String> {
        match &self.server {
            Some(server) => Ok(format!("{server}{path}{}", self.query)),
            None => Err(Error::argument(
                "api_base",
                "api_base: expected a Triton server, such as http://host:8000; this URL is an endpoint of a gateway",
            )),
        }
    }

    /// Where the model says whether it is ready.
    pub fn ready_url(&self) -> Result<String> {
        self.server_url("")?;
        Ok(format!("{}/ready{}", self.base, self.query))
    }

    /// The model's name in the URL, percent-encoded as it stands there; `None` for an opaque URL.
    pub fn model_segment(&self) -> Option<&str> {
        let server = self.server.as_ref()?;
        self.base[server.len()..]
            .strip_prefix("/v2/models/")?
            .split('/')
            .next()
    }

    /// The model's URL without a version, under which all its versions are remembered; `None` for an opaque URL.
    pub fn model_root(&self) -> Option<String> {
        let server = self.server.as_ref()?;
        Some([server, "/v2/models/", self.model_segment()?].concat())
    }

    /// A path below the model's own, such as `/stats`; empty: the model's metadata.
    pub fn below_model(&self, path: &str) -> Result<String> {
        self.server_url("")?;
        Ok([&self.base, path, &self.query].concat())
    }

    /// Where raw tensors are sent to: the model's infer endpoint, or the opaque URL as it stands.
    pub fn infer_url(&self) -> Result<String> {
        let word = match (&self.server, self.verb) {
            (Some(_), _) | (None, Some(Verb::Infer)) => Verb::Infer,
            (None, Some(Verb::Embeddings)) => Verb::Embeddings,
            (None, _) => {
                return Err(Error::argument(
                    "api_base",
                    "api_base: ends in /generate, which takes no tensors; expected /infer or a server",
                ));
            }
        };
        Ok([&self.base, "/", word.word(), &self.query].concat())
    }

    /// What to call for text or vectors. `decoupled` is what the metadata says, if it is known; `stream`: the caller wants
    /// the text as it comes.
    pub fn call(&self, want: Want, decoupled: Option<bool>, stream: bool) -> Result<Target> {
        let opaque = self.server.is_none();
        let verb = match (want, self.verb) {
            (Want::Text, Some(Verb::Embeddings)) => {
                return Err(Error::argument(
                    "api_base",
                    "api_base: ends in /embeddings, which gives no text; expected /generate, /infer or a server",
                ));
            }
            // HTTP infer refuses decoupled models.
            (Want::Text, Some(Verb::Infer)) if decoupled == Some(true) => Verb::Generate,
            (Want::Text, Some(verb)) => verb,
            (Want::Text, None) if decoupled == Some(false) => Verb::Infer,
            (Want::Text, None) => Verb::Generate,
            (Want::Vectors, Some(Verb::Generate)) if opaque => {
                return Err(Error::argument(
                    "api_base",
                    "api_base: ends in /generate, which gives no embeddings; expected /infer, /embeddings or a server",
                ));
            }
            // A server that describes the model is Triton itself, which has no route of that name.
            (Want::Vectors, Some(Verb::Embeddings)) if decoupled.is_none() => Verb::Embeddings,
            (Want::Vectors, _) => Verb::Infer,
        };
        // Where it is ours to choose, a decoupled model is read as a stream: several responses are then one answer, and
        // Triton notices when the connection is closed.
        let chosen = decoupled == Some(true) && self.verb != Some(Verb::Generate);
        // A model that sends one response may refuse to stream it.
        let wanted = stream && decoupled != Some(false);
        let stream = verb == Verb::Generate && (wanted || chosen);
        let word = match stream {
            true => "generate_stream",
            false => verb.word(),
        };
        Ok(Target {
            verb,
            stream,
            url: [self.base.as_str(), "/", word, &self.query].concat(),
        })
    }
}

/// The model's name without its `triton/`.
pub fn model_name(model: &str) -> Result<&str> {
    match model.strip_prefix("triton/") {
        Some("") => Err(Error::argument(
            "model",
            "model: expected a model's name after triton/, got none",
        )),
        // As a segment of a URL they are other places (RFC 3986, 3.3), also percent-encoded.
        Some("." | "..") => Err(Error::argument(
            "model",
            "model: expected a model's name after triton/, got dots alone",
        )),
        Some(name) => Ok(name),
        None => Err(Error::argument(
            "model",
            "model: expected triton/ and the name of a Triton model, such as triton/llama",
        )),
    }
}

fn unknown_ending(word: &str) -> Error {
    // The word is the caller's URL's; a long one is not repeated.
    let got = if word.len() <= 32 {
        word
    } else {
        "another word"
    };
    Error::argument(
        "api_base",
        format!(
            "api_base: expected a server, …/v2/models/NAME, or an endpoint that ends in generate, generate_stream, infer or embeddings; got an ending in /{got}"
        ),
    )
}

/// A path segment, percent-encoded but for RFC 3986's unreserved characters.
fn escape(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for b in segment.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(b as char);
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

struct Parts {
    /// `http://host:8000`
    origin: String,
    path: String,
    query: String,
}

impl Parts {
    fn read(api_base: Option<&str>) -> Result<Parts> {
        let wrong = |got: &str| {
            Error::argument(
                "api_base",
                format!("api_base: expected a URL such as http://localhost:8000, got {got}"),
            )
        };
        let text = api_base.ok_or_else(|| wrong("nothing"))?.trim();
        if text.is_empty() {
            return Err(wrong("an empty string"));
        }
        let text = text.split('#').next().unwrap_or(text);
        let has_scheme = ["http://", "https://"].iter().any(|s| {
            text.len() >= s.len() && text.as_bytes()[..s.len()].eq_ignore_ascii_case(s.as_bytes())
        });
        if !has_scheme {
            return Err(wrong(
                "a string that does not begin with http:// or https://",
            ));
        }
        let uri: Uri = text.parse().map_err(|_| wrong("a string that is no URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong("a URL without a host"));
        };
        if authority.as_str().contains('@') {
            return Err(Error::argument(
                "api_base",
                "api_base: holds a user name or password; give credentials as api_key or extra_headers",
            ));
        }
        let port = authority
            .as_str()
            .rsplit_once("]")
            .map_or(authority.as_str(), |(_, p)| p);
        if authority.host().is_empty() || (port.contains(':') && authority.port_u16().is_none()) {
            return Err(wrong("a URL with a bad host or port"));
        }
        Ok(Parts {
            origin: [&scheme.to_ascii_lowercase(), "://", authority.as_str()].concat(),
            path: uri.path().to_owned(),
            query: uri.query().map(|q| ["?", q].concat()).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_no_model() {
        for name in ["triton/.", "triton/.."] {
            let error = model_name(name).unwrap_err();
            assert_eq!(error.param(), Some("model"));
        }
        assert_eq!(model_name("triton/...").unwrap(), "...");
    }

    fn route(base: &str) -> Result<Route> {
        Route::new(Some(base), "llm", &TritonOptions::default())
    }

    fn text_url(base: &str, decoupled: Option<bool>) -> String {
        route(base)
            .unwrap()
            .call(Want::Text, decoupled, false)
            .unwrap()
            .url
    }

    fn vectors_url(base: &str) -> String {
        route(base)
            .unwrap()
            .call(Want::Vectors, None, false)
            .unwrap()
            .url
    }

    #[test]
    fn a_server_and_its_model() {
        for base in [
            "http://h:8000",
            "http://h:8000/",
            "http://h:8000/v2",
            "http://h:8000/v2/",
            "http://h:8000/v2/models",
            "HTTP://h:8000",
        ] {
            assert_eq!(
                text_url(base, None),
                "http://h:8000/v2/models/llm/generate",
                "{base}"
            );
            assert_eq!(
                vectors_url(base),
                "http://h:8000/v2/models/llm/infer",
                "{base}"
            );
        }
        assert_eq!(
            text_url("https://h/a/b", None),
            "https://h/a/b/v2/models/llm/generate"
        );
        assert_eq!(
            text_url("http://[::1]:8000", None),
            "http://[::1]:8000/v2/models/llm/generate"
        );
    }

    #[test]
    fn the_metadata_decides_where_the_url_does_not() {
        assert_eq!(
            text_url("http://h", Some(true)),
            "http://h/v2/models/llm/generate_stream"
        );
        assert_eq!(
            text_url("http://h", Some(false)),
            "http://h/v2/models/llm/infer"
        );
        assert_eq!(
            text_url("http://h/v2/models/m", Some(false)),
            "http://h/v2/models/m/infer"
        );
    }

    #[test]
    fn a_url_that_names_generate_is_called_as_it_stands() {
        let url = |base: &str, stream| {
            let target = route(base).unwrap().call(Want::Text, Some(true), stream);
            let target = target.unwrap();
            assert_eq!(target.stream, stream);
            target.url
        };
        let base = "http://h/v2/models/m/generate";
        assert_eq!(url(base, false), base);
        assert_eq!(url(base, true), "http://h/v2/models/m/generate_stream");
        assert_eq!(
            url("http://h/x/generate?a=b", true),
            "http://h/x/generate_stream?a=b"
        );
    }

    #[test]
    fn a_decoupled_model_is_never_asked_through_infer() {
        assert_eq!(
            text_url("http://h/v2/models/m/infer", Some(true)),
            "http://h/v2/models/m/generate_stream"
        );
        assert_eq!(
            text_url("http://h/v2/models/m/infer", None),
            "http://h/v2/models/m/infer"
        );
    }

    #[test]
    fn endpoints_slashes_queries_versions_and_case() {
        assert_eq!(
            text_url("http://h/v2/models/m/generate/", None),
            "http://h/v2/models/m/generate"
        );
        assert_eq!(
            text_url("http://h/v2/models/m/generate_stream", None),
            "http://h/v2/models/m/generate"
        );
        assert_eq!(
            text_url("http://h/v2/models/m/GENERATE", None),
            "http://h/v2/models/m/generate"
        );
        assert_eq!(
            text_url("http://h/v2/models/m/generate?a=1", None),
            "http://h/v2/models/m/generate?a=1"
        );
        assert_eq!(
            text_url("http://h/p/v2/models/m/versions/3/generate", None),
            "http://h/p/v2/models/m/versions/3/generate"
        );
        assert_eq!(
            text_url("http://h/triton/generate", None),
            "http://h/triton/generate"
        );
        assert_eq!(
            vectors_url("http://h/triton/embeddings"),
            "http://h/triton/embeddings"
        );
        let known = route("http://h/v2/models/m/embeddings").unwrap();
        let url = |decoupled| known.call(Want::Vectors, decoupled, false).unwrap().url;
        assert_eq!(url(None), "http://h/v2/models/m/embeddings");
        assert_eq!(url(Some(false)), "http://h/v2/models/m/infer");
        assert_eq!(
            vectors_url("http://h/v2/models/m/generate"),
            "http://h/v2/models/m/infer"
        );
    }

    #[test]
    fn lookups_go_beside_the_endpoint() {
        let r = route("http://h/p/v2/models/m/versions/3/generate?t=1").unwrap();
        assert_eq!(
            r.metadata_url().unwrap(),
            "http://h/p/v2/models/m/versions/3?t=1"
        );
        assert_eq!(
            r.config_url().unwrap(),
            "http://h/p/v2/models/m/versions/3/config?t=1"
        );
        assert_eq!(
            r.server_url("/v2/health/ready").unwrap(),
            "http://h/p/v2/health/ready?t=1"
        );
        assert_eq!(
            route("http://h/triton/generate").unwrap().metadata_url(),
            None
        );
    }

    #[test]
    fn a_models_own_places() {
        let r = route("http://h/p/v2/models/a%20b/versions/3/generate?t=1").unwrap();
        assert_eq!(r.model_segment(), Some("a%20b"));
        assert_eq!(r.model_root().unwrap(), "http://h/p/v2/models/a%20b");
        assert_eq!(
            r.below_model("/stats").unwrap(),
            "http://h/p/v2/models/a%20b/versions/3/stats?t=1"
        );
        assert_eq!(
            r.infer_url().unwrap(),
            "http://h/p/v2/models/a%20b/versions/3/infer?t=1"
        );
        let opaque = route("http://h/x/infer").unwrap();
        assert_eq!(opaque.infer_url().unwrap(), "http://h/x/infer");
        assert!(opaque.below_model("/stats").is_err() && opaque.model_root().is_none());
        assert!(route("http://h/x/generate").unwrap().infer_url().is_err());
    }

    #[test]
    fn triton_options_override() {
        let triton = TritonOptions {
            version: Some("2".into()),
            endpoint: Some(EndpointKind::Infer),
            ..Default::default()
        };
        let r = Route::new(Some("http://h"), "a b/c", &triton).unwrap();
        assert_eq!(
            r.call(Want::Text, None, false).unwrap().url,
            "http://h/v2/models/a%20b%2Fc/versions/2/infer"
        );
    }

    #[test]
    fn what_cannot_be_used_names_api_base() {
        for bad in [
            "",
            "  ",
            "h:8000",
            "ftp://h",
            "http://",
            "http:///x",
            "http://h:99999",
            "http://u:p@h",
            "http://h/v2/models/m/stats",
            "http://h/v2/health/ready",
            "http://h h",
        ] {
            let e = route(bad).unwrap_err();
            assert_eq!(e.param(), Some("api_base"), "{bad:?}: {e}");
            assert!(!e.message().contains("u:p"));
        }
        assert!(Route::new(None, "m", &TritonOptions::default()).is_err());
        assert!(
            route("http://h/x/embeddings")
                .unwrap()
                .call(Want::Text, None, false)
                .is_err()
        );
        assert!(
            route("http://h/x/generate")
                .unwrap()
                .call(Want::Vectors, None, false)
                .is_err()
        );
    }

    #[test]
    fn names() {
        assert_eq!(
            model_name("triton/meta-llama/Llama-3"),
            Ok("meta-llama/Llama-3")
        );
        for bad in ["triton/", "llama", "openai/gpt"] {
            assert_eq!(model_name(bad).unwrap_err().param(), Some("model"));
        }
    }
}

//! Files that options name: read once, and again when they have changed. And what is made of URLs.

use super::recent::Recent;
use crate::config::{EndpointKind, TritonOptions};
use crate::error::{Error, Result};
use crate::limits;
use crate::plan::resources::Resources;
use crate::template::{Named, Template, family, named};
use crate::tokenizer::Tokenizer;
use crate::triton::endpoint::Route;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The files of one client.
#[derive(Debug, Default)]
pub struct Files {
    templates: Shelf<Template>,
    tokenizers: Shelf<Tokenizer>,
    routes: Recent<Place, Arc<Route>>,
}

/// What a route is made of.
struct Place {
    api_base: String,
    model: String,
    endpoint: Option<EndpointKind>,
    version: Option<String>,
}

impl Resources for Files {
    fn route(
        &self,
        api_base: Option<&str>,
        model: &str,
        triton: &TritonOptions,
    ) -> Result<Arc<Route>> {
        let url = api_base.unwrap_or_default();
        let is_it = |place: &Place| {
            place.api_base == url
                && place.model == model
                && place.endpoint == triton.endpoint
                && place.version == triton.version
        };
        self.routes.get([url, model], is_it, || {
            let place = Place {
                api_base: url.to_owned(),
                model: model.to_owned(),
                endpoint: triton.endpoint,
                version: triton.version.clone(),
            };
            Ok((place, Arc::new(Route::new(api_base, model, triton)?)))
        })
    }

    fn template(&self, chat_template: &str, model: &str) -> Result<Arc<Template>> {
        let missing = || {
            let families: Vec<&str> = family::names().collect();
            wrong(
                "chat_template",
                format!(
                    "expected a built-in template's name, \"auto\", a Jinja source, or the path of a chat_template.jinja, a tokenizer_config.json or a folder with one of them; built in are {}; got a string that is none of these",
                    families.join(", ")
                ),
            )
        };
        match named(chat_template, model)? {
            Named::Family(name) => {
                let make = || Template::family(name).ok_or_else(missing);
                self.templates.take(name, &[], make)
            }
            Named::Source(source) => {
                let make = || Template::compile(source);
                self.templates.take(source, &[], make)
            }
            Named::Path(path) => {
                let files = template_files(Path::new(path));
                let make = || read_template(&files)?.ok_or_else(missing);
                self.templates.take(path, &files, make)
            }
        }
    }

    fn tokenizer(&self, path: &str) -> Result<Arc<Tokenizer>> {
        const NAME: &str = "tokenizer.json";
        let file = match Path::new(path) {
            folder if folder.is_dir() => folder.join(NAME),
            file => file.to_owned(),
        };
        let make = || {
            let bytes = read("tokenizer", &file, limits::TOKENIZER_BYTES)?.ok_or_else(|| {
                wrong("tokenizer", format!("expected the path of a {NAME}, or of a folder that has one: nothing is there"))
            })?;
            Tokenizer::from_json(&bytes)
        };
        self.tokenizers
            .take(path, std::slice::from_ref(&file), make)
    }
}

/// What was read under a name.
#[derive(Debug)]
struct Shelf<T>(Mutex<HashMap<String, Kept<T>>>);

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf(Mutex::default())
    }
}

#[derive(Debug)]
struct Kept<T> {
    value: Arc<T>,
    /// How the files were that it came from.
    stamps: Vec<Stamp>,
}

/// What shows that a file has changed; `None`: there is no file.
type Stamp = Option<(Option<SystemTime>, u64)>;

impl<T> Shelf<T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept under a name, if its files are as they were; else it is made.
    ///
    /// Two threads that read a file at once are no harm; one that waits for another's reading may have less time.
    fn take(
        &self,
        name: &str,
        files: &[PathBuf],
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        let stamps: Vec<Stamp> = files.iter().map(|file| stamp(file)).collect();
        if let Some(kept) = self.lock().get(name).filter(|kept| kept.stamps == stamps) {
            return Ok(kept.value.clone());
        }
        let value = Arc::new(make()?);
        let mut all = self.lock();
        if all.len() >= limits::FILES {
            all.clear();
        }
        let kept = Kept {
            value: value.clone(),
            stamps,
        };
        all.insert(name.to_owned(), kept);
        Ok(value)
    }
}

fn stamp(file: &Path) -> Stamp {
    let found = fs::metadata(file).ok()?;
    Some((found.modified().ok(), found.len()))
}

fn wrong(option: &str, why: String) -> Error {
    Error::argument(option, format!("{option}: {why}"))
}

/// The template itself, and the file with its special tokens: of a model's folder, or beside the file that is named.
fn template_files(path: &Path) -> [PathBuf; 2] {
    const TEMPLATE: &str = "chat_template.jinja";
    const CONFIG: &str = "tokenizer_config.json";
    if path.is_dir() {
        return [path.join(TEMPLATE), path.join(CONFIG)];
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    match path.extension().is_some_and(|e| e == "json") {
        // Newer models have their template beside the configuration, and not in it.
        true => [folder.join(TEMPLATE), path.to_owned()],
        false => [path.to_owned(), folder.join(CONFIG)],
    }
}

/// `None`: neither file is there.
fn read_template([template, config]: &[PathBuf; 2]) -> Result<Option<Template>> {
    let text = |path: &Path| match read("chat_template", path, limits::TOKENIZER_CONFIG_BYTES)? {
        Some(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| {
            let name = path.display();
            wrong("chat_template", format!("{name} is not UTF-8"))
        }),
        None => Ok(None),
    };
    let template = match (text(template)?, text(config)?) {
        (Some(source), Some(config)) => Template::compile_with_tokens(&source, &config),
        (Some(source), None) => Template::compile(&source),
        (None, Some(config)) => Template::from_tokenizer_config(&config),
        (None, None) => return Ok(None),
    };
    template
        .map(Some)
        .map_err(|e| e.with_param("chat_template"))
}

/// All of a file; `None`: there is none.
fn read(option: &str, path: &Path, most: usize) -> Result<Option<Vec<u8>>> {
    let Ok(found) = fs::metadata(path) else {
        return Ok(None);
    };
    // A pipe or a device is waited for as long as its writer likes.
    if !found.is_file() {
        return Err(wrong(
            option,
            "expected a file, got something else".to_owned(),
        ));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes));
    match read {
        Err(e) => Err(wrong(
            option,
            format!("the file cannot be read: {}", e.kind()),
        )),
        Ok(n) if n > most => {
            let message = format!("{option}: the file is longer than the limit of {most} bytes");
            Err(Error::limit(413, message).with_param(option))
        }
        Ok(_) => Ok(Some(bytes)),
    }
}

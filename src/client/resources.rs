//! What calls need from files: chat templates, read once and again when the file has changed.

use super::Client;
use crate::error::{Error, Result};
use crate::limits;
use crate::plan::resources::Resources;
use crate::template::{Named, Template, family, named};
use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    templates: Mutex<HashMap<String, Kept>>,
}

#[derive(Debug)]
struct Kept {
    /// Of the files it came from.
    stamps: Vec<Stamp>,
    template: Arc<Template>,
}

/// What shows that a file has changed.
type Stamp = (PathBuf, Option<(SystemTime, u64)>);

fn stamp(path: PathBuf) -> Stamp {
    let of = fs::metadata(&path).ok().filter(|m| m.is_file());
    let of = of.and_then(|m| Some((m.modified().ok()?, m.len())));
    (path, of)
}

impl Resources for Client {
    fn template(&self, chat_template: &str, model: &str) -> Result<Arc<Template>> {
        let named = named(chat_template, model)?;
        let (key, stamps) = match named {
            Named::Family(name) => (name, Vec::new()),
            Named::Source(source) => (source, Vec::new()),
            Named::Path(path) => (path, files(Path::new(path)).map(stamp).into()),
        };
        let lock = || {
            let templates = self.shelf.templates.lock();
            templates.unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(kept) = lock().get(key).filter(|kept| kept.stamps == stamps) {
            return Ok(kept.template.clone());
        }
        let template = match named {
            Named::Family(name) => Template::family(name).ok_or_else(|| missing(name))?,
            Named::Source(source) => Template::compile(source)?,
            Named::Path(path) => read(path)?,
        };
        let template = Arc::new(template);
        let mut templates = lock();
        if templates.len() >= limits::TEMPLATES {
            templates.clear();
        }
        let kept = Kept {
            stamps,
            template: template.clone(),
        };
        templates.insert(key.to_owned(), kept);
        Ok(template)
    }
}

/// The template itself, and the file with its special tokens, where there are such: of a model's folder, or beside the file that is named.
fn files(path: &Path) -> [PathBuf; 2] {
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

fn missing(path: &str) -> Error {
    Error::argument(
        "chat_template",
        format!(
            "chat_template: no built-in template, no file and no model's folder with chat_template.jinja or tokenizer_config.json is called \"{path}\"; built in are {}",
            family::names().collect::<Vec<_>>().join(", ")
        ),
    )
}

fn read(path: &str) -> Result<Template> {
    let [template, config] = files(Path::new(path)).map(|path| text(&path));
    let template = match (template?, config?) {
        (Some(source), Some(config)) => Template::compile_with_tokens(&source, &config),
        (Some(source), None) => Template::compile(&source),
        (None, Some(config)) => Template::from_tokenizer_config(&config),
        (None, None) => return Err(missing(path)),
    };
    template.map_err(|e| {
        let message = format!("chat_template: {path}: {}", e.message());
        e.with_message(message).with_param("chat_template")
    })
}

/// A file's text; `None`: there is no such file.
fn text(path: &Path) -> Result<Option<String>> {
    let wrong = |why: String| {
        let message = format!("chat_template: {}: {why}", path.display());
        Error::argument("chat_template", message)
    };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(e) => return Err(wrong(format!("cannot be read: {e}"))),
    };
    let most = limits::TOKENIZER_CONFIG_BYTES as u64;
    let mut text = String::new();
    // One that is not a file, such as a device, ends at the limit too.
    match file.take(most + 1).read_to_string(&mut text) {
        Ok(_) if text.len() as u64 > most => Err(wrong(format!("longer than {most} bytes"))),
        Ok(_) => Ok(Some(text)),
        Err(e) => Err(wrong(format!("cannot be read: {e}"))),
    }
}

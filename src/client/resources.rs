//! Files that options name: read once, and again when they have changed.

use crate::error::{Error, Result};
use crate::limits;
use crate::plan::resources::Resources;
use crate::tokenizer::Tokenizer;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// The files of one client.
#[derive(Debug, Default)]
pub struct Files {
    tokenizers: Mutex<HashMap<PathBuf, Kept<Tokenizer>>>,
}

/// What a file was read as, and how the file was then.
#[derive(Debug)]
struct Kept<T> {
    value: Arc<T>,
    stamp: (Option<SystemTime>, u64),
}

/// Files that are kept; a program that has more of them reads some again.
const MOST: usize = 64;

impl Resources for Files {
    fn tokenizer(&self, path: &str) -> Result<Arc<Tokenizer>> {
        let (path, stamp) = find("tokenizer", path, "tokenizer.json")?;
        // Two threads that read a file at once are no harm; one that waits for another's reading may have less time.
        {
            let kept = self
                .tokenizers
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(kept) = kept.get(&path).filter(|kept| kept.stamp == stamp) {
                return Ok(kept.value.clone());
            }
        }
        let bytes = read("tokenizer", &path, limits::TOKENIZER_BYTES)?;
        let value = Arc::new(Tokenizer::from_json(&bytes)?);
        let mut kept = self
            .tokenizers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.clear();
        }
        let file = Kept {
            value: value.clone(),
            stamp,
        };
        kept.insert(path, file);
        Ok(value)
    }
}

/// The file at a path, or of that name in the folder there, and when it was last changed.
fn find(option: &str, path: &str, name: &str) -> Result<(PathBuf, (Option<SystemTime>, u64))> {
    let mut path = Path::new(path).to_owned();
    let look = |path: &Path| {
        fs::metadata(path).map_err(|e| {
            Error::argument(
                option,
                format!(
                    "{option}: expected the path of a {name}, or of a folder that has one: {}",
                    e.kind()
                ),
            )
        })
    };
    let mut found = look(&path)?;
    if found.is_dir() {
        path.push(name);
        found = look(&path)?;
    }
    // A pipe or a device is waited for as long as its writer likes.
    if !found.is_file() {
        return Err(Error::argument(
            option,
            format!("{option}: expected a file, got something else"),
        ));
    }
    Ok((path, (found.modified().ok(), found.len())))
}

fn read(option: &str, path: &Path, most: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes));
    match read {
        Err(e) => Err(Error::argument(
            option,
            format!("{option}: the file cannot be read: {}", e.kind()),
        )),
        Ok(n) if n > most => Err(Error::limit(
            413,
            format!("{option}: the file is longer than the limit of {most} bytes"),
        )
        .with_param(option)),
        Ok(_) => Ok(bytes),
    }
}

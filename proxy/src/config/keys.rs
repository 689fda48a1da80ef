//! What `general_settings` says of virtual keys: their database, and what is kept of what was spent.

use super::environment::Lookup;
use super::place::Places;
use super::sections::read;
use super::yaml::under;
use super::{Problem, Problems};
use crate::keys::{Every, duration};
use crate::store::{self, Address};
use mishikallm::config::Secret;
use mishikallm::json::Fields;
use std::path::PathBuf;

/// Where the database may stand beside the file, as the reference has it.
pub const DATABASE_VARIABLE: &str = "DATABASE_URL";

/// The database of keys, and what is kept in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySettings {
    /// It has a password, maybe. `None`: a file of SQLite at the usual place.
    pub database_url: Option<Secret>,
    /// No line for each request is kept, only sums.
    pub disable_spend_logs: bool,
    /// How long such lines are kept; `None`: for ever.
    pub spend_logs_kept: Option<Every>,
    /// A folder for what was spent and is not in the database yet; `None`: the usual one.
    pub journal_folder: Option<PathBuf>,
}

impl KeySettings {
    /// Reads its keys out of the section. Without a master key the variable may be another program's, and anything.
    pub(super) fn take(
        places: &Places<'_>,
        fields: &mut Fields,
        lookup: Lookup<'_>,
        has_master: bool,
        problems: &mut Problems,
    ) -> KeySettings {
        let path = |key: &str| under("general_settings", key);
        let mut url = read(places, problems, fields.string("database_url"));
        let mut place = Some("database_url");
        if url.is_none() {
            place = None;
            url = match lookup(DATABASE_VARIABLE) {
                Ok(url) => url.filter(|url| !url.is_empty()),
                Err(()) => {
                    let text = format!(
                        "the environment variable {DATABASE_VARIABLE} holds bytes that are no UTF-8"
                    );
                    problems.errors.push(Problem::plain(text));
                    None
                }
            };
        }
        if place.is_none() && !has_master {
            url = url.filter(|url| Address::parse(url).is_some());
        }
        // The URL has a password: what is wrong with it is told without it.
        if url
            .as_ref()
            .is_some_and(|url| Address::parse(url).is_none())
        {
            let text = format!("expected {}, got another URL", store::EXPECTED);
            problems.errors.push(match place {
                Some(key) => places.problem(&path(key), &text),
                None => Problem::plain(format!("{DATABASE_VARIABLE}: {text}")),
            });
        }
        let kept = read(
            places,
            problems,
            fields.string("maximum_spend_logs_retention_period"),
        );
        let spend_logs_kept = kept.and_then(|text| {
            let every = Every::parse(&text);
            if every.is_none() {
                let text = format!("expected {}, got \"{text}\"", duration::EXPECTED);
                let path = path("maximum_spend_logs_retention_period");
                problems.errors.push(places.problem(&path, &text));
            }
            every
        });
        KeySettings {
            database_url: url.map(Secret::new),
            disable_spend_logs: read(places, problems, fields.boolean("disable_spend_logs"))
                .unwrap_or(false),
            spend_logs_kept,
            journal_folder: read(places, problems, fields.string("spend_journal_dir"))
                .map(PathBuf::from),
        }
    }
}

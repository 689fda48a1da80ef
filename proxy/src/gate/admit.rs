//! A request to a model: whether its key may make it, and what is reserved for it.

use super::charge::{self, Charge};
use super::pass::Pass;
use super::{Caller, Open};
use crate::app::App;
use crate::quota::{self, Kind, Refusal, Standing};
use mishikallm::json::Fields;
use mishikallm::plan::call::Call;
use mishikallm::plan::fleet::Group;
use mishikallm::{Error, Result};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How long a request waits for others of its key to end, where what is left of a limit is reserved for them.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which models a request is about.
#[derive(Debug, Default)]
pub struct Asked {
    /// As it names the model.
    pub model: String,
    /// Its own field `user`.
    pub end_user: Option<String>,
    /// What the configuration has of these: the model, and the request's own fallbacks.
    groups: Vec<Group>,
}

impl Asked {
    /// Puts the key's own names for models in their places, and sees that it may ask them all.
    ///
    /// Errors: HTTP 403.
    pub fn read(app: &App, caller: &Caller, fields: &mut Fields) -> Result<Asked> {
        let pass = caller.pass().map(Arc::as_ref);
        let mut asked = Asked::default();
        if let Some(Value::String(user)) = fields.get("user") {
            asked.end_user = Some(user.clone());
        }
        if let Some(Value::String(model)) = fields.get("model") {
            asked.model.clone_from(model);
            let meant = pass
                .map_or(model.as_str(), |pass| pass.meant(model))
                .to_owned();
            asked.add(app, pass, "model", &meant)?;
            if meant != asked.model {
                fields.set("model", Value::String(meant));
            }
        }
        if let Some(Value::Array(fallbacks)) = fields.get("fallbacks") {
            let mut fallbacks = fallbacks.clone();
            for (i, fallback) in fallbacks.iter_mut().enumerate() {
                let name = match fallback {
                    Value::String(name) => name,
                    Value::Object(fields) => match fields.get_mut("model") {
                        Some(Value::String(name)) => name,
                        _ => continue,
                    },
                    _ => continue,
                };
                let meant = pass
                    .map_or(name.as_str(), |pass| pass.meant(name))
                    .to_owned();
                asked.add(app, pass, &format!("fallbacks[{i}]"), &meant)?;
                *name = meant;
            }
            fields.set("fallbacks", Value::Array(fallbacks));
        }
        Ok(asked)
    }

    fn add(&mut self, app: &App, pass: Option<&Pass>, field: &str, model: &str) -> Result<()> {
        let group = app.fleet.group(model);
        let entry = group.as_ref().map(|group| &**group.entry());
        if let Some(pass) = pass.filter(|pass| !pass.may_ask(model, entry)) {
            return Err(pass.no_model(field, model));
        }
        self.groups.extend(group);
        Ok(())
    }
}

/// Reserves what a call may take. `None`: nobody counts it.
///
/// Errors: HTTP 429, and what is left of the limit.
pub async fn admit(
    app: &App,
    caller: &Caller,
    call: &Call,
    asked: Asked,
) -> std::result::Result<Option<Charge>, (Error, Standing)> {
    let pass = match caller {
        Caller::Anyone => return Ok(None),
        Caller::Master => None,
        Caller::Key(pass) => Some(pass.clone()),
    };
    let Some(open) = app.keyring.get() else {
        return Ok(None);
    };
    let reservation = match &pass {
        Some(pass) => {
            let need = charge::need(call, &app.prices, &asked.groups);
            Some(reserve(open, pass, need).await?)
        }
        None => None,
    };
    let of = (open.clone(), app.prices.clone());
    let named = (asked.model, asked.end_user);
    Ok(Some(Charge::new(of, pass, reservation, named)))
}

async fn reserve(
    open: &Open,
    pass: &Pass,
    need: quota::Need,
) -> std::result::Result<quota::Reservation, (Error, Standing)> {
    let reserved = quota::reserve(&open.lenders, &pass.accounts, need, PATIENCE).await;
    reserved.map_err(|refusal| (refused(&refusal), refusal.standing()))
}

fn refused(refusal: &Refusal) -> Error {
    let code = match refusal.kind {
        Kind::Budget => "budget_exceeded",
        Kind::Rpm | Kind::Tpm | Kind::Parallel => "rate_limit_exceeded",
    };
    Error::server(429, refusal.to_string())
        .with_code(code)
        .with_retry_after(refusal.retry_after)
}

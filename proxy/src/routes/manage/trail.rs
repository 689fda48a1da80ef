//! What the audit is to be told of one call: once, whatever became of it.

use super::desk::Caller;
use super::table::Route;
use crate::keys::Token;
use crate::seen::{Deed, audit};
use http::Method;
use std::fmt::Write;

/// A client that hung up, as the log counts it.
const HUNG_UP: u16 = 499;

/// Objects of one call that are told by name.
const MOST: usize = 20;

/// One call. It is told when it is dropped, also when its client hung up: it may be done all the same.
#[derive(Debug)]
pub struct Trail<'a> {
    call: &'a str,
    by: String,
    action: &'static str,
    changes: bool,
    object: String,
    objects: usize,
    fields: Vec<&'static str>,
    status: u16,
}

impl<'a> Trail<'a> {
    /// A call that begins now. `call`: of `x-mishikallm-call-id`; `by`: who makes it.
    pub fn new(call: &'a str, by: String, route: &Route) -> Trail<'a> {
        Trail {
            call,
            by,
            action: route.name(),
            changes: *route.method != Method::GET,
            object: String::new(),
            objects: 0,
            fields: Vec::new(),
            status: HUNG_UP,
        }
    }

    /// It is about this key.
    pub fn key(&mut self, token: Token) {
        self.add(&token.to_string());
    }

    /// It is about this team or user.
    pub fn id(&mut self, id: &str) {
        self.add(id);
    }

    fn add(&mut self, object: &str) {
        self.objects += 1;
        if self.objects <= MOST {
            let comma = if self.object.is_empty() { "" } else { "," };
            let _ = write!(self.object, "{comma}{object}");
        } else if self.objects == MOST + 1 {
            self.object.push_str(",…");
        }
    }

    /// It says something of these fields.
    pub fn fields(&mut self, names: Vec<&'static str>) {
        self.fields = names;
    }

    /// How it ended.
    pub fn end(&mut self, status: u16) {
        self.status = status;
    }
}

impl Drop for Trail<'_> {
    fn drop(&mut self) {
        audit(&Deed {
            call: self.call,
            by: &self.by,
            action: self.action,
            changes: self.changes,
            object: &self.object,
            fields: &self.fields.join(","),
            status: self.status,
        });
    }
}

/// Who calls, without a key: the beginning of its hash, and the owner's name for it.
pub fn by(caller: Caller<'_>) -> String {
    let key = match caller {
        Caller::Master => return "the master key".to_owned(),
        Caller::Manager(key) | Caller::Own(key) => key,
    };
    let token = key.token.to_string();
    match &key.key_alias {
        Some(alias) => format!("key {} \"{alias}\"", &token[..12]),
        None => format!("key {}", &token[..12]),
    }
}

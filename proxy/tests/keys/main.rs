//! Virtual keys, beside a proxy with a database of its own.

mod commands;

use running::Proxy;
use running::client::{Connection, ask, request};
use running::settings::entry;
use running::upstream::Upstream;
use serde_json::json;

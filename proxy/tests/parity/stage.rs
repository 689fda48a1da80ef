//! A vector of `proxy.json` with what it needs: an upstream, and the command in front of it.

// The tests `parity` and `sdk` each use a part of it.
#![allow(dead_code)]

use serde_json::Value;

use crate::vector::{MASTER_KEY, PROXY, Vector};
use crate::yaml;
use running::Proxy;
use running::common::placeholders::{CLOSED_PORT, UPSTREAM, fill};
use running::common::server::{Bound, ClosedPort, Server};

/// Any key; this one is unlike any other text.
pub const KEY: &str = "sk-parity-4f1c9a";
/// All vectors of the file. Panics when one is not understood, whether or not it runs.
pub fn load() -> Vec<Value> {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("proxy.json")).expect("proxy.json is a list");
    let unread: Vec<String> = vectors
        .iter()
        .filter_map(|raw| {
            let why = Vector::read(raw).err()?;
            Some(format!("{}: {why}", raw["id"]))
        })
        .collect();
    assert!(
        unread.is_empty(),
        "vectors that are not understood:\n{}",
        unread.join("\n")
    );
    vectors
}

/// A vector with the upstream that it needs and the proxy in front of it.
pub struct Stage {
    pub vector: Vector,
    pub server: Server,
    pub closed: ClosedPort,
    pub proxy: Proxy,
}

impl Stage {
    pub fn new(raw: &Value) -> Result<Stage, String> {
        let (bound, closed) = (Bound::new(), ClosedPort::new());
        let filled = |proxy: &str| {
            let names = [
                (UPSTREAM, bound.host()),
                (CLOSED_PORT, closed.host.clone()),
                (MASTER_KEY, KEY.to_string()),
                (PROXY, proxy.to_string()),
            ];
            let names = names.each_ref().map(|(name, with)| (*name, with.as_str()));
            Vector::read(&fill(raw, &names))
        };
        let before = filled(PROXY)?;
        let yaml = before.config.as_ref().map(yaml::write);
        let proxy = Proxy::start(yaml.as_deref(), &before.command, &before.env)?;
        let vector = filled(&proxy.host)?;
        let server = bound.serve(before.script, before.lookups);
        Ok(Stage {
            vector,
            server,
            closed,
            proxy,
        })
    }
}

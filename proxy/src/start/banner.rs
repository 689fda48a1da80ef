//! What is told at the start: where the proxy listens, what it serves, and who may call.

use crate::app::App;
use std::io::Write;
use std::net::SocketAddr;

/// Tells it.
pub(super) fn tell(app: &App, address: SocketAddr, tls: bool, is_open: bool, has_host: bool) {
    say(&text(app, address, tls, is_open, has_host));
}

/// Says something to whoever reads the standard output; that nobody does any more is no reason to end.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn text(app: &App, address: SocketAddr, tls: bool, is_open: bool, has_host: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    let mut lines = vec![format!(
        "mishikallm {} listens at {scheme}://{address}",
        mishikallm::VERSION
    )];
    let mut names: Vec<(&str, usize)> = Vec::new();
    for deployment in app.fleet.deployments() {
        let name = deployment.model_name.as_str();
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, n)) => *n += 1,
            None => names.push((name, 1)),
        }
    }
    for (name, n) in names {
        let deployments = match n {
            1 => "1 deployment".to_owned(),
            n => format!("{n} deployments"),
        };
        lines.push(format!("  {name}: {deployments}"));
    }
    lines.push(match (is_open, has_host) {
        (false, _) => "  calls need a key".to_owned(),
        (true, false) => {
            "  there is no master key: anyone on this machine may call; --host lets others in"
                .to_owned()
        }
        (true, true) => {
            "  there is no master key: anyone who reaches this address may call".to_owned()
        }
    });
    lines.join("\n")
}

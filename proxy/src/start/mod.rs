//! From a configuration to a server, and to its end.

mod banner;
mod linger;
mod serve;
mod tls;

use crate::app::App;
use crate::ask::Known;
use crate::cli::Cli;
use crate::config::{self, OneModel, Overrides, Settings};
use crate::gate::Keyring;
use crate::seen::{self, metrics};
use serve::{Message, Shared};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tracing::{error, info, warn};

/// Connections that may wait to be taken.
const BACKLOG: i32 = 4096;

/// Runs the command.
pub fn run(cli: &Cli) -> ExitCode {
    match try_run(cli) {
        Ok(code) => code,
        // Of one who asks, and reads it himself.
        Err(why) if cli.asks() => {
            eprintln!("mishikallm: {why}");
            ExitCode::FAILURE
        }
        Err(why) => {
            error!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn try_run(cli: &Cli) -> Result<ExitCode, String> {
    seen::start();
    if cli.asks() {
        return ask(cli);
    }
    let read = read(cli)?;
    if let Some(settings) = &read.settings {
        seen::Log::of(cli, settings).apply();
    }
    let Some(settings) = tell(read) else {
        return Ok(ExitCode::FAILURE);
    };
    if cli.validate_config {
        banner::say("the configuration is in order");
        return Ok(ExitCode::SUCCESS);
    }
    let drain = settings.general.drain;
    let is_open = settings.general.master_key.is_none();
    let keyring = Arc::new(Keyring::new(&settings.general.keys));
    let app = App::new(settings, keyring.clone()).map_err(|e| e.message().to_owned())?;
    let tls = tls::acceptor(cli)?;
    metrics::start().map_err(|e| format!("no metrics: {e}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))?;
    // Before anybody sees that it listens, and may send one.
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new()?
    };
    let (listener, address) = listen(cli, is_open)?;
    match is_open {
        true => keyring.say_unused(),
        false => keyring.start().map_err(|e| e.message().to_owned())?,
    }
    banner::tell(&app, address, tls.is_some(), is_open, cli.host.is_some());
    warn_of_proxies(&app);
    let shared = Arc::new(Shared::new(tls));
    let workers = match cli.num_workers {
        Some(n) => usize::from(n),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let app = Arc::new(app);
    let (done, mut all_done) = mpsc::channel::<()>(1);
    let threads: Vec<_> = (0..workers)
        .map(|i| serve::thread(i, app.clone(), shared.clone(), done.clone()))
        .collect::<Result<_, _>>()?;
    drop((app, done));
    runtime.block_on(async {
        tokio::spawn(upkeep());
        keyring.come().await;
        let place = Place {
            cli,
            address,
            keyring: &keyring,
        };
        let drain = accept(&place, listener, &threads, &shared, &mut signals, drain).await?;
        drop(threads);
        tokio::select! {
            _ = all_done.recv() => {}
            () = signals.end() => {}
            () = tokio::time::sleep(drain) => {
                let seconds = drain.as_secs_f64();
                warn!("requests under way were given up after {seconds} s");
            }
        }
        keyring.finish().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Asks a proxy that runs. Its configuration has the key, where it is named.
fn ask(cli: &Cli) -> Result<ExitCode, String> {
    let known = match cli.config.is_some() || cli.model.is_some() {
        true => match tell(read(cli)?) {
            Some(settings) => Known::of(&settings.general),
            None => return Ok(ExitCode::FAILURE),
        },
        false => Known {
            key: config::of_process(config::MASTER_KEY_VARIABLE).map_err(|()| {
                let name = config::MASTER_KEY_VARIABLE;
                format!("the environment variable {name} holds bytes that are no UTF-8")
            })?,
            model: None,
        },
    };
    crate::ask::run(cli, &known)
}

/// Reads the configuration.
fn read(cli: &Cli) -> Result<config::Read, String> {
    let overrides = Overrides {
        drop_params: cli.drop_params,
        request_timeout: cli.request_timeout,
    };
    match (&cli.config, &cli.model, &cli.api_base) {
        (Some(path), _, _) => Ok(config::read_file(path, &overrides, &config::of_process)),
        (None, Some(model), Some(api_base)) => {
            let one = OneModel {
                model: model.clone(),
                api_base: api_base.clone(),
                alias: cli.alias.clone(),
            };
            Ok(config::of_command(&one, &overrides, &config::of_process))
        }
        _ => Err("expected --config FILE, or --model triton/NAME and --api_base URL".to_owned()),
    }
}

/// Tells what is wrong with a configuration.
fn tell(read: config::Read) -> Option<Settings> {
    for problem in &read.problems.warnings {
        warn!("{problem}");
    }
    for problem in &read.problems.errors {
        error!("{problem}");
    }
    read.settings
}

/// The library's client would go by the environment's proxy, and this program does not.
fn warn_of_proxies(app: &App) {
    let config = app.fleet.config();
    let default = config.defaults.api_base.as_ref();
    let own = |d: &'_ mishikallm::config::Deployment| d.options.api_base.clone();
    let mut bases = app
        .fleet
        .deployments()
        .iter()
        .filter_map(|d| own(d).or(default.cloned()));
    if bases.any(|base| mishikallm::client::goes_by_environments_proxy(&base)) {
        warn!(
            "the environment's HTTP_PROXY, HTTPS_PROXY or ALL_PROXY is not used: models' servers are reached directly"
        );
    }
}

/// Without a key the proxy is for its own machine, unless somebody says otherwise.
fn listen(cli: &Cli, is_open: bool) -> Result<(TcpListener, SocketAddr), String> {
    let host = match &cli.host {
        Some(host) => host.as_str(),
        None if is_open => "127.0.0.1",
        None => "0.0.0.0",
    };
    let place = format!("{host}:{}", cli.port);
    let wrong = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("cannot listen at {place}: another program does; --port takes another port")
        }
        kind => format!("cannot listen at {place}: {kind}"),
    };
    let address = (host.trim_matches(['[', ']']), cli.port)
        .to_socket_addrs()
        .map_err(|_| format!("--host: expected an address of this machine, got \"{host}\""))?
        // Where a name has addresses of both kinds, clients of either try this one.
        .min_by_key(SocketAddr::is_ipv6)
        .ok_or_else(|| format!("--host: \"{host}\" has no address"))?;
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).map_err(&wrong)?;
    socket.set_reuse_address(true).map_err(&wrong)?;
    socket.bind(&address.into()).map_err(&wrong)?;
    socket.listen(BACKLOG).map_err(&wrong)?;
    socket.set_nonblocking(true).map_err(&wrong)?;
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().map_err(&wrong)?;
    Ok((listener, address))
}

/// Of the metrics, as long as the proxy runs.
async fn upkeep() {
    loop {
        tokio::time::sleep(metrics::UPKEEP).await;
        metrics::upkeep();
    }
}

struct Signals {
    term: tokio::signal::unix::Signal,
    int: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Signals, String> {
        let listen = |kind| signal(kind).map_err(|e| format!("no signals: {e}"));
        Ok(Signals {
            term: listen(SignalKind::terminate())?,
            int: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Somebody wants the end.
    async fn end(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }

    /// The same, or somebody wants the configuration read again.
    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.term.recv() => Wish::End,
            _ = self.int.recv() => Wish::End,
            _ = self.hangup.recv() => Wish::Reload,
        }
    }
}

enum Wish {
    End,
    Reload,
}

/// With what it was started, and where it listens.
struct Place<'a> {
    cli: &'a Cli,
    address: SocketAddr,
    keyring: &'a Arc<Keyring>,
}

/// Hands connections to the threads in turn, until the end is wanted. Each thread then has as many as the others: where all listened,
/// one that happens to be quick would take most of them, and keep them. Gives how long requests under way may take; at first it is
/// `drain`.
async fn accept(
    place: &Place<'_>,
    listener: TcpListener,
    threads: &[mpsc::UnboundedSender<Message>],
    shared: &Shared,
    signals: &mut Signals,
    mut drain: Duration,
) -> Result<Duration, String> {
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|e| e.to_string())?;
    let mut turn = 0;
    let mut hand_over = |stream| {
        let _ = threads[turn % threads.len()].send(Message::Connection(stream));
        turn = turn.wrapping_add(1);
    };
    loop {
        tokio::select! {
            wish = signals.next() => match wish {
                Wish::End => break,
                Wish::Reload => drain = reload(place, threads, shared).unwrap_or(drain),
            },
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Ok(stream) = stream.into_std() {
                        hand_over(stream);
                    }
                }
                // Too many open files, mostly: some will be closed in a moment.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
        }
    }
    // Who is connected already would be reset.
    let listener = listener.into_std().map_err(|e| e.to_string())?;
    while let Ok((stream, _)) = listener.accept() {
        if stream.set_nonblocking(true).is_ok() {
            hand_over(stream);
        }
    }
    // Before the port is closed: who sees that it is gets no more answers but last ones.
    shared.drain();
    Ok(drain)
}

/// Reads everything again. What is wrong changes nothing.
fn reload(
    place: &Place<'_>,
    threads: &[mpsc::UnboundedSender<Message>],
    shared: &Shared,
) -> Option<Duration> {
    match read_again(place) {
        Ok((app, tls)) => {
            let drain = app.general.drain;
            shared.set_tls(tls);
            for thread in threads {
                let _ = thread.send(Message::App(app.clone()));
            }
            info!("the configuration was read again, and holds from now on");
            if app.general.master_key.is_none() && !place.address.ip().is_loopback() {
                let address = place.address;
                warn!("there is no master key: anyone who reaches {address} may call");
            }
            Some(drain)
        }
        Err(why) => {
            if let Some(why) = why {
                error!("{why}");
            }
            warn!(
                "the configuration was read again and is not in order: the one before still holds"
            );
            None
        }
    }
}

/// The error is what was not told yet.
fn read_again(place: &Place<'_>) -> Result<(Arc<App>, Option<TlsAcceptor>), Option<String>> {
    let Place {
        cli,
        address,
        keyring,
    } = place;
    let settings = tell(read(cli)?).ok_or(None)?;
    let is_open = settings.general.master_key.is_none();
    if is_open && cli.host.is_none() && !address.ip().is_loopback() {
        let why = format!(
            "general_settings.master_key: expected a key, got none: the proxy listens at {address}, where others reach it, because it \
             was started with one; start it anew without a key, or with --host"
        );
        return Err(Some(why));
    }
    let tls = tls::acceptor(cli)?;
    let log = seen::Log::of(cli, &settings);
    keyring.change(&settings.general.keys);
    let app = App::new(settings, Arc::clone(keyring)).map_err(|e| e.message().to_owned())?;
    if !is_open {
        keyring.start().map_err(|e| e.message().to_owned())?;
    }
    log.apply();
    Ok((Arc::new(app), tls))
}

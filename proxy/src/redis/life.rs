//! Whether Redis is there: a connection that is looked after, and made anew when it is lost.

use super::connect::{Driver, connect};
use super::{Address, Shared, words};
use ::redis::Script;
use ::redis::aio::MultiplexedConnection;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

/// Between tries to reach it: so long after the first, and up to so long after many.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// It is asked after this time whether it is there.
const BEAT: Duration = Duration::from_secs(1);

/// So long it may take to answer that, or to let somebody in.
const ANSWER: Duration = Duration::from_secs(2);

const SILENT: &str = "it does not answer";

/// Written, and by a script, as limits are: one that only reads, or runs none, is of no use.
static PROBE: LazyLock<Script> =
    LazyLock::new(|| Script::new("return redis.call('SET', KEYS[1], '', 'PX', '10000')"));
const PROBED: &str = "mishikallm:alive";

/// For ever.
pub(super) async fn live(shared: Arc<Shared>, address: Address) {
    let mut log = Log::default();
    let mut pause = PAUSE;
    loop {
        let why = match timeout(ANSWER, connect(&address)).await {
            Err(_) => SILENT.to_owned(),
            Ok(Err(why)) => why,
            Ok(Ok((connection, driver))) => {
                let begun = Instant::now();
                let why = serve(&shared, &mut log, connection, driver).await;
                shared.up.send_replace(None);
                // One that goes as soon as it has come is left alone longer.
                if begun.elapsed() > LONGEST_PAUSE {
                    pause = PAUSE;
                }
                why
            }
        };
        log.away(&why);
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Until it is lost: why.
async fn serve(
    shared: &Shared,
    log: &mut Log,
    connection: MultiplexedConnection,
    mut driver: Driver,
) -> String {
    let looked_after = async {
        loop {
            if let Err(why) = probe(&connection).await {
                return why;
            }
            log.there();
            shared.up.send_if_modified(|up| {
                let is_new = up.is_none();
                if is_new {
                    *up = Some(connection.clone());
                }
                is_new
            });
            tokio::select! {
                () = sleep(BEAT) => {}
                () = shared.check.notified() => {}
            }
        }
    };
    tokio::select! {
        why = looked_after => why,
        () = &mut driver => "the connection was closed".to_owned(),
    }
}

async fn probe(connection: &MultiplexedConnection) -> Result<(), String> {
    let mut connection = connection.clone();
    let mut script = PROBE.key(PROBED);
    let script = &mut script;
    match timeout(ANSWER, script.invoke_async::<()>(&mut connection)).await {
        Ok(said) => said.map_err(|why| words(&why)),
        Err(_) => Err(SILENT.to_owned()),
    }
}

/// What the operator is told of it, once each time.
#[derive(Default)]
struct Log {
    is_there: bool,
    last: Option<String>,
}

impl Log {
    fn there(&mut self) {
        self.last = None;
        if !std::mem::replace(&mut self.is_there, true) {
            info!("Redis is there: requests and tokens count for all replicas together");
        }
    }

    fn away(&mut self, why: &str) {
        self.is_there = false;
        if self.last.as_deref() != Some(why) {
            warn!("Redis is away, and requests and tokens count for each replica alone: {why}");
            self.last = Some(why.to_owned());
        }
    }
}

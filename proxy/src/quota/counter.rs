//! Redis as a bank, for this replica: of requests and tokens in a minute, and of requests at once.
//!
//! A deal is one script (`deal.lua`), which the server runs alone: however many replicas want the last of a limit, each is answered in
//! one round. `settle` in a loop of tries (WATCH, or compare and set) would leave the one that is farthest away with nothing for as long as
//! the others go on; so it is written twice, and a test holds one to the other.
//!
//! All keys expire. Whoever is not seen for [`LIFE`], by the server's clock, holds nothing: what a dead replica held is free by that alone.

use super::Kind;
use super::bank::{Answer, Deal, Trouble};
use super::replica::Replica;
use crate::keys::Time;
use crate::redis::{Away, Redis};
use ::redis::Script;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// A replica that is not seen for so long is dead.
const LIFE: Duration = Duration::from_secs(30);

/// Before all names of keys.
const PREFIX: &str = "mishikallm:";

/// The replicas that are alive.
const REPLICAS: &str = "mishikallm:replicas";

/// Scripts count in floats, which are exact up to here.
const EXACT: i64 = 1 << 53;

/// Numbers of one answer.
const NUMBERS: usize = 5;

static DEAL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("deal.lua")));
static BEAT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("beat.lua")));
static LEAVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("leave.lua")));

/// Where this replica borrows what is no money.
#[derive(Clone)]
pub struct Counter {
    redis: Redis,
    replica: Arc<Replica>,
    life: Duration,
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counter").field(&self.replica).finish()
    }
}

impl Counter {
    /// Of a new replica.
    pub fn new(redis: Redis) -> Counter {
        Counter::living(redis, LIFE)
    }

    pub(super) fn living(redis: Redis, life: Duration) -> Counter {
        Counter {
            redis,
            replica: Arc::default(),
            life,
        }
    }

    /// What it asks.
    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// How often what it held was void.
    pub(super) fn epoch(&self) -> u64 {
        self.replica.epoch()
    }

    /// It is alive. Where the others thought that it was not, it begins anew.
    pub async fn beat(&self) -> Result<(), Away> {
        if self.replica.is_registered() {
            let name = self.replica.name();
            if self.is_alive(&name, true).await? {
                return Ok(());
            }
            self.replica.renew(&name);
        }
        let name = self.replica.name();
        self.is_alive(&name, false).await?;
        self.replica.registered(&name);
        Ok(())
    }

    async fn is_alive(&self, name: &str, was_there: bool) -> Result<bool, Away> {
        let mut beat = BEAT.key(REPLICAS);
        let beat = beat.arg(name).arg(self.life.as_millis() as u64);
        self.redis.run(beat.arg(i32::from(was_there))).await
    }

    /// Gives back all that it holds: when nothing is under way any more.
    pub async fn leave(&self) -> Result<(), Away> {
        let name = self.replica.name();
        self.redis.run(LEAVE.key(REPLICAS).arg(&*name)).await
    }

    /// All of these in one step, or none.
    pub(super) async fn lend(&self, deals: &[Deal]) -> Result<Vec<Answer>, Trouble> {
        let away = |Away| Trouble::Away;
        if !self.replica.is_registered() {
            self.beat().await.map_err(away)?;
        }
        let name = self.replica.name();
        let mut script = DEAL.key(REPLICAS);
        script.arg(&*name).arg(self.life.as_millis() as u64);
        for deal in deals {
            let kind = deal.kind.name();
            script.key([PREFIX, kind, ":", &deal.scope].concat());
            script.arg(kind);
            for number in [deal.cap, deal.back, deal.least, deal.most, deal.from.0] {
                script.arg(number.clamp(-EXACT, EXACT));
            }
        }
        let said: Option<Vec<i64>> = self.redis.run(&script).await.map_err(away)?;
        let Some(said) = said else {
            self.replica.renew(&name);
            return Err(Trouble::Void);
        };
        let answers: Vec<Answer> = said.chunks_exact(NUMBERS).map(answer).collect();
        // Less would be somebody else's script.
        match answers.len() == deals.len() {
            true => Ok(answers),
            false => Err(Trouble::Away),
        }
    }
}

fn answer(numbers: &[i64]) -> Answer {
    Answer {
        taken: numbers[0],
        used: numbers[1],
        held: numbers[2],
        hold: numbers[3],
        period: Time(numbers[4]),
        resets_at: None,
    }
}

/// Whether it is counted here, where there is one; money is not.
pub(super) fn counts(kind: Kind) -> bool {
    kind != Kind::Budget
}

//! Many orders of things, by chance: replicas that borrow, requests that are settled or dropped, a journal that comes when it comes, replicas
//! that vanish.

use super::super::Need;
use super::super::bank::{Answer, Deal, Trouble};
use super::super::ledger::{Ledger, Part, Verdict};
use super::books::{Books, NOON};
use super::*;
use crate::keys::Time;

const SCOPE: &str = "team:a";

/// xorshift64.
pub(super) struct Chance(pub u64);

impl Chance {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// A deal on its way there, and its answer on the way back.
struct Letter {
    deals: Vec<Deal>,
    said: Option<Result<Vec<Answer>, Trouble>>,
}

struct Replica {
    name: String,
    ledger: Ledger,
    requests: Vec<(Part, i64)>,
    letter: Option<Letter>,
    /// Settled, under which name, and not in the database.
    journal: Vec<(String, i64)>,
    /// In the database, and not told to the ledger.
    told: Vec<i64>,
}

/// What may happen besides.
#[derive(Clone, Copy, Default)]
struct Weather {
    is_lossy: bool,
    are_some_unbound: bool,
    do_limits_change: bool,
    are_some_thought_dead: bool,
}

struct World {
    chance: Chance,
    weather: Weather,
    books: Books,
    replicas: Vec<Replica>,
    born: usize,
    now: Time,
    cap: i64,
    spent: i64,
}

impl World {
    fn new(seed: u64, cap: i64, weather: Weather) -> World {
        let mut world = World {
            chance: Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            weather,
            books: Books::default(),
            replicas: Vec::new(),
            born: 0,
            now: Time(NOON),
            cap,
            spent: 0,
        };
        for _ in 0..3 {
            world.bear();
        }
        world
    }

    fn limits(&self) -> Limits {
        Limits {
            max_parallel_requests: Some(5),
            ..budget(self.cap)
        }
    }

    fn bear(&mut self) {
        self.born += 1;
        let name = format!("r{}", self.born);
        self.books.enter(&name);
        self.replicas.push(Replica {
            ledger: Ledger::new(SCOPE.into(), &self.limits(), Time(0)),
            name,
            requests: Vec::new(),
            letter: None,
            journal: Vec::new(),
            told: Vec::new(),
        });
    }

    fn step(&mut self) {
        self.now.0 += self.chance.below(400) as i64;
        let at = self.chance.below(self.replicas.len());
        match self.chance.below(100) {
            0..30 => self.ask(at),
            30..45 => self.post(at),
            45..60 => self.hear(at),
            60..75 => self.end(at),
            75..85 => self.journal(at),
            85..92 => self.tell(at),
            92..98 => self.give_back(at),
            98 => self.change(),
            99 if self.weather.are_some_thought_dead => self.books.sweep(&self.replicas[at].name),
            _ => self.vanish(at),
        }
        self.check();
    }

    fn ask(&mut self, at: usize) {
        let need = 1 + self.chance.below(12) as i64;
        let is_bound = !self.weather.are_some_unbound || self.chance.below(2) == 0;
        let need = Need {
            is_bound,
            ..bound(need)
        };
        let (is_patient, now) = (self.chance.below(2) == 0, self.now);
        let replica = &mut self.replicas[at];
        // One letter at a time: with one on its way there is only what is here.
        let verdict = match replica.letter {
            Some(_) => match replica.ledger.reserve_here(&need, true, now) {
                Some(Ok(part)) => Verdict::Granted(part),
                _ => return,
            },
            None => replica.ledger.reserve(&need, is_patient, now),
        };
        match verdict {
            Verdict::Granted(part) => replica.requests.push((part, need.cost.0)),
            Verdict::Deal(deals) => replica.letter = Some(Letter { deals, said: None }),
            Verdict::Wait => replica.ledger.forget(),
            Verdict::Refused(_) => {}
        }
    }

    fn post(&mut self, at: usize) {
        let is_lost = self.weather.is_lossy && self.chance.below(4) == 0;
        let is_before = self.chance.below(2) == 0;
        let replica = &mut self.replicas[at];
        if let Some(letter) = replica
            .letter
            .as_mut()
            .filter(|letter| letter.said.is_none())
        {
            letter.said = Some(match is_lost {
                true if is_before => Err(Trouble::Away),
                true => self
                    .books
                    .deal(&replica.name, &letter.deals)
                    .and(Err(Trouble::Away)),
                false => self.books.deal(&replica.name, &letter.deals),
            });
        }
    }

    fn hear(&mut self, at: usize) {
        let replica = &mut self.replicas[at];
        let Some(letter) = replica.letter.take_if(|letter| letter.said.is_some()) else {
            return;
        };
        let said = letter.said.unwrap();
        let nothing = Answer::default();
        for (at, deal) in letter.deals.iter().enumerate() {
            let answer = match &said {
                Ok(answers) => Some(&answers[at]),
                Err(Trouble::Void) => Some(&nothing),
                Err(Trouble::Away) => None,
            };
            replica.ledger.heard(deal, answer, self.now);
        }
        if said == Err(Trouble::Void) {
            let kinds = Kind::ALL.into_iter();
            kinds.for_each(|kind| replica.ledger.void(kind));
            replica.name.push('\'');
            self.books.enter(&replica.name);
        }
    }

    fn end(&mut self, at: usize) {
        let count = self.replicas[at].requests.len();
        if count == 0 {
            return;
        }
        let which = self.chance.below(count);
        let is_dropped = self.chance.below(4) == 0;
        let replica = &mut self.replicas[at];
        let (part, cost) = replica.requests.swap_remove(which);
        if is_dropped {
            replica.ledger.cancel(&part, true);
            return;
        }
        let most = match self.weather.are_some_unbound {
            true => cost * 3,
            false => cost,
        };
        let came_to = self.chance.below(most as usize + 1) as i64;
        replica.ledger.settle(&part, &spent(came_to));
        replica.journal.push((replica.name.clone(), came_to));
        self.spent += came_to;
    }

    fn journal(&mut self, at: usize) {
        let replica = &mut self.replicas[at];
        for (name, cost) in replica.journal.drain(..) {
            self.books.apply(&name, SCOPE, cost);
            replica.told.push(cost);
        }
    }

    fn tell(&mut self, at: usize) {
        let replica = &mut self.replicas[at];
        replica
            .told
            .drain(..)
            .for_each(|batch| replica.ledger.applied(batch));
    }

    fn give_back(&mut self, at: usize) {
        let is_all = self.chance.below(2) == 0;
        let replica = &mut self.replicas[at];
        if replica.letter.is_none() {
            let deals = replica.ledger.idle(is_all, self.now);
            replica.letter = (!deals.is_empty()).then_some(Letter { deals, said: None });
        }
    }

    fn change(&mut self) {
        if self.weather.do_limits_change {
            self.cap += self.chance.below(50) as i64;
            let limits = self.limits();
            self.replicas
                .iter_mut()
                .for_each(|one| one.ledger.set(&limits, Time(0)));
        }
    }

    /// What it wrote comes into the database; what was under way there, nobody pays.
    fn vanish(&mut self, at: usize) {
        self.journal(at);
        let gone = self.replicas.swap_remove(at);
        self.books.sweep(&gone.name);
        self.bear();
    }

    fn check(&self) {
        let (used, held) = self.books.of(SCOPE, Kind::Budget);
        assert_eq!(held, self.books.holds(SCOPE, Kind::Budget));
        let weather = self.weather;
        let is_exact =
            !weather.is_lossy && !weather.are_some_unbound && !weather.are_some_thought_dead;
        if !is_exact {
            return;
        }
        assert!(used + held <= self.cap, "{used} used, {held} held");
        let requests = self.replicas.iter().flat_map(|one| &one.requests);
        let reserved: i64 = requests.clone().map(|(_, cost)| cost).sum();
        assert!(
            self.spent + reserved <= self.cap,
            "{} spent, {reserved} reserved",
            self.spent
        );
        assert!(requests.count() <= 5);
        let permits = self.books.of(SCOPE, Kind::Parallel);
        assert!(permits.0 == 0 && permits.1 <= 5, "{permits:?}");
    }

    /// Everything ends, and nothing is left anywhere.
    fn finish(mut self) {
        self.weather.is_lossy = false;
        for at in 0..self.replicas.len() {
            let replica = &mut self.replicas[at];
            for (part, _) in std::mem::take(&mut replica.requests) {
                replica.ledger.cancel(&part, true);
            }
            for _ in 0..8 {
                self.post(at);
                self.hear(at);
                self.journal(at);
                self.tell(at);
                let replica = &mut self.replicas[at];
                if replica.letter.is_none() {
                    let deals = replica.ledger.idle(true, self.now);
                    replica.letter = (!deals.is_empty()).then_some(Letter { deals, said: None });
                }
            }
        }
        assert_eq!(self.books.of(SCOPE, Kind::Budget), (self.spent, 0));
        assert_eq!(self.books.of(SCOPE, Kind::Parallel), (0, 0));
        for replica in &self.replicas {
            assert!(replica.ledger.is_empty(self.now), "{:?}", replica.ledger);
        }
        // What is left can be spent, by whoever was there all the time.
        let left = self.cap - self.spent;
        let ways = [(left, true), (1, false)];
        for (need, is_granted) in ways.into_iter().filter(|_| left > 0) {
            self.now.0 += 2_000;
            let verdict = loop {
                let replica = &mut self.replicas[0];
                match replica.ledger.reserve(&bound(need), false, self.now) {
                    Verdict::Deal(deals) => replica.letter = Some(Letter { deals, said: None }),
                    verdict => break verdict,
                }
                self.post(0);
                self.hear(0);
            };
            let was = matches!(verdict, Verdict::Granted(_));
            assert_eq!(was, is_granted, "{need} of {left}: {verdict:?}");
        }
    }
}

fn run(weather: Weather) {
    for seed in 0..400 {
        let mut world = World::new(seed + 1, [40, 300, 5_000][seed as usize % 3], weather);
        for _ in 0..600 {
            world.step();
        }
        world.finish();
    }
}

#[test]
fn no_more_is_spent_than_the_budget_and_nothing_is_lost() {
    run(Weather::default());
}

#[test]
fn limits_that_are_raised_meanwhile_hold() {
    run(Weather {
        do_limits_change: true,
        ..Weather::default()
    });
}

#[test]
fn answers_that_are_lost_leave_nothing_behind() {
    run(Weather {
        is_lossy: true,
        ..Weather::default()
    });
}

#[test]
fn requests_that_come_to_more_leave_nothing_behind() {
    run(Weather {
        are_some_unbound: true,
        ..Weather::default()
    });
}

#[test]
fn replicas_that_were_thought_dead_leave_nothing_behind() {
    run(Weather {
        are_some_thought_dead: true,
        ..Weather::default()
    });
}

#[test]
fn all_of_it_at_once_leaves_nothing_behind() {
    run(Weather {
        is_lossy: true,
        are_some_unbound: true,
        do_limits_change: true,
        are_some_thought_dead: true,
    });
}

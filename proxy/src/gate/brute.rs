//! Who tries keys that are none, one after the other, is answered slowly. An address is the connection's: what a header says of it anybody
//! could write.

use quick_cache::sync::Cache;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Addresses that are remembered.
const ADDRESSES: usize = 10_000;

/// So many wrong keys of one address in a [`SPAN`] are answered at once.
const FREE: u32 = 10;

/// How long they are counted for.
const SPAN: Duration = Duration::from_secs(60);

/// How long the answer to any further one takes.
const PAUSE: Duration = Duration::from_secs(1);

/// Wrong keys, by the address that they came from.
#[derive(Debug, Default)]
pub struct Strangers(OnceLock<Cache<IpAddr, Count>>);

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Instant,
    wrong: u32,
}

impl Strangers {
    /// Notes a wrong key; how long its answer is to wait.
    pub fn wrong(&self, address: IpAddr, now: Instant) -> Duration {
        // Where nobody tries, there is no room for it.
        let all = self.0.get_or_init(|| Cache::new(ADDRESSES));
        let address = network(address);
        let known = all.get(&address);
        let mut count = known
            .filter(|count| now.saturating_duration_since(count.since) < SPAN)
            .unwrap_or(Count {
                since: now,
                wrong: 0,
            });
        count.wrong = count.wrong.saturating_add(1);
        all.insert(address, count);
        match count.wrong > FREE {
            true => PAUSE,
            false => Duration::ZERO,
        }
    }
}

/// Whoever has one address of IPv6 has the 2^64 beside it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(all) => {
            let bits = all.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
        one => one,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_ten_wrong_keys_an_address_waits_and_others_do_not() {
        let strangers = Strangers::default();
        let (a, b) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let now = Instant::now();
        for _ in 0..10 {
            assert_eq!(strangers.wrong(a, now), Duration::ZERO);
        }
        assert_eq!(strangers.wrong(a, now), PAUSE);
        assert_eq!(strangers.wrong(b, now), Duration::ZERO);
        assert_eq!(strangers.wrong(a, now + SPAN), Duration::ZERO);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let strangers = Strangers::default();
        let now = Instant::now();
        let of = |text: &str| strangers.wrong(text.parse().unwrap(), now);
        for host in 1..=10 {
            assert_eq!(of(&format!("2001:db8::{host}")), Duration::ZERO);
        }
        assert_eq!(of("2001:db8::ffff"), PAUSE);
        assert_eq!(of("2001:db8:0:1::1"), Duration::ZERO);
        // The same machine, however its connection tells it.
        for _ in 0..10 {
            of("10.0.0.1");
        }
        assert_eq!(of("::ffff:10.0.0.1"), PAUSE);
    }
}

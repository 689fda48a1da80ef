//! Names → addresses, remembered for a short while: ureq asks before every request, also when a pooled connection will
//! serve it, and its own resolver starts a thread to bound the time. Ours starts none: a host may `fork()`.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Long enough to spare the name service, short enough to follow a server that moves.
const REMEMBERED_FOR: Duration = Duration::from_secs(10);

/// Names beyond this are not remembered.
const MOST_NAMES: usize = 1024;

/// What ureq takes.
const MOST_ADDRESSES: usize = 16;

/// Host and port → addresses, and until when they are believed.
type Known = HashMap<(String, u16), (Vec<SocketAddr>, Instant)>;

#[derive(Debug, Default)]
pub struct CachingResolver {
    known: Mutex<Known>,
}

impl CachingResolver {
    fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let key = (host.to_owned(), port);
        let now = Instant::now();
        let known = |this: &Self| {
            let known = this.known.lock().unwrap_or_else(PoisonError::into_inner);
            known
                .get(&key)
                .filter(|(_, until)| *until > now)
                .map(|(a, _)| a.clone())
        };
        if let Some(addresses) = known(self) {
            return Ok(addresses);
        }
        let addresses: Vec<SocketAddr> = (host, port)
            .to_socket_addrs()
            .map_err(|_| Error::HostNotFound)?
            .take(MOST_ADDRESSES)
            .collect();
        if addresses.is_empty() {
            return Err(Error::HostNotFound);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_NAMES {
            known.clear();
        }
        known.insert(key, (addresses.clone(), now + REMEMBERED_FOR));
        Ok(addresses)
    }
}

impl Resolver for CachingResolver {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().ok_or(Error::HostNotFound)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
            Some("https") => 443,
            Some(s) if s.starts_with("socks") => 1080,
            _ => 80,
        });
        let mut addresses = self.empty();
        if let Ok(ip) = host.parse::<IpAddr>() {
            addresses.push(SocketAddr::new(ip, port));
            return Ok(addresses);
        }
        for address in self.look_up(host, port)? {
            addresses.push(address);
        }
        Ok(addresses)
    }
}

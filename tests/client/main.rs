//! The blocking client against servers that do what a test tells them: connections, time-outs, TLS, proxies, redirects,
//! look-ups, limits, secrets, retries and closing. Loopback only; no Triton is needed.

mod ahead;
mod alone;
mod ask;
mod certificates;
mod choices;
mod close;
mod http;
mod limits;
mod loads;
mod lookups;
mod model;
mod pool;
mod proxies;
mod proxy;
mod redirects;
mod retries;
mod secrets;
mod server;
mod timeouts;
mod tls;

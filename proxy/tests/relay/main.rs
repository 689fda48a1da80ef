//! The relay on sockets: what an upstream sees when clients come, wait and hang up.

mod ahead;
mod cancel;
mod connections;
mod loads;
mod routes;
mod streams;
mod support;

//! The async driver: a short loop around the library's state machine for one call, and HTTP/1.1 to Triton.
//!
//! Nothing of a call is spawned. A call, its connections and its timer are one future of the request that they serve, so that dropping
//! it, as the server does when its client hangs up, closes the sockets at once; Triton then stops.

mod ahead;
mod asked;
mod connect;
mod describe;
mod explain;
mod flight;
mod http1;
mod loads;
mod models;
mod pool;
mod run;
mod stream;
mod timer;
pub mod tls;

pub use connect::Connector;
pub use loads::ask as ask_loads;
pub use models::Models;
pub use pool::Wire;
pub use run::{Progress, Run};
pub use stream::Frames;

//! A faithful simulator of the Fortinet APIs, in process or on a port.
//!
//! [`Simulator`] answers like FortiCloud: OAuth, Organization V1, IAM V1 and Asset Management V3,
//! reads and writes. Next to it, on the same address under other paths, are a `FortiPortal` that
//! manages some of the tenant's firewalls, and a `FortiAuthenticator`.
//!
//! A [`Scenario`] sets the size of the tenant, the form of its responses, its limits, and its
//! faults. [`Simulator::truth`] returns the tables that a crawl must publish. On a later [`day`](Scenario::day) of the scenario,
//! devices have been registered, renewed, moved and so on, and [`Simulator::changes`] says which.
//!
//! ```
//! use fortilake_simulator::{Scenario, Simulator};
//!
//! let simulator = Simulator::new(Scenario::production());
//! assert_eq!(simulator.truth().tables["products"].len(), 698);
//! ```
//!
//! The data is a pure function of the scenario and is generated on demand, so a tenant of 20,000
//! accounts takes no longer to set up than one of ten. The price is that every response generates
//! its rows again.
//!
//! This crate shares no code with the client, and is based only on what has been published about
//! the real service, so that both cannot contain the same mistake. Where nothing has been
//! published, for example the error bodies of the other systems, it guesses and says so.
//!
//! It checks no permissions except the allowed `client_id`s, and it does not support TLS.

pub use self::changes::{Change, Event, Rows};
pub use self::error::{Error, ErrorKind};
pub use self::simulator::{Call, Simulator};
pub use self::truth::{Row, Truth};
pub use scenario::Scenario;

mod answered;
mod changes;
mod dates;
mod error;
mod faults;
mod fortiauthenticator;
mod forticloud;
mod fortiportal;
mod incoming;
mod json;
mod quota;
mod random;
mod rewrite;
pub mod scenario;
mod serve;
mod simulator;
mod systems;
mod truth;

//! A faithful fake of the Fortinet APIs, in process or on a port.
//!
//! [`Simulator`] answers as `FortiCloud` does: OAuth, Organization V1, IAM V1 and Asset Management V3, reads and writes.
//! Beside it, on the same address and told apart by path, are a `FortiPortal` that manages some of the tenant's firewalls and a `FortiAuthenticator`.
//! A [`Scenario`] says how large the tenant is, in which of the known forms it answers, what it allows and what goes wrong; [`Simulator::truth`] says what a crawl must publish.
//!
//! ```
//! use fortilake_simulator::{Scenario, Simulator};
//!
//! let simulator = Simulator::new(Scenario::production());
//! assert_eq!(simulator.truth().tables["products"].len(), 698);
//! ```
//!
//! The data is a pure function of the scenario, made when somebody asks: a tenant of 20,000 accounts costs no more to set up than one of ten.
//! The price is that each answer makes its rows anew.
//!
//! It shares no code with the client side and knows only what was published about the real service, so that the two cannot share a mistake.
//! Where nothing was published, such as the bodies of the other systems' errors, it guesses and says so.
//! It does not check permission profiles beyond `client_id`s, and it has no TLS.

pub use self::error::{Error, ErrorKind};
pub use self::simulator::{Call, Simulator};
pub use self::truth::{Row, Truth};
pub use scenario::Scenario;

mod answered;
mod error;
mod faults;
mod fortiauthenticator;
mod forticloud;
mod fortiportal;
mod incoming;
mod json;
mod quota;
mod random;
pub mod scenario;
mod serve;
mod simulator;
mod systems;
mod truth;

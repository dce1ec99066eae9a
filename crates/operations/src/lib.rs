//! Operations that take more than one call, and checks of arguments that the vendor documents.
//!
//! Every described operation is available as a single typed call:
//! [`Client::call`](fortilake_client::Client::call) with [`ProductsDescription`], [`FoldersCreate`] and so on.
//! This module contains what such a call does not do.
//!
//! [`Registration`] registers any number of units, a few per call, and records the result of each,
//! so that a run that died can be continued without sending a unit twice. The other functions
//! reject arguments that the API would refuse, before anything is sent: a single error is a tenth
//! of what the API allows in an hour.
//!
//! [`ProductsDescription`]: fortilake_models::generated::types::ProductsDescription
//! [`FoldersCreate`]: fortilake_models::generated::types::FoldersCreate

mod code;
mod location;
mod registration;

pub use self::{
    code::{check_registration_code, check_token_license},
    location::check_location,
    registration::{
        ERRORS_PER_CALL, LATE, Registration, RegistrationBatch, RegistrationStore, Step,
        UNITS_PER_CALL, Unit, UnitState,
    },
};

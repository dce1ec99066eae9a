//! Operations that are more than one call, and what the vendor asks of their arguments.
//!
//! Every described operation is a call with types of its own:
//! [`Client::call`](crate::Client::call) with [`ProductsDescription`], [`FoldersCreate`] and so on.
//! Here is what such a call does not do by itself.
//!
//! [`Registration`] registers any number of units, a few in each call, and remembers what became
//! of each, so that a run that died is taken up again without sending a unit twice.
//! The other functions find out before anything is sent what the API would refuse: an error is a
//! tenth of what it allows in an hour.
//!
//! [`ProductsDescription`]: crate::models::generated::asset_management_v3_product::ProductsDescription
//! [`FoldersCreate`]: crate::models::generated::asset_management_v3_folder::FoldersCreate

mod code;
mod location;
mod registration;

pub use self::{
    code::{check_registration_code, check_token_license},
    location::check_location,
    registration::{
        Batch, ERRORS_PER_CALL, Fate, Memory, Registration, Step, UNITS_PER_CALL, Unit,
    },
};

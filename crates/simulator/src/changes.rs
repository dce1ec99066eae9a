//! The simulator's own record of how the tenant changed from day to day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

/// What happened to one device on one day.
///
/// The record is written where the tenant's data changes, and not by comparing two states. So it can be compared with
/// what a program finds between two crawls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// The day, counted from 1. Day 0 is the tenant as it was set up.
    pub day: u64,
    /// The date of that day in the tenant.
    pub date: Date,
    /// The device.
    pub serial_number: String,
    /// The account that the device is in afterwards, or was in if it is gone.
    pub account_id: i64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The device is new.
    Registered {
        /// How many rows it has, by table.
        rows: Rows,
    },
    /// The device is no longer listed, for example because it was returned.
    Removed {
        /// How many rows it had, by table.
        rows: Rows,
    },
    /// The device is in another account, with everything that belongs to it.
    Moved {
        /// The account that it was in.
        from_account_id: i64,
        /// The folder that it was in; 0 for the root folder, which it always is in afterwards.
        from_folder_id: i64,
        /// How many rows it has, by table.
        rows: Rows,
    },
    /// The device was taken out of service.
    Decommissioned,
    /// The device has another description.
    Described {
        /// The new description.
        description: String,
    },
    /// The device has a new contract.
    Renewed {
        /// The number of the new contract.
        contract_number: String,
        /// The last day of the new contract.
        until: Date,
        /// How many lines of coverage the contract has. Each is one entitlement and one term.
        lines: u64,
    },
    /// The device's last contract, and the entitlements from it, end later.
    Extended {
        /// The number of the contract.
        contract_number: String,
        /// The new last day of the contract.
        until: Date,
        /// How many lines of coverage the contract has. Each is one entitlement and one term.
        lines: u64,
    },
    /// The device's last coverage ended the day before, and was not renewed. No data changes, because the service keeps
    /// listing coverage that has ended.
    Lapsed,
}

/// The number of rows by table, of the tables that `products/list` fills. Tables without rows are missing.
pub type Rows = BTreeMap<&'static str, u64>;

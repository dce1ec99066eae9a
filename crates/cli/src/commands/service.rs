//! `fortilake service`: register subscriptions.

use fortilake_models::generated::types::{ServicesRegister, ServicesRegisterRequest};

use super::{license::REGISTERED, operation};
use crate::{args::ServiceAction, console::Console, exit::Result};

/// Runs the subcommand.
pub(crate) fn run(action: &ServiceAction, console: Console) -> Result {
    let ServiceAction::Register {
        contract,
        account,
        about,
        write,
    } = action;
    let request = ServicesRegisterRequest {
        account_id: account.account,
        contract_number: contract.clone(),
        description: about.description.clone(),
        additional_info: about.additional_info.clone(),
        is_government: about.is_government(),
    };
    let what =
        format!("will register the subscription {contract}, which creates a new serial number");
    operation::write::<ServicesRegister>(&what, &request, &REGISTERED, write, console)
}

//! `fortilake contract`: list contracts.

use fortilake_models::generated::types::{
    ContractsList, ContractsListRequest, ContractsListRequestStatus,
};

use super::{operation, view::View};
use crate::{
    args::{ContractAction, Status},
    console::Console,
    exit::Result,
};

const CONTRACTS: View = View {
    rows: "/contracts",
    columns: &["contractNumber", "contractSKU", "status", "endDate"],
};

/// Runs the subcommand.
pub(crate) fn run(action: &ContractAction, console: Console) -> Result {
    let ContractAction::List {
        account,
        number,
        sku,
        status,
        read,
    } = action;
    let request = ContractsListRequest {
        account_id: account.account,
        contract_number: number.clone(),
        contract_sku: sku.clone(),
        status: status.map(|status| match status {
            Status::Registered => ContractsListRequestStatus::Registered,
            Status::Pending => ContractsListRequestStatus::Pending,
        }),
    };
    operation::read::<ContractsList>(&request, &CONTRACTS, read, console)
}

//! `fortilake account`: list, create and move accounts.

use fortilake_models::generated::types::{
    AccountsCreate, AccountsCreateRequest, AccountsList, AccountsListRequest, AccountsMove,
    AccountsMoveRequest,
};

use super::{operation, view::View};
use crate::{
    args::{AccountAction, AccountCreateArgs},
    console::Console,
    exit::Result,
    summary::count,
};

const ACCOUNTS: View = View {
    rows: "/accounts",
    columns: &["id", "company", "parentId", "email", "countryId"],
};

/// Runs the subcommand.
pub(crate) fn run(action: &AccountAction, console: Console) -> Result {
    match action {
        AccountAction::List { which, read } => {
            let request = AccountsListRequest {
                parent_id: which.ou,
                account_id: which.account,
                email: which.email.clone(),
            };
            operation::read::<AccountsList>(&request, &ACCOUNTS, read, console)
        }
        AccountAction::Create(args) => create(args, console),
        AccountAction::Move {
            accounts,
            to,
            write,
        } => {
            let request = AccountsMoveRequest {
                destination_parent_id: *to,
                account_ids: accounts.clone(),
            };
            let number = count(accounts.len() as u64, "account");
            let what = format!("will move {number} to unit {to}");
            operation::write::<AccountsMove>(&what, &request, &View::BLANK, write, console)
        }
    }
}

fn create(args: &AccountCreateArgs, console: Console) -> Result {
    let request = AccountsCreateRequest {
        parent_id: Some(args.ou),
        first_name: Some(args.first_name.clone()),
        last_name: Some(args.last_name.clone()),
        company: Some(args.company.clone()),
        title: args.title.clone(),
        address: args.address.clone(),
        city: args.city.clone(),
        state: args.state_or_province.clone(),
        country_id: args.country_id,
        postal_code: args.postal_code.clone(),
        phone: args.phone.clone(),
        fax: args.fax.clone(),
        industry_id: args.industry_id,
        size_id: args.size_id,
    };
    let what = format!(
        "will create an account for {} in unit {}",
        args.company, args.ou
    );
    operation::write::<AccountsCreate>(&what, &request, &ACCOUNTS, &args.write, console)
}

//! `fortilake account`: list, create and move accounts.

use std::collections::BTreeSet;

use fortilake_client as client;
use fortilake_crawler::Facts;
use fortilake_models::{
    Operation as _,
    generated::types::{
        AccountsCreate, AccountsCreateRequest, AccountsList, AccountsListRequest, AccountsMove,
        AccountsMoveRequest, UnitsList, UnitsListRequest,
    },
};
use serde_json::{Value, json};

use super::{
    operation::{self, OperationClient, OperationTarget},
    part::ListPart,
    view::View,
};
use crate::{
    args::{AccountAction, AccountCreateArgs, ReadArgs},
    console::Console,
    exit::{Code, CommandError, Result},
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

/// Lists the accounts of all units that the API user can see.
pub(crate) fn all(read: &ReadArgs, console: Console) -> Result {
    let target = OperationTarget::find(&read.target, AccountsList::ENDPOINT, console)?;
    let caller = target.connect()?;
    let Found { accounts, refused } = caller.run(async |caller| read_all(caller, console).await)?;
    let answer = json!({ "accounts": accounts }).to_string();
    let code = operation::print(&answer, &ACCOUNTS, read.format, console)?;
    if refused.is_empty() {
        return Ok(code);
    }
    let number = count(refused.len() as u64, "unit");
    console.note(&format!("the accounts of {number} are missing:\n"));
    for failure in refused {
        console.note(&format!("  {:#}\n", failure.error));
    }
    Ok(Code::Partial)
}

struct Found {
    accounts: Vec<Value>,
    /// One error for each unit whose accounts the user may not list.
    refused: Vec<CommandError>,
}

/// Asks for the units, and then for the accounts in each of them. An account in two units is listed once.
async fn read_all(caller: &OperationClient, console: Console) -> Result<Found> {
    let request = UnitsListRequest {
        parent_id: None,
        name: None,
    };
    let arguments = operation::arguments(&request)?;
    let page = caller.fetch(UnitsList::ENDPOINT, &arguments).await?;
    let found = operation::check(UnitsList::ENDPOINT, &arguments, &page)?;
    let units: BTreeSet<i64> = match found {
        Facts::Units {
            organization,
            units,
        } => organization.into_iter().chain(units.known).collect(),
        _ => BTreeSet::new(),
    };
    let mut seen = BTreeSet::new();
    let (mut accounts, mut refused) = (Vec::new(), Vec::new());
    for unit in units {
        let request = AccountsListRequest {
            parent_id: Some(unit),
            account_id: None,
            email: None,
        };
        let arguments = operation::arguments(&request)?;
        let page = match caller.fetch(AccountsList::ENDPOINT, &arguments).await {
            Ok(page) => page,
            Err(failure) if is_denied(&failure) => {
                refused.push(failure);
                continue;
            }
            Err(failure) => return Err(failure),
        };
        if page.is_empty_result() {
            continue;
        }
        operation::check(AccountsList::ENDPOINT, &arguments, &page)?;
        if let Some(part) = ListPart::of(&page.body) {
            console.note(&format!(
                "unit {unit}: {}",
                part.note(AccountsList::ENDPOINT)
            ));
        }
        let mut answer: Value = serde_json::from_str(&page.body).map_err(CommandError::failed)?;
        let rows = answer.pointer_mut(ACCOUNTS.rows).map(Value::take);
        let Some(Value::Array(rows)) = rows else {
            continue;
        };
        accounts.extend(rows.into_iter().filter(|row| {
            // A row without an id is shown, because nothing says that it was shown before.
            row.get("id").is_none_or(|id| seen.insert(id.to_string()))
        }));
    }
    match refused.pop() {
        Some(failure) if accounts.is_empty() => return Err(failure),
        last => refused.extend(last),
    }
    Ok(Found { accounts, refused })
}

/// Whether the API says that the user may not list the accounts of this unit. Another unit may allow it.
fn is_denied(failure: &CommandError) -> bool {
    let error = failure.error.downcast_ref::<client::Error>();
    error.is_some_and(|error| error.code() == Some(202))
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

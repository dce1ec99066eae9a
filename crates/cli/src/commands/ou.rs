//! `fortilake ou`: list, create, change and delete organizational units.

use fortilake_models::generated::types::{
    UnitsCreate, UnitsCreateRequest, UnitsDelete, UnitsDeleteRequest, UnitsList, UnitsListRequest,
    UnitsUpdate, UnitsUpdateRequest,
};

use super::{operation, view::View};
use crate::{args::OuAction, console::Console, exit::Result};

const UNITS: View = View {
    rows: "/organizationUnits/orgUnits",
    columns: &["id", "name", "parentId", "desc"],
};

/// Runs the subcommand.
pub(crate) fn run(action: &OuAction, console: Console) -> Result {
    match action {
        OuAction::List { parent, read } => {
            let request = UnitsListRequest {
                parent_id: *parent,
                name: None,
            };
            operation::read::<UnitsList>(&request, &UNITS, read, console)
        }
        OuAction::Create {
            name,
            parent,
            description,
            write,
        } => {
            let request = UnitsCreateRequest {
                parent_id: *parent,
                name: name.clone(),
                desc: description.clone(),
            };
            let what = format!("will create the unit `{name}` in unit {parent}");
            operation::write::<UnitsCreate>(&what, &request, &UNITS, write, console)
        }
        OuAction::Update {
            id,
            name,
            description,
            write,
        } => {
            let request = UnitsUpdateRequest {
                id: *id,
                name: name.clone(),
                desc: description.clone(),
            };
            let what = format!("will change unit {id}");
            operation::write::<UnitsUpdate>(&what, &request, &View::BLANK, write, console)
        }
        OuAction::Delete { id, write } => {
            let request = UnitsDeleteRequest { id: *id };
            let what = format!("will delete unit {id}");
            operation::write::<UnitsDelete>(&what, &request, &View::BLANK, write, console)
        }
    }
}

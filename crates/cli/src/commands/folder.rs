//! `fortilake folder`: list, create and delete product folders.

use fortilake_models::generated::types::{
    FoldersCreate, FoldersCreateRequest, FoldersDelete, FoldersDeleteRequest, FoldersList,
    FoldersListRequest,
};

use super::{operation, view::View};
use crate::{args::FolderAction, console::Console, exit::Result};

const FOLDERS: View = View {
    rows: "/assetFolders",
    columns: &["folderId", "folderName", "parentFolderId", "folderPath"],
};

/// Runs the subcommand.
pub(crate) fn run(action: &FolderAction, console: Console) -> Result {
    match action {
        FolderAction::List { account, read } => {
            let account_id = account.account;
            let request = FoldersListRequest { account_id };
            operation::read::<FoldersList>(&request, &FOLDERS, read, console)
        }
        FolderAction::Create {
            name,
            parent,
            account,
            write,
        } => {
            let request = FoldersCreateRequest {
                account_id: account.account,
                folder_name: name.clone(),
                parent_folder_id: *parent,
            };
            let what = format!("will create the folder `{name}`");
            operation::write::<FoldersCreate>(&what, &request, &FOLDERS, write, console)
        }
        FolderAction::Delete { id, account, write } => {
            let request = FoldersDeleteRequest {
                account_id: account.account,
                folder_id: *id,
            };
            let what = format!("will delete folder {id}");
            operation::write::<FoldersDelete>(&what, &request, &View::BLANK, write, console)
        }
    }
}

//! Licenses, contracts and folders of an account.

use super::envelope::{Arguments, Reply};
use super::model::Folder;
use super::products::like;
use super::wire::{Wire, license_file};
use super::world::World;
use crate::json::Object;

pub(crate) fn licenses(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let account = asked.account(world)?;
    let licenses = world.licenses(account).into_iter().filter(|license| {
        fits(asked, "licenseNumber", &license.number)
            && fits(asked, "licenseSKU", &license.sku)
            && fits(asked, "status", license.status.as_str())
    });
    let wire = Wire {
        quirks: &world.scenario().quirks,
    };
    let mut payload = Object::new();
    let rows = licenses.map(|license| wire.license(&license)).collect();
    wire.rows(&mut payload, "licenses", rows);
    Ok(Reply::success(payload))
}

pub(crate) fn contracts(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let account = asked.account(world)?;
    let contracts = world.contracts(account).into_iter().filter(|contract| {
        fits(asked, "contractNumber", &contract.number)
            && fits(asked, "contractSKU", &contract.sku)
            && fits(asked, "status", contract.status.as_str())
    });
    let wire = Wire {
        quirks: &world.scenario().quirks,
    };
    let mut payload = Object::new();
    let rows = contracts
        .map(|contract| wire.listed_contract(&contract))
        .collect();
    wire.rows(&mut payload, "contracts", rows);
    Ok(Reply::success(payload))
}

fn fits(asked: &Arguments, key: &str, value: &str) -> bool {
    let wanted = asked.text(key).filter(|wanted| !wanted.is_empty());
    wanted.is_none_or(|wanted| like(wanted, value))
}

pub(crate) fn download(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let serial = asked.required("serialNumber")?;
    let license = world.product(serial).and_then(|product| product.license);
    let payload = |file: String| {
        Object::new()
            .with("licenseFile", file)
            .with("serialNumber", serial.to_owned())
    };
    Ok(match license {
        Some(license) => Reply::success(payload(license_file(&license))),
        None => Reply::failed(
            -2,
            "The license download function for given product category is not supported.",
            payload(String::new()),
        ),
    })
}

pub(crate) fn folders(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let account = asked.account(world)?;
    let folders = world.folders(account);
    Ok(answer(world, account, &folders))
}

pub(crate) fn create_folder(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let account = asked.account(world)?;
    let name = asked.required("folderName")?;
    let parent = asked.integer("parentFolderId").unwrap_or(0);
    let mut folders = world.folders(account);
    if parent != 0 && !folders.iter().any(|folder| folder.id == parent) {
        return Err(Reply::refused(102, "Invalid parentFolderId provided."));
    }
    let path = format!("{}/{name}", World::folder_path(&folders, parent));
    if folders.iter().any(|folder| folder.path == path) {
        return Err(Reply::refused(102, "The folder exists already."));
    }
    let folder = Folder {
        id: world.next_folder_id(),
        name: name.to_owned(),
        parent,
        path,
    };
    folders.push(folder.clone());
    world.set_folders(account, folders);
    Ok(answer(world, account, &[folder]))
}

pub(crate) fn delete_folder(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let account = asked.account(world)?;
    let id = asked.required_integer("folderId")?;
    let mut folders = world.folders(account);
    if !folders.iter().any(|folder| folder.id == id) {
        return Err(Reply::refused(102, "Invalid folderId provided."));
    }
    let children = folders.iter().any(|folder| folder.parent == id);
    if children || world.products(account).any(|product| product.folder == id) {
        return Err(Reply::refused(102, "The folder is not empty."));
    }
    folders.retain(|folder| folder.id != id);
    world.set_folders(account, folders);
    Ok(Reply::success(Object::new()))
}

fn answer(world: &World, account: i64, folders: &[Folder]) -> Reply {
    let wire = Wire {
        quirks: &world.scenario().quirks,
    };
    let rows = folders.iter().map(|folder| {
        // Counting has to generate every product of the account, so it is only done if the count is
        // part of the response.
        let assets = if wire.quirks.extended_lists {
            world.assets_in(account, folder.id)
        } else {
            0
        };
        wire.folder(folder, assets)
    });
    let mut payload = Object::new();
    wire.rows(&mut payload, "assetFolders", rows.collect());
    Reply::success(payload)
}

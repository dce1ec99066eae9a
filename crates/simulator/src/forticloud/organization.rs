//! Organization V1: organizational units.

use super::envelope::{Arguments, Reply};
use super::model::Unit;
use super::products::like;
use super::wire::Wire;
use super::world::World;
use crate::json::Object;
use crate::scenario::{ParentKey, Scope};

pub(crate) fn list(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    check_scope(world)?;
    let parent = asked.integer("parentId");
    let name = asked.text("name").unwrap_or("%");
    let listed = world.scenario().organization.root_listed;
    let units = world.units.iter().filter(|unit| {
        (listed || unit.parent.is_some())
            && parent.is_none_or(|parent| unit.parent == Some(parent))
            && like(name, &unit.name)
    });
    Ok(answer(world, units))
}

pub(crate) fn create(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    check_scope(world)?;
    let parent = asked.required_integer("parentId")?;
    find(world, parent)?;
    let name = asked.required("name")?.to_owned();
    let unit = Unit {
        id: world.next_unit_id(),
        name,
        description: asked.text("desc").unwrap_or_default().to_owned(),
        parent: Some(parent),
    };
    world.units.push(unit.clone());
    Ok(answer(world, [&unit]))
}

pub(crate) fn update(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    check_scope(world)?;
    let index = find(world, asked.required_integer("id")?)?;
    let unit = &mut world.units[index];
    if let Some(name) = asked.text("name") {
        name.clone_into(&mut unit.name);
    }
    if let Some(description) = asked.text("desc") {
        description.clone_into(&mut unit.description);
    }
    Ok(Reply::processed(Object::new()))
}

pub(crate) fn delete(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    check_scope(world)?;
    let id = asked.required_integer("id")?;
    let index = find(world, id)?;
    let children = world.units.iter().any(|unit| unit.parent == Some(id));
    let root = world.units[index].parent.is_none();
    if root || children || !world.accounts_under(id).is_empty() {
        return Err(Reply::refused(102, "The organization unit is not empty."));
    }
    world.units.remove(index);
    Ok(Reply::processed(Object::new()))
}

/// Refuses Organization and IAM to a user who is bound to one account.
pub(crate) fn check_scope(world: &World) -> Result<(), Reply> {
    match world.scenario().organization.scope {
        Scope::Organization => Ok(()),
        Scope::Local => Err(Reply::denied()),
    }
}

fn find(world: &World, id: i64) -> Result<usize, Reply> {
    let position = world.units.iter().position(|unit| unit.id == id);
    position.ok_or_else(Reply::denied)
}

fn answer<'a>(world: &World, units: impl IntoIterator<Item = &'a Unit>) -> Reply {
    let quirks = &world.scenario().quirks;
    let wire = Wire { quirks };
    let mut body = Object::new();
    if let Some(root) = world.units.iter().find(|unit| unit.parent.is_none()) {
        body.push("orgId", wire.integer(root.id));
        if quirks.parent_key == ParentKey::ParentIdUpper {
            body.push("name", root.name.clone());
        }
    }
    let rows = units.into_iter().map(|unit| wire.unit(unit)).collect();
    wire.rows(&mut body, "orgUnits", rows);
    Reply::processed(Object::new().with("organizationUnits", body))
}

//! The registry: the sinks that are linked into this binary.
//!
//! The linker drops a crate that no other crate names, and then the registry does not contain its sink. Naming it with
//! `use the_sink_crate as _;` is enough.

use crate::{Descriptor, Error, Kind, Result, nearest};

#[cfg(test)]
mod tests;

/// All sinks, sorted by name.
///
/// # Errors
///
/// [`Kind::Internal`] if two sinks have the same name, because the linker would decide which one is used.
pub fn all() -> Result<Vec<&'static Descriptor>> {
    sorted(inventory::iter::<Descriptor>.into_iter())
}

/// The sink called `name`.
///
/// # Errors
///
/// [`Kind::Config`] if there is no such sink. The message lists all sinks and suggests the closest name.
pub fn find(name: &str) -> Result<&'static Descriptor> {
    pick(&all()?, name)
}

fn sorted(found: impl Iterator<Item = &'static Descriptor>) -> Result<Vec<&'static Descriptor>> {
    // The linker decides the order of registration, so sort.
    let mut all: Vec<_> = found.collect();
    all.sort_by_key(|descriptor| descriptor.name);
    match all.windows(2).find(|pair| pair[0].name == pair[1].name) {
        None => Ok(all),
        Some(pair) => {
            let text = format!("two sinks are registered as `{}`", pair[0].name);
            Err(Error::new(Kind::Internal, text))
        }
    }
}

fn pick(all: &[&'static Descriptor], name: &str) -> Result<&'static Descriptor> {
    if let Some(found) = all.iter().find(|descriptor| descriptor.name == name) {
        return Ok(found);
    }
    let names: Vec<_> = all.iter().map(|descriptor| descriptor.name).collect();
    let text = if names.is_empty() {
        format!("unknown sink `{name}`; no sinks are linked into this program")
    } else {
        format!(
            "unknown sink `{name}`; the sinks are {}",
            nearest::list(name, &names)
        )
    };
    Err(Error::new(Kind::Config, text))
}

//! The sinks that are linked into this binary.
//!
//! A sink that no crate of the binary names is not linked, and then it is not here;
//! `use the_sink_crate as _;` is enough to name it.

use crate::{Descriptor, Error, Kind, Result, nearest};

#[cfg(test)]
mod tests;

/// All sinks, sorted by name.
///
/// # Errors
///
/// [`Kind::Internal`] if two sinks have the same name: which of them is meant would depend on the linker.
pub fn all() -> Result<Vec<&'static Descriptor>> {
    sorted(inventory::iter::<Descriptor>.into_iter())
}

/// The sink called `name`.
///
/// # Errors
///
/// [`Kind::Config`] with the names there are, and the nearest of them.
pub fn find(name: &str) -> Result<&'static Descriptor> {
    pick(&all()?, name)
}

fn sorted(found: impl Iterator<Item = &'static Descriptor>) -> Result<Vec<&'static Descriptor>> {
    // The order of registration is the linker's.
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
        format!("there is no sink `{name}`; this program has none")
    } else {
        format!(
            "there is no sink `{name}`; the sinks are {}",
            nearest::list(name, &names)
        )
    };
    Err(Error::new(Kind::Config, text))
}

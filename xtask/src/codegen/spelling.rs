//! Checks that the settings of a table in `tables.toml` match fields of the description.

use anyhow::{Result, bail};

use super::{
    names,
    places::{Builder, WHOLE},
    rows::Row,
    schema::Schema,
};

impl<'a> Builder<'a, '_> {
    /// Checks the names of fields, arguments and columns.
    pub(super) fn check_names(&self, row: &Row<'a, '_>) -> Result<()> {
        let spec = row.spec;
        let paths = || row.paths.iter().map(String::as_str);
        let fields = [
            ("rename", spec.rename.keys().collect::<Vec<_>>()),
            ("ids", spec.ids.iter().collect()),
            ("timestamps", spec.timestamps.iter().collect()),
            ("ignore", spec.ignore.iter().collect()),
        ];
        for (list, fields) in fields {
            for field in fields {
                // An edition may only have a field under its other spelling.
                let spelled = spec
                    .aliases
                    .iter()
                    .any(|(other, target)| target == field && row.paths.contains(other));
                if !row.paths.contains(field) && !spelled {
                    let nearest = names::nearest(field, paths());
                    bail!("{list}: the rows have no field `{field}`; {nearest}");
                }
            }
        }
        if let Some(scalar) = &spec.scalar
            && !row.own.iter().any(|column| column.name == *scalar)
        {
            let known = row.own.iter().map(|column| column.name.as_str());
            bail!(
                "scalar: there is no column `{scalar}`; {}",
                names::nearest(scalar, known)
            );
        }
        check_aliases(row)?;
        self.check_lists(row)
    }

    /// Checks the names of lists. A name without a field may be an alternative spelling, but if it
    /// is similar to a field that nothing else uses, it is most likely misspelled.
    fn check_lists(&self, row: &Row<'a, '_>) -> Result<()> {
        let tables = self.config.map_or(&[][..], |config| &config.tables);
        let children = tables
            .iter()
            .filter(|table| table.parent.as_ref() == Some(&row.spec.name));
        let lists: Vec<&String> = children.flat_map(|child| &child.rows).collect();
        for list in &lists {
            let free = row.paths.iter().filter(|path| !lists.contains(path));
            if !row.paths.contains(list)
                && let Some(near) = names::similar(list, free.map(String::as_str))
            {
                bail!(
                    "rows: the rows of `{}` have no `{list}`; nearest: `{near}`",
                    row.spec.name
                );
            }
        }
        Ok(())
    }

    /// Checks the names of lists in a response in the same way.
    pub(super) fn check_spelling(
        &self,
        answer: &Schema<'a>,
        path: &str,
        error: anyhow::Error,
    ) -> Result<()> {
        let (around, name) = path.rsplit_once('.').unwrap_or((WHOLE, path));
        let Ok(around) = self.find(answer, around) else {
            return Err(error);
        };
        let tables = self.config.map_or(&[][..], |config| &config.tables);
        let claimed = |name: &str| {
            let mut lists = tables.iter().flat_map(|table| &table.rows);
            lists.any(|list| list.rsplit('.').next() == Some(name))
        };
        let properties = around.properties().iter();
        let free = properties.filter(|property| !claimed(&property.name));
        match names::similar(name, free.map(|property| property.name.as_str())) {
            Some(_) => Err(error),
            None => Ok(()),
        }
    }
}

/// Checks aliases. An alias may be a spelling that this edition lacks, but if it differs by one
/// letter from a field without an alias, it is most likely misspelled.
fn check_aliases(row: &Row<'_, '_>) -> Result<()> {
    let aliases = &row.spec.aliases;
    let free =
        |path: &&String| !aliases.contains_key(*path) && !aliases.values().any(|to| to == *path);
    let free = || row.paths.iter().filter(free).map(String::as_str);
    let check = |name: &String, near: Option<&str>| match near {
        Some(near) if !row.paths.contains(name) => {
            bail!("aliases: the rows have no field `{name}`; nearest: `{near}`")
        }
        _ => Ok(()),
    };
    for spelling in aliases.keys() {
        check(spelling, names::similar(spelling, free()))?;
    }
    for target in aliases.values() {
        let targets = aliases.values().map(String::as_str);
        check(target, names::similar(target, free().chain(targets)))?;
    }
    Ok(())
}

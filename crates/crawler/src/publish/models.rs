//! The products to publish, if a source is limited to some models.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arrow_array::{Array, StringArray, cast::AsArray};
use fortilake_models::{Decoded, DecodedTable};
use fortilake_sink::matches_model;

/// The table whose rows are the products, and its columns.
const PRODUCTS: &str = "products";
const MODEL: &str = "product_model";
const SERIAL: &str = "serial_number";

/// The product models to publish, by source. A source without an entry is published whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Models(Arc<HashMap<Arc<str>, Vec<String>>>);

/// The products of limited sources that were published so far.
///
/// Rows of other endpoints belong to a product by its serial number, such as licenses. The lists of
/// products of an account are published before them.
#[derive(Debug, Default)]
pub(super) struct Published {
    models: Models,
    earlier: HashSet<(Arc<str>, String)>,
    /// Those of the current scope. They count once the scope is kept: the rows of a scope that
    /// cannot be read are not published, and no count may depend on them.
    current: HashSet<(Arc<str>, String)>,
}

/// Which outermost rows of a page are published, by table; `None` for a table whose rows all are.
pub(super) type Picked = Vec<Option<Vec<bool>>>;

impl Models {
    /// The models of the sources that are limited to some.
    pub(crate) fn new(sources: impl IntoIterator<Item = (Arc<str>, Vec<String>)>) -> Self {
        let limited = sources.into_iter();
        Self(Arc::new(
            limited.filter(|(_, models)| !models.is_empty()).collect(),
        ))
    }
}

impl Published {
    pub(super) fn new(models: Models) -> Self {
        Self {
            models,
            ..Self::default()
        }
    }

    /// Picks the rows of a page of this source; empty if the source is published whole.
    pub(super) fn pick(&mut self, source: &Arc<str>, decoded: &Decoded) -> Picked {
        let models = self.models.clone();
        let Some(models) = models.0.get(source) else {
            return Picked::new();
        };
        let tables = decoded.tables.iter().enumerate();
        tables
            .map(|(position, table)| {
                (table.root == position)
                    .then(|| self.pick_rows(source, models, table))
                    .flatten()
            })
            .collect()
    }

    fn pick_rows(
        &mut self,
        source: &Arc<str>,
        models: &[String],
        table: &DecodedTable,
    ) -> Option<Vec<bool>> {
        let serials = texts(table, SERIAL)?;
        if table.table.name != PRODUCTS {
            let is_published = |serial: Option<&str>| {
                let product = (source.clone(), serial?.to_owned());
                let found = self.current.contains(&product) || self.earlier.contains(&product);
                found.then_some(())
            };
            let serials = serials.iter();
            return Some(
                serials
                    .map(|serial| is_published(serial).is_some())
                    .collect(),
            );
        }
        let names = texts(table, MODEL)?;
        let mut picked = Vec::with_capacity(names.len());
        for (name, serial) in names.iter().zip(serials) {
            let mut patterns = models.iter();
            let is_wanted =
                name.is_some_and(|name| patterns.any(|model| matches_model(model, name)));
            picked.push(is_wanted);
            if let Some(serial) = serial.filter(|_| is_wanted) {
                self.current.insert((source.clone(), serial.to_owned()));
            }
        }
        Some(picked)
    }

    /// Ends the current scope, whose rows are handed over.
    pub(super) fn keep_scope(&mut self) {
        self.earlier.extend(self.current.drain());
    }

    /// Ends the current scope, none of whose rows are handed over.
    pub(super) fn drop_scope(&mut self) {
        self.current.clear();
    }
}

/// A text column, if the table has it.
fn texts<'a>(table: &'a DecodedTable, column: &str) -> Option<&'a StringArray> {
    table.records.column_by_name(column)?.as_string_opt::<i32>()
}

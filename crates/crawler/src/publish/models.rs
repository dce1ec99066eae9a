//! The products to publish, if a source is limited to some models.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{StringArray, cast::AsArray};
use fortilake_models::{Decoded, DecodedTable};
use fortilake_sink::matches_model;

/// The table whose rows are the products, and its column with the model.
const PRODUCTS: &str = "products";
const MODEL: &str = "product_model";

/// The product models to publish, by source. A source without an entry is published whole.
///
/// Only products, and the tables inside them, are limited. Rows of other lists that name a serial
/// number, such as licenses, could be matched with the products that were published before them. But
/// a resumed crawl may publish them first, and would then leave out rows that an uninterrupted one
/// has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Models(Arc<HashMap<Arc<str>, Vec<String>>>);

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

    /// Picks the rows of a page of this source; empty if the source is published whole.
    pub(super) fn pick(&self, source: &str, decoded: &Decoded) -> Picked {
        let Some(models) = self.0.get(source) else {
            return Picked::new();
        };
        let tables = decoded.tables.iter();
        tables.map(|table| pick_products(models, table)).collect()
    }
}

fn pick_products(models: &[String], table: &DecodedTable) -> Option<Vec<bool>> {
    if table.table.name != PRODUCTS {
        return None;
    }
    let names: &StringArray = table
        .records
        .column_by_name(MODEL)?
        .as_string_opt::<i32>()?;
    let is_wanted = |name: Option<&str>| {
        // Registrations that failed have no model, and only `*` matches it.
        let name = name.unwrap_or_default();
        models.iter().any(|model| matches_model(model, name))
    };
    Some(names.iter().map(is_wanted).collect())
}

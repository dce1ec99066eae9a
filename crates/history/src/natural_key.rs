//! The natural key of each table: the columns by which a row is recognized in another snapshot.
//!
//! Most tables have a key of their own. The tables below list parts of a product, and their key contains the position
//! in that list. A position says nothing about another snapshot: one new entitlement at the front of the list shifts
//! all others. So these rows are matched by what they say, as a multiset, because two of them can say the same.
//!
//! The list is here and not in `tables.toml`, because nothing that is generated needs it. A test compares it with the
//! generated tables.

/// How rows of one table are matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NaturalKey {
    /// The table.
    pub(crate) table: &'static str,
    /// The columns of the key, in the order in which rows are sorted.
    pub(crate) columns: &'static [&'static str],
    /// The columns that only say where in a list a row was. They are neither compared nor passed on.
    pub(crate) positions: &'static [&'static str],
}

/// The start date is last, so that the terms of one line follow each other.
pub(crate) const CONTRACT_TERMS: NaturalKey = NaturalKey {
    table: "contract_terms",
    columns: &[
        "account_id",
        "serial_number",
        "contract_number",
        "support_type",
        "start_date",
    ],
    positions: &["contract_index"],
};

/// The columns that `contract_terms` gets from the contract of each term.
pub(crate) const FROM_CONTRACT: [&str; 2] = ["contract_number", "sku"];

const KEYS: [NaturalKey; 6] = [
    CONTRACT_TERMS,
    NaturalKey {
        table: "entitlements",
        columns: &["account_id", "serial_number", "level", "type", "start_date"],
        positions: &[],
    },
    NaturalKey {
        table: "warranty_supports",
        columns: &["account_id", "serial_number", "level", "type", "start_date"],
        positions: &[],
    },
    NaturalKey {
        table: "product_contracts",
        columns: &["account_id", "serial_number", "contract_number"],
        positions: &[],
    },
    NaturalKey {
        table: "asset_groups",
        columns: &[
            "account_id",
            "serial_number",
            "asset_group_id",
            "asset_group",
        ],
        positions: &[],
    },
    NaturalKey {
        table: "product_licenses",
        columns: &["account_id", "serial_number", "license_number"],
        positions: &[],
    },
];

/// The natural key of a table whose key in the manifest contains a position; `None` for all others.
pub(crate) fn of(table: &str) -> Option<&'static NaturalKey> {
    KEYS.iter().find(|key| key.table == table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_position(column: &str) -> bool {
        column == "_index" || column.ends_with("_index")
    }

    #[test]
    fn every_table_with_a_position_in_its_key_has_a_natural_key() {
        for table in fortilake_models::tables() {
            let has_position = table.key.iter().any(|column| is_position(column));
            assert_eq!(of(table.name).is_some(), has_position, "{}", table.name);
        }
    }

    #[test]
    fn the_columns_exist() {
        for key in &KEYS {
            let table = fortilake_models::tables().find(|table| table.name == key.table);
            let table = table.unwrap();
            let known = |column: &&str| {
                let joined = key.table == CONTRACT_TERMS.table && FROM_CONTRACT.contains(column);
                joined || table.column(column).is_some()
            };
            assert!(key.columns.iter().all(&known), "{key:?}");
            assert!(key.positions.iter().all(known), "{key:?}");
        }
    }
}

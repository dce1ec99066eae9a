//! Renewals as rows of a table.

use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use fortilake_sink::{Error, Kind, Result};
use jiff::civil::{Date, date};

use crate::renewals::{Group, GroupBy, Renewal};

type NamedColumn = (&'static str, DataType, ArrayRef);

/// Renewals as a batch. The names of the columns are those of the fields of [`Renewal`].
pub fn renewal_rows(renewals: &[Renewal]) -> Result<RecordBatch> {
    let all = || renewals.iter();
    batch(vec![
        texts("status", all().map(|renewal| Some(renewal.status.name()))),
        dates("end_date", all().map(|renewal| Some(renewal.end_date))),
        numbers("days_left", all().map(|renewal| Some(renewal.days_left))),
        dates("renewed_until", all().map(|renewal| renewal.renewed_until)),
        numbers("account_id", all().map(|renewal| renewal.account_id)),
        texts("company", all().map(|renewal| renewal.company.as_deref())),
        texts(
            "serial_number",
            all().map(|renewal| Some(renewal.serial_number.as_str())),
        ),
        texts(
            "product_model",
            all().map(|renewal| renewal.product_model.as_deref()),
        ),
        texts(
            "description",
            all().map(|renewal| renewal.description.as_deref()),
        ),
        texts(
            "support_type",
            all().map(|renewal| Some(renewal.support_type.as_str())),
        ),
        texts("origin", all().map(|renewal| Some(renewal.origin.name()))),
        texts(
            "contract_number",
            all().map(|renewal| renewal.contract_number.as_deref()),
        ),
        texts("sku", all().map(|renewal| renewal.sku.as_deref())),
        dates(
            "product_model_eor",
            all().map(|renewal| renewal.product_model_eor),
        ),
        dates(
            "product_model_eos",
            all().map(|renewal| renewal.product_model_eos),
        ),
    ])
}

/// Groups as a batch, with the columns that `by` fills.
pub fn group_rows(groups: &[Group], by: GroupBy) -> Result<RecordBatch> {
    let all = || groups.iter();
    let company = || texts("company", all().map(|group| group.company.as_deref()));
    let mut columns = match by {
        GroupBy::Account => vec![
            numbers("account_id", all().map(|group| group.account_id)),
            company(),
        ],
        GroupBy::Company => vec![company()],
        GroupBy::Month => vec![texts("month", all().map(|group| group.month.as_deref()))],
    };
    columns.extend([
        counts("devices", all().map(|group| group.devices)),
        counts("lapsed", all().map(|group| group.lapsed)),
        counts("ending", all().map(|group| group.ending)),
        counts("renewed", all().map(|group| group.renewed)),
        dates("first_end", all().map(|group| group.first_end)),
    ]);
    batch(columns)
}

fn texts<'a>(name: &'static str, values: impl Iterator<Item = Option<&'a str>>) -> NamedColumn {
    (
        name,
        DataType::Utf8,
        Arc::new(values.collect::<StringArray>()),
    )
}

fn numbers(name: &'static str, values: impl Iterator<Item = Option<i64>>) -> NamedColumn {
    (
        name,
        DataType::Int64,
        Arc::new(values.collect::<Int64Array>()),
    )
}

fn counts(name: &'static str, values: impl Iterator<Item = u64>) -> NamedColumn {
    (
        name,
        DataType::UInt64,
        Arc::new(UInt64Array::from_iter_values(values)),
    )
}

fn dates(name: &'static str, values: impl Iterator<Item = Option<Date>>) -> NamedColumn {
    let days = values.map(|value| {
        let span = date(1970, 1, 1).until(value?).ok()?;
        Some(span.get_days())
    });
    (
        name,
        DataType::Date32,
        Arc::new(days.collect::<Date32Array>()),
    )
}

fn batch(columns: Vec<NamedColumn>) -> Result<RecordBatch> {
    let fields = columns
        .iter()
        .map(|(name, data_type, _)| Field::new(*name, data_type.clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    RecordBatch::try_new(Arc::new(schema), arrays).map_err(|error| {
        Error::new(Kind::Internal, "cannot assemble the renewals").with_source(error)
    })
}

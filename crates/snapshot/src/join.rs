//! Adds the company of an account to the rows of other tables, for people who read one table in a spreadsheet.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use async_trait::async_trait;
use fortilake_sink::{
    Batch, Context, DataType, Error, Field, Kind, Outcome, Receipt, Result, Schema, Sink, TableSpec,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// The table that has a row for each account.
const ACCOUNTS: &str = "accounts";
/// The column of accounts in all tables.
const ACCOUNT: &str = "account_id";
/// The column of sources in all tables.
const SOURCE: &str = "_source";
/// The column that is added.
const COMPANY: &str = "company";

/// A column to add to the tables that have an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Join {
    /// `company`, the company of the account, after `account_id`.
    Company,
}

/// The tables of a crawl with the column `company`.
///
/// The company is known from the rows of `accounts`, which arrive before those of everything that is read from the
/// account. It is null for an account that is not among them, as in a crawl that reads only the user's own account.
#[derive(Debug)]
pub struct Joined {
    /// The tables that get the column, as they are with it.
    tables: BTreeMap<String, WidenedTable>,
}

#[derive(Debug)]
struct WidenedTable {
    table: Arc<TableSpec>,
    /// The position of `account_id`.
    account: usize,
}

impl Join {
    /// Adds the column to the tables of `context`.
    ///
    /// A table that already has a column of this name stays as it is.
    pub fn widen(self, context: &mut Context) -> Joined {
        let Self::Company = self;
        let mut tables = BTreeMap::new();
        for table in &mut context.tables {
            let Some(account) = position(table) else {
                continue;
            };
            let mut fields: Vec<_> = table.schema.fields().iter().cloned().collect();
            let about = [(
                "description".to_owned(),
                "The company of the account, from the table `accounts`.".to_owned(),
            )];
            let field = Field::new(COMPANY, DataType::Utf8, true).with_metadata(about.into());
            fields.insert(account + 1, Arc::new(field));
            let schema = Schema::new_with_metadata(fields, table.schema.metadata().clone());
            *table = Arc::new(TableSpec {
                schema: Arc::new(schema),
                ..TableSpec::clone(table)
            });
            let part = WidenedTable {
                table: Arc::clone(table),
                account,
            };
            tables.insert(table.name.clone(), part);
        }
        Joined { tables }
    }
}

/// The position of `account_id` in a table that gets the column.
fn position(table: &TableSpec) -> Option<usize> {
    let fields = table.schema.fields();
    let position = fields.iter().position(|field| field.name() == ACCOUNT)?;
    let is_number = *fields[position].data_type() == DataType::Int64;
    let has_company = fields.iter().any(|field| field.name() == COMPANY);
    (is_number && !has_company).then_some(position)
}

impl Joined {
    /// Wraps `sink`, so that its rows have the column.
    pub fn before(self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
        Box::new(JoinSink {
            joined: self,
            companies: HashMap::new(),
            sink,
        })
    }
}

struct JoinSink {
    joined: Joined,
    /// The companies by source and account.
    companies: HashMap<String, HashMap<i64, String>>,
    sink: Box<dyn Sink>,
}

impl JoinSink {
    fn learn(&mut self, batch: &Batch) {
        let column = |name| batch.records.column_by_name(name);
        let accounts = column(ACCOUNT).and_then(|found| found.as_primitive_opt::<Int64Type>());
        let companies = column(COMPANY).and_then(|found| found.as_string_opt::<i32>());
        let (Some(accounts), Some(companies)) = (accounts, companies) else {
            return;
        };
        let known = self
            .companies
            .entry(batch.scope.source.clone())
            .or_default();
        for (account, company) in accounts.iter().zip(companies) {
            if let (Some(account), Some(company)) = (account, company) {
                known.insert(account, company.to_owned());
            }
        }
    }

    fn widened(&self, batch: &Batch, part: &WidenedTable) -> Result<Batch> {
        let accounts = batch.records.column(part.account);
        let accounts = accounts.as_primitive_opt::<Int64Type>();
        // The scope of a report has no source, but its rows do.
        let sources = batch.records.column_by_name(SOURCE);
        let sources = sources.and_then(|found| found.as_string_opt::<i32>());
        let company = |(row, account): (usize, Option<i64>)| {
            let source = sources.map_or(&*batch.scope.source, |sources| sources.value(row));
            self.companies
                .get(source)?
                .get(&account?)
                .map(String::as_str)
        };
        let companies: StringArray = match accounts {
            Some(accounts) => accounts.iter().enumerate().map(company).collect(),
            None => StringArray::new_null(batch.records.num_rows()),
        };
        let mut columns: Vec<ArrayRef> = batch.records.columns().to_vec();
        columns.insert(part.account + 1, Arc::new(companies));
        let schema = Arc::clone(&part.table.schema);
        let records = RecordBatch::try_new(schema, columns).map_err(|error| {
            let text = format!("the company cannot be added to table `{}`", part.table.name);
            Error::new(Kind::Internal, text).with_source(error)
        })?;
        Ok(Batch {
            table: Arc::clone(&part.table),
            records,
            ..batch.clone()
        })
    }
}

#[async_trait]
impl Sink for JoinSink {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        if batch.table.name == ACCOUNTS {
            self.learn(batch);
        }
        match self.joined.tables.get(&batch.table.name) {
            Some(part) => {
                let batch = self.widened(batch, part)?;
                self.sink.write(&batch).await
            }
            None => self.sink.write(batch).await,
        }
    }

    async fn finish(self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        self.sink.finish(outcome).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.sink.abort().await
    }
}

//! Arguments of `tables`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `tables`.
#[derive(Debug, Args)]
pub(crate) struct TablesArgs {
    /// Table to describe; without it, all tables are listed.
    pub(crate) name: Option<String>,
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: TablesFormat,
    /// Database or engine that the SQL is for; without it, standard SQL.
    #[arg(long, value_enum)]
    pub(crate) dialect: Option<Dialect>,
    /// Folder that a crawl published to. Adds statements that load the newest snapshot in it, and leaves out tables that
    /// the snapshot does not have.
    #[arg(long, value_name = "FOLDER", requires = "dialect")]
    pub(crate) place: Option<PathBuf>,
}

/// Output formats of `tables`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TablesFormat {
    /// Human-readable text.
    Text,
    /// JSON.
    Json,
    /// `CREATE TABLE` statements.
    Sql,
    /// A `sources.yml` for dbt, with descriptions and tests.
    Dbt,
}

/// Databases and engines that `tables` writes SQL for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// DuckDB, which reads the sink `parquet`.
    Duckdb,
    /// PostgreSQL 15 or newer, whose psql reads the sink `csv`.
    Postgres,
    /// Spark, which reads the sink `parquet`.
    Spark,
}

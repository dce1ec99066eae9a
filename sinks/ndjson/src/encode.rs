//! Encodes rows as lines of JSON.

use std::io::Write;

use fortilake_sink::{Error, RecordBatch, Result, TableSpec, json};
use fortilake_snapshot::{Encoder, Output};

#[cfg(test)]
mod tests;

/// Writes the rows of one table to a file.
pub(crate) struct NdjsonEncoder {
    table: String,
    output: Output,
}

impl NdjsonEncoder {
    pub(crate) fn new(table: &TableSpec, output: Output) -> Self {
        Self {
            table: table.name.clone(),
            output,
        }
    }
}

impl Encoder for NdjsonEncoder {
    fn write(&mut self, records: &RecordBatch) -> Result<()> {
        let lines = lines(&self.table, records)?;
        self.output
            .write_all(&lines)
            .map_err(|error| Error::io("write", self.output.path(), error))
    }

    fn finish(self) -> Result<()> {
        Ok(())
    }
}

/// Encodes a line for each row, with the table's name in the first member, `_table`.
pub(crate) fn tagged_lines(table: &str, records: &RecordBatch) -> Result<Vec<u8>> {
    // Insert the tag into the encoded text. A constant column in the batch would do the same, but needs memory per row.
    let plain = lines(table, records)?;
    let tag = format!(r#"{{"_table":{}"#, serde_json::Value::from(table));
    let mut tagged = Vec::with_capacity(plain.len() + records.num_rows() * (tag.len() + 1));
    for line in plain.split_inclusive(|byte| *byte == b'\n') {
        let members = line.strip_prefix(b"{").unwrap_or(line);
        tagged.extend_from_slice(tag.as_bytes());
        if !members.starts_with(b"}") {
            tagged.push(b',');
        }
        tagged.extend_from_slice(members);
    }
    Ok(tagged)
}

fn lines(table: &str, records: &RecordBatch) -> Result<Vec<u8>> {
    json::lines(records).map_err(|error| {
        let text = format!("cannot write the rows of table `{table}`");
        Error::new(error.kind(), text).with_source(error)
    })
}

//! Batches in a temporary file.

use std::{
    collections::VecDeque,
    error,
    fs::File,
    io::{Cursor, Read as _, Seek as _, SeekFrom, Write as _},
    sync::Arc,
};

use arrow_ipc::{reader::StreamReader, writer::StreamWriter};
use fortilake_sink::{Batch, Error, Kind, TableSpec};

/// A file of batches, first in, first out.
#[derive(Default)]
pub(super) struct Spill {
    file: Option<File>,
    batches: VecDeque<Place>,
    end: u64,
}

/// Where a batch lies.
struct Place {
    table: Arc<TableSpec>,
    sequence: u64,
    start: u64,
    length: usize,
}

impl Spill {
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    pub(super) fn push(&mut self, batch: &Batch) -> Result<(), Error> {
        let mut bytes = Vec::new();
        StreamWriter::try_new(&mut bytes, &batch.records.schema())
            .and_then(|mut writer| {
                writer.write(&batch.records)?;
                writer.finish()
            })
            .map_err(lost)?;
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile().map_err(lost)?),
        };
        file.seek(SeekFrom::Start(self.end))
            .and_then(|_| file.write_all(&bytes))
            .map_err(lost)?;
        self.batches.push_back(Place {
            table: batch.table.clone(),
            sequence: batch.sequence,
            start: self.end,
            length: bytes.len(),
        });
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// The oldest; the room is given back once there is none left.
    pub(super) fn pop(&mut self) -> Result<Batch, Error> {
        let (Some(place), Some(file)) = (self.batches.pop_front(), &mut self.file) else {
            return Err(lost("there is none"));
        };
        let mut bytes = vec![0; place.length];
        file.seek(SeekFrom::Start(place.start))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(lost)?;
        if self.batches.is_empty() {
            self.end = 0;
            file.set_len(0).map_err(lost)?;
        }
        let mut reader = StreamReader::try_new(Cursor::new(bytes), None).map_err(lost)?;
        let records = reader.next().ok_or_else(|| lost("it is empty"))?;
        Ok(Batch {
            table: place.table,
            sequence: place.sequence,
            records: records.map_err(lost)?,
        })
    }
}

pub(super) fn lost(reason: impl Into<Box<dyn error::Error + Send + Sync>>) -> Error {
    let message = "a batch that waited for the sink in a temporary file is lost";
    Error::new(Kind::Unavailable, message).with_source(reason)
}

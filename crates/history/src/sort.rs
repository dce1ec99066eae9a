//! An external sort: records are sorted in memory, spilled as sorted runs, and merged.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, Write};
use std::path::{Path, PathBuf};

use fortilake_sink::{Error, Result};

/// The number of parts of a record.
pub(crate) const PARTS: usize = 4;

/// How many bytes of records are sorted in memory before they are spilled.
pub(crate) const MEMORY: usize = 32 << 20;

/// A row as bytes that sort like the row. What each part contains is up to the user of the sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    bytes: Vec<u8>,
    ends: [u32; PARTS],
}

impl Record {
    pub(crate) fn new(parts: [&[u8]; PARTS]) -> Self {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        let ends = parts.map(|part| {
            bytes.extend_from_slice(part);
            // A row comes from a record batch, whose text columns are limited to 2 GB.
            u32::try_from(bytes.len()).unwrap_or(u32::MAX)
        });
        Self { bytes, ends }
    }

    /// One of the parts, counted from 0.
    pub(crate) fn part(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[number] as usize]
    }

    /// The record as bytes, to be stored in a part of another record.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4 * PARTS + self.bytes.len());
        // Writing to memory cannot fail.
        let _ = self.write(&mut bytes);
        bytes
    }

    /// Reverses [`pack`](Self::pack).
    pub(crate) fn unpack(mut bytes: &[u8]) -> Option<Self> {
        Self::read(&mut bytes).ok().flatten()
    }

    fn write(&self, output: &mut impl Write) -> io::Result<()> {
        for end in self.ends {
            output.write_all(&end.to_le_bytes())?;
        }
        output.write_all(&self.bytes)
    }

    /// Reads a record; `None` at the end of a run.
    fn read(input: &mut impl Read) -> io::Result<Option<Self>> {
        let mut head = [0; 4 * PARTS];
        let mut filled = 0;
        while filled < head.len() {
            match input.read(&mut head[filled..])? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => filled += count,
            }
        }
        let mut ends = [0; PARTS];
        for (end, bytes) in ends.iter_mut().zip(head.chunks_exact(4)) {
            *end = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        let mut bytes = vec![0; ends[PARTS - 1] as usize];
        input.read_exact(&mut bytes)?;
        Ok(Some(Self { bytes, ends }))
    }
}

impl Ord for Record {
    /// Compares part by part, so that a short part sorts before a longer one that starts with it.
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = 0..PARTS;
        parts.fold(Ordering::Equal, |order, number| {
            order.then_with(|| self.part(number).cmp(other.part(number)))
        })
    }
}

impl PartialOrd for Record {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Collects records in any order.
#[derive(Debug)]
pub(crate) struct Sorter {
    scratch: PathBuf,
    memory: usize,
    records: Vec<Record>,
    bytes: usize,
    runs: Vec<File>,
}

impl Sorter {
    /// A sorter that spills to unnamed files in the folder `scratch`.
    pub(crate) fn new(scratch: &Path, memory: usize) -> Self {
        Self {
            scratch: scratch.to_owned(),
            memory,
            records: Vec::new(),
            bytes: 0,
            runs: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, record: Record) -> Result<()> {
        self.bytes += record.bytes.capacity() + size_of::<Record>();
        self.records.push(record);
        if self.bytes > self.memory {
            self.spill().map_err(|error| self.failed("write", error))?;
        }
        Ok(())
    }

    /// The records in order.
    pub(crate) fn finish(mut self) -> Result<Sorted> {
        self.records.sort_unstable();
        let mut sources = Vec::with_capacity(self.runs.len() + 1);
        for mut run in std::mem::take(&mut self.runs) {
            run.rewind().map_err(|error| self.failed("read", error))?;
            sources.push(SortInput::Run(BufReader::with_capacity(BUFFER, run)));
        }
        // The rest is merged from memory, so records that all fit into it are never written to disk.
        let records = std::mem::take(&mut self.records);
        sources.push(SortInput::Memory(records.into_iter()));
        let mut sorted = Sorted {
            heap: BinaryHeap::with_capacity(sources.len()),
            sources,
            scratch: self.scratch,
        };
        for number in 0..sorted.sources.len() {
            sorted.refill(number)?;
        }
        Ok(sorted)
    }

    fn spill(&mut self) -> io::Result<()> {
        self.records.sort_unstable();
        let mut file = BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(&self.scratch)?);
        for record in self.records.drain(..) {
            record.write(&mut file)?;
        }
        self.bytes = 0;
        self.runs
            .push(file.into_inner().map_err(io::IntoInnerError::into_error)?);
        Ok(())
    }

    fn failed(&self, action: &str, error: io::Error) -> Error {
        Error::io(
            format!("{action} a temporary file in"),
            &self.scratch,
            error,
        )
    }
}

/// The buffer of a run. There are few runs, and each is read from its start to its end.
const BUFFER: usize = 64 << 10;

/// Records in ascending order.
#[derive(Debug)]
pub(crate) struct Sorted {
    /// The next record of each source.
    heap: BinaryHeap<Reverse<(Record, usize)>>,
    sources: Vec<SortInput>,
    scratch: PathBuf,
}

#[derive(Debug)]
enum SortInput {
    Run(BufReader<File>),
    Memory(std::vec::IntoIter<Record>),
}

impl Sorted {
    /// The next record, which stays in place.
    pub(crate) fn peek(&self) -> Option<&Record> {
        self.heap.peek().map(|Reverse((record, _))| record)
    }

    /// Takes the next record.
    pub(crate) fn next(&mut self) -> Result<Option<Record>> {
        let Some(Reverse((record, number))) = self.heap.pop() else {
            return Ok(None);
        };
        self.refill(number)?;
        Ok(Some(record))
    }

    /// Takes all records for which `is_in` holds, up to the first for which it does not.
    pub(crate) fn take_while(&mut self, is_in: impl Fn(&Record) -> bool) -> Result<Vec<Record>> {
        let mut taken = Vec::new();
        while self.peek().is_some_and(&is_in) {
            taken.extend(self.next()?);
        }
        Ok(taken)
    }

    fn refill(&mut self, number: usize) -> Result<()> {
        let next = match &mut self.sources[number] {
            SortInput::Memory(records) => Ok(records.next()),
            SortInput::Run(file) => Record::read(file),
        };
        let next =
            next.map_err(|error| Error::io("read a temporary file in", &self.scratch, error))?;
        self.heap
            .extend(next.map(|record| Reverse((record, number))));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(memory: usize) -> Vec<Vec<u8>> {
        let mut sorter = Sorter::new(&std::env::temp_dir(), memory);
        for number in 0..1000_u32 {
            let key = number.wrapping_mul(2_654_435_761).to_be_bytes();
            sorter
                .push(Record::new([&key, b"v", b"", b"rest"]))
                .unwrap();
        }
        let mut records = sorter.finish().unwrap();
        let mut keys = Vec::new();
        while let Some(record) = records.next().unwrap() {
            assert_eq!(record.part(1), b"v");
            assert_eq!(record.part(2), b"");
            assert_eq!(record.part(3), b"rest");
            keys.push(record.part(0).to_vec());
        }
        keys
    }

    #[test]
    fn spilled_runs_are_merged_in_order() {
        let keys = sorted(1 << 10);
        assert_eq!(keys.len(), 1000);
        assert!(keys.is_sorted());
        assert_eq!(keys, sorted(1 << 30));
    }

    #[test]
    fn parts_are_compared_one_by_one() {
        let short = Record::new([b"a", b"z", b"", b""]);
        let long = Record::new([b"ab", b"a", b"", b""]);
        assert!(short < long);
    }
}

//! Compresses the bodies of records.

use std::{cell::RefCell, io};

use zstd::bulk::Decompressor;

use crate::{Error, Kind, Result};

/// Decompresses a body to `size` bytes. Creating a decompressor takes longer than decompressing a
/// small page, so each thread keeps one.
pub(super) fn decompress(body: &[u8], size: usize) -> io::Result<Vec<u8>> {
    thread_local! {
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new()?),
        };
        decompressor.decompress(body, size)
    })
}

pub(crate) fn compressor() -> Result<zstd::bulk::Compressor<'static>> {
    zstd::bulk::Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL).map_err(uncompressed)
}

/// Compression only fails if memory runs out.
pub(super) fn uncompressed(error: io::Error) -> Error {
    Error::new(Kind::Unforeseen, "cannot compress a page").with_source(error)
}

//! Compression of bodies. The same body always compresses to the same bytes.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::GzEncoder;
use fortilake_sink::{Error, Kind, Result};

use crate::config::Compression;

/// zstd's own default. Higher levels take much more time and save little on JSON of this size.
const ZSTD_LEVEL: i32 = 3;

pub(crate) fn compress(compression: Compression, body: Bytes) -> Result<Bytes> {
    let compressed = match compression {
        Compression::None => return Ok(body),
        Compression::Gzip => {
            // This encoder writes no modification time into the header, so every attempt sends the
            // same bytes.
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&body).and_then(|()| encoder.finish())
        }
        Compression::Zstd => zstd::bulk::compress(&body, ZSTD_LEVEL),
    };
    compressed
        .map(Bytes::from)
        .map_err(|error| Error::new(Kind::Internal, "cannot compress a message").with_source(error))
}

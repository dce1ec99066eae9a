//! Compression of bodies; the same body always makes the same bytes.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::GzEncoder;
use fortilake_sink::{Error, Kind, Result};

use crate::config::Compression;

/// zstd's own default: beyond it bodies shrink by little and sending slows by much.
const ZSTD_LEVEL: i32 = 3;

pub(crate) fn compress(compression: Compression, body: Bytes) -> Result<Bytes> {
    let compressed = match compression {
        Compression::None => return Ok(body),
        Compression::Gzip => {
            // The header holds no time, so it is the same with every attempt.
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&body).and_then(|()| encoder.finish())
        }
        Compression::Zstd => zstd::bulk::compress(&body, ZSTD_LEVEL),
    };
    compressed
        .map(Bytes::from)
        .map_err(|error| Error::new(Kind::Internal, "cannot compress a message").with_source(error))
}

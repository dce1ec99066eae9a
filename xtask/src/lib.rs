//! Tasks of this repository, behind `cargo xtask`; a library so that tests can run them.

use std::path::PathBuf;

pub mod ci;
pub mod codegen;
pub mod interop;
pub mod new_sink;
pub mod tidy;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

//! Random tokens for file names.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The number of tokens made by this process.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Twelve hexadecimal digits that differ on each call, in this process and in others.
///
/// The 48 bits come from the random keys of the standard library's hash maps, mixed with the process id, a counter and
/// the time. That is not random enough for a secret, but file names only need to be unique. `fastrand`, which the pauses
/// between retries use, would not do: its seed is only the machine's uptime, and two machines that share a bucket may have
/// started together.
pub(crate) fn token() -> String {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let time = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let hash = RandomState::new().hash_one((std::process::id(), number, time.as_nanos()));
    format!("{:012x}", hash & 0xffff_ffff_ffff)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn tokens_are_short_and_different() {
        let tokens: BTreeSet<_> = (0..1000).map(|_| super::token()).collect();
        assert_eq!(tokens.len(), 1000);
        assert!(tokens.iter().all(|token| token.len() == 12));
    }
}

//! Randomness as a pure function, so that any account can be generated without generating those
//! before it.
//!
//! A library's generator is a sequence, which would have to be advanced past all earlier accounts.
//! It may also change its numbers in a new version, and then every simulated organization changes.

/// What a random number is used for. Numbers for different uses of the same index are independent.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(crate) enum Stream {
    UnitParent = 1,
    AccountUnit,
    AccountSize,
    AccountPerson,
    EmptyAccount,
    Folders,
    FolderCount,
    Licenses,
    Contracts,
    Model,
    Registered,
    Product,
    Token,
    Latency,
    Fault,
    PortalSite,
    PortalToken,
    Day,
}

/// Returns a number that depends only on the seed, the use and the index (the finalizer of
/// splitmix64).
pub(crate) fn draw(seed: u64, stream: Stream, index: u64) -> u64 {
    let salted = seed ^ mix((stream as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mix(salted.wrapping_add(index.wrapping_mul(0xBF58_476D_1CE4_E5B9)))
}

/// Returns a stable hash (FNV-1a), for objects that have a name instead of an index.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |state, byte| {
        (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A sequence of random numbers for an object that needs several.
#[derive(Debug)]
pub(crate) struct RandomSequence(u64);

impl RandomSequence {
    pub(crate) fn new(seed: u64, stream: Stream, index: u64) -> Self {
        Self(draw(seed, stream, index))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Returns a number below `end`, or zero if `end` is zero.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    /// Like `below`, for indexes and small counts.
    pub(crate) fn below_i64(&mut self, end: u32) -> i64 {
        i64::try_from(self.below(u64::from(end))).unwrap_or_default()
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[at(self.roll(), items.len())]
    }
}

/// Maps a random number to an index in a list that is not empty.
pub(crate) fn at(drawn: u64, length: usize) -> usize {
    let length = length.max(1) as u64;
    usize::try_from(drawn % length).unwrap_or_default()
}

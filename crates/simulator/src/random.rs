//! Randomness as a pure function, so that any account can be made without making those before it.

/// What a number is drawn for; two uses of the same index stay independent.
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
}

/// A number that depends on the seed, the use and the index alone (splitmix64's finalizer).
pub(crate) fn draw(seed: u64, stream: Stream, index: u64) -> u64 {
    let salted = seed ^ mix((stream as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mix(salted.wrapping_add(index.wrapping_mul(0xBF58_476D_1CE4_E5B9)))
}

/// A stable hash of some bytes (FNV-1a), for what has a name and no index.
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

/// A sequence of numbers for one thing that needs many.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64, stream: Stream, index: u64) -> Self {
        Self(draw(seed, stream, index))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `end`; zero when there is none.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    /// The same as an index or a small signed count.
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

/// Maps a drawn number to an index of a list that is not empty.
pub(crate) fn at(drawn: u64, length: usize) -> usize {
    let length = length.max(1) as u64;
    usize::try_from(drawn % length).unwrap_or_default()
}

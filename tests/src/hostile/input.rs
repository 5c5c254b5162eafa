//! Derives choices from bytes, and bytes from a seed.

/// Takes choices from the front of an input; after its end every choice is zero.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// An input that starts at the front of `rest`.
    #[must_use]
    pub fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        first
    }

    /// A bit of the next byte.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One of `choices`.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }

    /// The next four bytes as a number.
    pub fn number(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    /// A number below `bound`, or 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.number() as usize % bound.max(1)
    }

    /// The next bytes, at most `max` of them.
    pub fn take(&mut self, max: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(max.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Whether the input has ended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The remaining bytes.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

/// Pseudo-random numbers, the same in every run (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// A number below `bound`, or 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.draw() >> 1).unwrap_or_default() % bound.max(1)
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.draw().to_le_bytes()[0]
    }
}

/// Changes a few bytes as a fuzzer does: flips bits, sets boundary values, and
/// removes, inserts, duplicates and truncates parts.
pub fn mutate(data: &mut Vec<u8>, random: &mut Random) {
    const EDGES: [u8; 6] = [0, 1, 0x7f, 0x80, 0xfe, 0xff];
    for _ in 0..=random.below(4) {
        let at = random.below(data.len());
        let some = 1 + random.below(8);
        match random.below(7) {
            _ if data.is_empty() => data.push(random.byte()),
            0 => data[at] ^= 1 << random.below(8),
            1 => data[at] = EDGES[random.below(EDGES.len())],
            2 => data[at] = random.byte(),
            3 => drop(data.drain(at..(at + some).min(data.len()))),
            4 => drop(data.splice(at..at, (0..some).map(|_| random.byte()))),
            5 => {
                let piece = data[at..(at + some).min(data.len())].to_vec();
                let to = random.below(data.len());
                data.splice(to..to, piece);
            }
            _ => {
                let end = (at + 4).min(data.len());
                data[at..end].fill(EDGES[random.below(EDGES.len())]);
            }
        }
    }
}

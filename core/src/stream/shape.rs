//! The settings of a stream, which never change.

/// The size of a stream's buffer in bytes, `S`: from 1 to [`BufferSize::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferSize(usize);

impl BufferSize {
    /// The largest size in bytes, 1 GiB: twice as much still fits 32 bits.
    pub const MAX: usize = 1 << 30;

    /// One byte.
    pub const SMALLEST: BufferSize = BufferSize(1);

    /// A buffer size of `bytes`; `None` for 0 and for more than [`BufferSize::MAX`].
    ///
    /// ```
    /// use sealpack_core::stream::BufferSize;
    /// assert_eq!(BufferSize::new(8192).map(BufferSize::get), Some(8192));
    /// assert_eq!(BufferSize::new(0), None);
    /// ```
    pub const fn new(bytes: usize) -> Option<Self> {
        if bytes == 0 || bytes > Self::MAX { None } else { Some(BufferSize(bytes)) }
    }

    /// The size in bytes.
    #[inline]
    pub const fn get(self) -> usize {
        self.0
    }
}

/// The sizes of a stream's puts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// `S`: the size of every put, exactly (with trim) or at least (without),
    /// except for the last one before a flush or a close.
    pub buffer_size: BufferSize,
    /// Whether puts are cut to `buffer_size`.
    pub trim: bool,
}

impl Shape {
    /// Puts of at least `buffer_size`; bytes that were handed over together are put
    /// together.
    pub const fn at_least(buffer_size: BufferSize) -> Self {
        Shape { buffer_size, trim: false }
    }

    /// Puts of exactly `buffer_size`: parts of a multipart upload, blocks of one
    /// size. Only their sizes are guaranteed: the extents are not aligned in
    /// memory.
    pub const fn exactly(buffer_size: BufferSize) -> Self {
        Shape { buffer_size, trim: true }
    }
}

//! A stream under test: ours under any rules, or somebody else's.

use super::recorder::Recorder;
use super::state::{Failed, State};
use crate::stream::Shape;
use alloc::boxed::Box;
use bytes::Bytes;

/// An output stream that the checker can drive.
///
/// Each call gets the sink to write to; the bytes that the checker passes are
/// its own, each with a value of its place, and the buffers of
/// [`write_extents`](Subject::write_extents) are looked for in what the sink is
/// given.
///
/// To check your own stream, put it behind an adapter. `std::io::BufWriter`, for
/// example, which promises the order of the bytes and no more: it copies small
/// writes whoever owns them, and puts a short buffer when the next write does
/// not fit.
///
/// ```
/// use bytes::Bytes;
/// use sealpack_core::check::{self, Failed, Invariant, Recorder, Space, Subject};
/// use sealpack_core::stream::Shape;
/// use std::io::{BufWriter, Write};
///
/// /// What `BufWriter` writes to: it keeps the writes until the call is over.
/// #[derive(Default)]
/// struct Tap(Vec<Bytes>);
///
/// impl Write for Tap {
///     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
///         self.0.push(Bytes::copy_from_slice(bytes));
///         Ok(bytes.len())
///     }
///     fn flush(&mut self) -> std::io::Result<()> {
///         Ok(())
///     }
/// }
///
/// struct Std(BufWriter<Tap>);
///
/// impl Std {
///     fn pass_on(&mut self, sink: &mut Recorder) -> Result<(), Failed> {
///         self.0.get_mut().0.drain(..).try_for_each(|put| sink.put(&[put]).map_err(|_| Failed))
///     }
/// }
///
/// impl Subject for Std {
///     fn write(&mut self, bytes: &[u8], sink: &mut Recorder) -> Result<(), Failed> {
///         self.0.write_all(bytes).map_err(|_| Failed)?;
///         self.pass_on(sink)
///     }
///     fn write_extents(&mut self, extents: &[Bytes], sink: &mut Recorder) -> Result<(), Failed> {
///         extents.iter().try_for_each(|extent| self.write(extent, sink))
///     }
///     fn flush(&mut self, sink: &mut Recorder) -> Result<(), Failed> {
///         self.0.flush().map_err(|_| Failed)?;
///         self.pass_on(sink)?;
///         sink.flush()
///     }
///     fn close(&mut self, sink: &mut Recorder) -> Result<(), Failed> {
///         self.flush(sink)?;
///         sink.close()
///     }
/// }
///
/// let open = |shape: Shape| -> Box<dyn Subject> {
///     Box::new(Std(BufWriter::with_capacity(shape.buffer_size.get(), Tap::default())))
/// };
/// let space = Space { max_events: 2, ..Space::set_1() };
/// let tally = check::enumerate(&space, &open);
/// let broken: Vec<_> = tally.broken().iter().collect();
/// assert_eq!(broken, [Invariant::Shape, Invariant::Bound, Invariant::ZeroCopy]);
/// assert_eq!(tally.smallest(Invariant::Shape).unwrap().to_string(), "trim=1 writes=b6");
/// ```
pub trait Subject {
    /// A buffered write.
    ///
    /// # Errors
    /// [`Failed`] where the call was refused or an output of it failed; so for
    /// the other calls.
    fn write(&mut self, bytes: &[u8], sink: &mut Recorder) -> Result<(), Failed>;

    /// One zero-copy write.
    ///
    /// # Errors
    /// As for [`write`](Subject::write).
    fn write_extents(&mut self, extents: &[Bytes], sink: &mut Recorder) -> Result<(), Failed>;

    /// A flush, to the sink's flush. A stream that has none leaves this and says so
    /// in [`has_flush`](Subject::has_flush).
    ///
    /// # Errors
    /// As for [`write`](Subject::write).
    fn flush(&mut self, _sink: &mut Recorder) -> Result<(), Failed> {
        Ok(())
    }

    /// Whether the stream has a flush. Where it has none, the sink's flush is not
    /// expected, neither on a flush nor before the close.
    fn has_flush(&self) -> bool {
        true
    }

    /// A close, to the sink's close.
    ///
    /// # Errors
    /// As for [`write`](Subject::write).
    fn close(&mut self, sink: &mut Recorder) -> Result<(), Failed>;

    /// The stream's numbers; `None` where they cannot be seen. Then
    /// [`Rest`](super::Invariant::Rest) is not judged, and nothing can be proved.
    fn state(&self) -> Option<State> {
        None
    }

    /// Visits what waits in the stream in order: each extent of `L`, then the
    /// filled front of the buffer, with whether it lies in the buffer. Called
    /// only where [`state`](Subject::state) is known.
    fn waiting(&self, _visit: &mut dyn FnMut(&[u8], bool)) {}
}

/// A way to open fresh streams under test.
pub type Open<'a> = &'a (dyn Fn(Shape) -> Box<dyn Subject> + 'a);

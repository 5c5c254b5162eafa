//! A stream under test: this crate's with any rules, or a caller's own.

use super::recorder::Recorder;
use super::state::{Failed, State};
use crate::stream::Shape;
use alloc::boxed::Box;
use bytes::Bytes;

/// An output stream that the checker can drive.
///
/// Each call gets the sink to write to. The bytes are the checker's own, each with
/// a value derived from its position, and the checker looks for the buffers of
/// [`write_extents`](Subject::write_extents) in the extents that the sink receives.
///
/// To check your own stream, write an adapter. This example adapts
/// `std::io::BufWriter`, which guarantees only the order of the bytes: it copies small
/// writes even if they were handed over, and puts a short buffer if the next write does
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
    /// [`Failed`] if the call was refused or one of its outputs failed; the same
    /// applies to the other calls.
    fn write(&mut self, bytes: &[u8], sink: &mut Recorder) -> Result<(), Failed>;

    /// One zero-copy write.
    ///
    /// # Errors
    /// As for [`write`](Subject::write).
    fn write_extents(&mut self, extents: &[Bytes], sink: &mut Recorder) -> Result<(), Failed>;

    /// A flush, down to the sink's flush. A stream without a flush keeps this
    /// default and says so in [`has_flush`](Subject::has_flush).
    ///
    /// # Errors
    /// As for [`write`](Subject::write).
    fn flush(&mut self, _sink: &mut Recorder) -> Result<(), Failed> {
        Ok(())
    }

    /// Whether the stream has a flush. If it has none, the sink expects no flush,
    /// neither on a flush nor before the close.
    fn has_flush(&self) -> bool {
        true
    }

    /// A close, down to the sink's close.
    ///
    /// # Errors
    /// As for [`write`](Subject::write).
    fn close(&mut self, sink: &mut Recorder) -> Result<(), Failed>;

    /// The stream's numbers; `None` if the stream does not show them. Then
    /// [`Rest`](super::Invariant::Rest) is not checked, and nothing can be proved.
    fn state(&self) -> Option<State> {
        None
    }

    /// Visits the waiting bytes in order: each extent of `L`, then the filled bytes of
    /// the buffer. The flag says whether the bytes lie in the buffer. It is called only
    /// if [`state`](Subject::state) is `Some`.
    fn waiting(&self, _visit: &mut dyn FnMut(&[u8], bool)) {}
}

/// A function that opens fresh streams under test.
pub type OpenSubject<'a> = &'a (dyn Fn(Shape) -> Box<dyn Subject> + 'a);

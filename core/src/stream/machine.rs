//! The machine: its state, its four operations, and the steps they share.

use super::buffer::{Buffer, RetiredBuffers};
use super::extent::Extent;
use super::outcome::{Outcome, StreamRefusal};
use super::pending::Pending;
use super::queue::{InHand, Output, Outputs, Put};
use super::rules::{End, Rules, SpecifiedRules};
use super::shape::Shape;
use bytes::{Bytes, BytesMut};
use core::{marker::PhantomData, mem};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is queued: the stream accepts operations.
    Ready,
    /// Outputs are queued, or the driver has taken one.
    Draining,
    /// Close was called; its outputs may still be queued.
    Closed,
    /// An output failed. `closed` says whether close was called.
    Failed { closed: bool },
}

/// An output stream of small copied and large handed-over writes. It decides what
/// is put and when; its driver does the writing.
///
/// The [module](super) documentation describes the machine, the driver's rule and
/// the loop that follows it.
// The fields that a small write touches come first: the compiler would place them
// after the rest, where access is a tenth slower.
#[derive(Debug)]
#[repr(C)]
pub struct Stream<R: Rules = SpecifiedRules> {
    buffer: Buffer,
    retired: RetiredBuffers,
    shape: Shape,
    phase: Phase,
    pending: Pending,
    outputs: Outputs,
    taken: u64,
    rules: PhantomData<fn() -> R>,
}

impl Stream {
    /// An empty stream. The first buffered write allocates the buffer.
    pub fn new(shape: Shape) -> Self {
        Self::with_rules(shape)
    }
}

impl<R: Rules> Stream<R> {
    /// A stream with rules other than the specified ones, such as
    /// [`ReferenceFlush`](super::ReferenceFlush) for a comparison with the reference.
    pub fn with_rules(shape: Shape) -> Self {
        Stream {
            buffer: Buffer::default(),
            retired: RetiredBuffers::default(),
            shape,
            phase: Phase::Ready,
            pending: Pending::default(),
            outputs: Outputs::default(),
            taken: 0,
            rules: PhantomData,
        }
    }

    /// A *buffered* write: copies the bytes, and may put them at once or later.
    ///
    /// # Errors
    /// [`StreamRefusal`]; the stream has then taken none of the bytes.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StreamRefusal> {
        // Nothing fits a shut buffer, so a stream that is not `Ready` needs no
        // check of its own.
        if self.buffer.copy_if_it_fits::<R>(bytes, self.shape.buffer_size.get()) {
            return Ok(());
        }
        self.write_past_the_buffer(bytes)
    }

    /// Copies a buffered write that fits the buffer; otherwise does nothing. This is
    /// the part of [`write`](Self::write) that queues nothing and decides nothing.
    #[cfg(feature = "check")]
    #[inline]
    pub(crate) fn copy_if_it_fits(&mut self, bytes: &[u8]) -> bool {
        self.buffer.copy_if_it_fits::<R>(bytes, self.shape.buffer_size.get())
    }

    /// The outputs, for a recorder.
    #[cfg(feature = "check")]
    #[inline]
    pub(crate) fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// A *zero-copy* write of one extent: the stream keeps the buffer itself and
    /// copies nothing.
    ///
    /// # Errors
    /// [`StreamRefusal`]; the extent is then dropped, and none of it was taken.
    pub fn write_owned(&mut self, extent: Bytes) -> Result<(), StreamRefusal> {
        self.check_ready()?;
        self.waiting().checked_add(extent.len()).ok_or(StreamRefusal::TooLong)?;
        if R::joins(extent.len()) {
            self.seal_first(1);
            let len = extent.len();
            self.pending.join(self.handed_over(extent), len);
            self.emit();
        }
        Ok(())
    }

    /// A *zero-copy* write of many extents, in this order and as one write: the
    /// stream checks no threshold between them. It leaves out empty extents.
    ///
    /// # Errors
    /// [`StreamRefusal`]; the extents are then dropped, and none of their bytes was taken.
    pub fn write_extents(
        &mut self,
        extents: impl IntoIterator<Item = Bytes>,
    ) -> Result<(), StreamRefusal> {
        let ready = self.check_ready();
        if R::refuses_empty_lists() {
            ready?;
        }
        // The extents are gathered first: a refused write must leave no trace.
        let mut list = self.outputs.list();
        let (waiting, mut len, mut last) = (self.waiting(), 0_usize, 0);
        for extent in extents {
            let of_extent = extent.len();
            len = len.checked_add(of_extent).ok_or(StreamRefusal::TooLong)?;
            waiting.checked_add(len).ok_or(StreamRefusal::TooLong)?;
            if R::joins(of_extent) {
                let extent = Extent::Own(self.handed_over(extent));
                match R::list_end() {
                    End::Back => list.push(extent),
                    End::Front => list.insert(0, extent),
                }
                last = of_extent;
            }
        }
        if !list.is_empty() {
            ready?;
            self.seal_first(list.len());
            self.pending.join_list(&mut list, R::list_counts(len, last));
            self.emit();
        }
        self.outputs.keep(list);
        Ok(())
    }

    /// Puts all waiting bytes, then flushes the sink.
    ///
    /// # Errors
    /// [`StreamRefusal`]; nothing is queued then.
    pub fn flush(&mut self) -> Result<(), StreamRefusal> {
        self.check_ready()?;
        self.queue_flush();
        self.enter(Phase::Draining);
        Ok(())
    }

    /// Flushes, then closes the sink. The sink's close is always queued, whatever
    /// happened before and even if the flush fails.
    ///
    /// # Errors
    /// [`StreamRefusal::Failed`] on a failed stream: the waiting bytes are lost, but the
    /// sink's close is still queued (once), so the driver's rule applies here too.
    /// With the other refusals nothing is queued.
    pub fn close(&mut self) -> Result<(), StreamRefusal> {
        match self.phase {
            Phase::Ready => {
                self.queue_flush();
                self.outputs.push(Output::Close);
                self.enter(Phase::Closed);
                Ok(())
            }
            Phase::Failed { closed } => {
                if !closed && R::closes_after_failure() {
                    self.outputs.push(Output::Close);
                }
                self.enter(Phase::Failed { closed: true });
                Err(StreamRefusal::Failed)
            }
            Phase::Draining => Err(StreamRefusal::OutputsWait),
            Phase::Closed => Err(StreamRefusal::Closed),
        }
    }

    /// The next output for the driver to carry out; `None` if there is none, or if the
    /// outcome of the previous one has not been [reported](Self::completed).
    #[inline]
    pub fn next_output(&mut self) -> Option<Output> {
        if self.buffer.is_open() { None } else { self.outputs.next() }
    }

    /// Reports the outcome of the output that was taken last. Does nothing if its
    /// outcome was already reported.
    ///
    /// Report an abandoned put (a cancelled task) as failed: the stream cannot know
    /// how much of it the sink took.
    pub fn completed(&mut self, outcome: Outcome) {
        let Some(in_hand) = self.outputs.reported() else { return };
        let taken = match (in_hand, outcome) {
            (InHand::Put { len }, Outcome::Done) => len,
            (InHand::Put { len }, Outcome::Failed { taken }) => taken.min(len),
            (InHand::Flush | InHand::Close, _) => 0,
        };
        // `usize` has at most 64 bits, and no stream reaches 2^64 bytes.
        self.taken = self.taken.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
        if matches!(outcome, Outcome::Failed { .. }) && R::fail_stops(taken) {
            self.fail();
        } else if self.phase == Phase::Draining {
            self.settle();
        }
    }

    /// Takes back a put that the sink no longer needs, to reuse its memory: its list
    /// of extents, or the buffer if no other view of it exists. This is optional; a
    /// stream whose puts come back soon stops allocating.
    pub fn recycle(&mut self, put: Put) {
        if let Some(extent) = self.outputs.recycle(put) {
            self.retired.keep_whole::<R>(extent, self.shape.buffer_size.get());
        }
    }

    /// The number of bytes that the sink has taken, as reported: always a prefix of
    /// what was written.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// The sizes of the stream's puts.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// `C`: the capacity left in the current buffer, including its filled part; `None`
    /// if there is no buffer.
    pub fn capacity(&self) -> Option<usize> {
        self.buffer.capacity()
    }

    /// `E`: the number of filled bytes in the buffer.
    pub fn filled_len(&self) -> usize {
        self.buffer.filled()
    }

    /// The filled front of the buffer, `E` bytes. It follows
    /// [`pending`](Self::pending).
    pub fn filled(&self) -> &[u8] {
        self.buffer.filled_bytes()
    }

    /// `L`: the waiting extents, in the order of the stream.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        let front = self.buffer.front();
        self.pending.extents().iter().map(move |extent| extent.bytes(front))
    }

    /// `Z`: the number of bytes in [`pending`](Self::pending).
    pub fn pending_bytes(&self) -> usize {
        self.pending.bytes()
    }

    /// The number of bytes written and not yet queued: `Z + E`.
    pub fn waiting(&self) -> usize {
        self.pending.bytes().saturating_add(self.filled_len())
    }

    #[inline]
    fn size(&self) -> usize {
        self.shape.buffer_size.get()
    }

    fn check_ready(&self) -> Result<(), StreamRefusal> {
        match self.phase {
            Phase::Ready => Ok(()),
            Phase::Draining => Err(StreamRefusal::OutputsWait),
            Phase::Closed => Err(StreamRefusal::Closed),
            Phase::Failed { .. } => Err(StreamRefusal::Failed),
        }
    }

    /// Sets the phase after an operation, or after one of its outputs.
    fn settle(&mut self) {
        self.enter(if self.outputs.is_empty() { Phase::Ready } else { Phase::Draining });
    }

    /// Changes the phase. The buffer is open exactly while the stream accepts
    /// operations.
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        if phase == Phase::Ready { self.buffer.open() } else { self.buffer.shut() }
    }

    /// Ends the stream: nothing more is put, and the waiting bytes are dropped.
    fn fail(&mut self) {
        self.outputs.drop_all_but_close::<R>();
        self.buffer = Buffer::default();
        self.pending.clear();
        // The close of a failed stream may fail too; it still counts as the close.
        let closed = matches!(self.phase, Phase::Closed | Phase::Failed { closed: true });
        self.enter(Phase::Failed { closed });
    }

    #[cold]
    #[inline(never)]
    fn write_past_the_buffer(&mut self, bytes: &[u8]) -> Result<(), StreamRefusal> {
        self.check_ready()?;
        self.waiting().checked_add(bytes.len()).ok_or(StreamRefusal::TooLong)?;
        let filled = self.filled_len();
        if self.buffer.has_room::<R>(bytes.len(), self.size()) {
            // Only a seeded bug sees room where there is none.
            self.buffer.copy(bytes);
        } else if R::is_large(bytes.len(), filled, self.size()) {
            self.write_large(bytes);
        } else {
            self.write_across(bytes);
        }
        self.settle();
        Ok(())
    }

    /// A write of `S` bytes or more goes around the buffer if nothing is filled.
    fn write_large(&mut self, bytes: &[u8]) {
        if !R::goes_direct(self.pending.is_empty()) {
            self.pending.join(Bytes::copy_from_slice(bytes), bytes.len());
            self.emit();
        } else {
            self.put_run(bytes);
        }
    }

    /// Fills the buffer. The overflow either waits together with it, or follows its put.
    fn write_across(&mut self, bytes: &[u8]) {
        let size = self.size();
        if self.buffer.capacity().is_none() {
            self.fresh_buffer();
        }
        let room = self.buffer.free().min(bytes.len());
        let (now, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.buffer.copy(now);
        if rest.is_empty() {
            return;
        }
        if R::overflow_waits(self.pending.is_empty(), self.buffer.capacity().unwrap_or(0), size) {
            self.seal();
            self.join_overflow(rest);
            self.emit();
            return;
        }
        self.put_buffer();
        if rest.len() >= size {
            self.put_run(rest);
        } else {
            self.fresh_buffer();
            self.buffer.copy(rest);
        }
    }

    /// Starts a whole buffer; an existing remnant is abandoned.
    fn fresh_buffer(&mut self) {
        if self.buffer.capacity().is_some() {
            self.retire_buffer();
        }
        self.buffer.renew(self.retired.memory::<R>(self.shape.buffer_size.get()));
    }

    /// Puts a copy of a run that no waiting bytes precede: as one put, or with trim as
    /// puts of `S`, with the tail in the buffer.
    fn put_run(&mut self, bytes: &[u8]) {
        let size = self.size();
        if !self.shape.trim {
            return self.outputs.put_one(Bytes::copy_from_slice(bytes));
        }
        let whole = bytes.len() - bytes.len() % size;
        let (run, tail) = bytes.split_at_checked(whole).unwrap_or((bytes, &[]));
        let mut run = Bytes::copy_from_slice(run);
        while !run.is_empty() {
            self.outputs.put_one(run.split_to(size.min(run.len())));
        }
        // A remnant too short for the tail is abandoned: this wastes memory on
        // purpose, so that the tail stays in one piece. If there is no buffer, even
        // a tail of 0 gets one: the next write of S bytes then fills it, as in the
        // reference.
        if !self.buffer.capacity().is_some_and(|capacity| R::tail_fits(tail.len(), capacity)) {
            self.fresh_buffer();
        }
        self.buffer.copy(tail);
    }

    /// Appends the rest of an overflowing write to `L` as a run of its own.
    fn join_overflow(&mut self, rest: &[u8]) {
        let handed = R::handed_over(rest.len(), rest.len().max(self.size()));
        if handed == rest.len() {
            self.pending.join(Bytes::copy_from_slice(rest), rest.len());
        } else if handed == 0 {
            self.pending.count(rest.len());
        } else {
            let mut run = BytesMut::from(rest);
            run.resize(handed, 0);
            self.pending.join(run.freeze(), rest.len());
        }
    }

    /// Seals the buffer, since a zero-copy write comes after its bytes.
    fn seal_first(&mut self, extents: usize) {
        let filled = self.filled_len();
        if R::seals_first(filled, extents) {
            self.seal();
        }
    }

    /// An extent of a zero-copy write, unchanged.
    #[inline]
    fn handed_over(&self, extent: Bytes) -> Bytes {
        if R::copies(extent.len(), self.size()) { Bytes::copy_from_slice(&extent) } else { extent }
    }

    /// *Seal*: the filled bytes of the buffer join `L` without being moved.
    #[inline]
    fn seal(&mut self) {
        if self.buffer.filled() == 0 {
            return;
        }
        self.pending.join_sealed::<R>(self.buffer.seal::<R>());
        if self.buffer.capacity().is_some_and(R::is_gone) {
            self.retire_buffer();
        }
    }

    /// Puts the filled bytes of the buffer, and drops the buffer.
    fn put_buffer(&mut self) {
        self.detach();
        let size = self.size();
        let filled = self.buffer.take_filled(size);
        if filled.len() == size {
            // The put has the whole buffer, and may return it.
            self.buffer = Buffer::default();
        } else {
            self.retire_buffer();
        }
        self.outputs.put_one(filled);
    }

    /// Drops the buffer; its memory may be reused.
    #[inline(never)]
    fn retire_buffer(&mut self) {
        self.detach();
        self.retired.keep(mem::take(&mut self.buffer));
    }

    /// Gives each waiting extent in the buffer's front a view of its own, because the
    /// buffer is dropped before they are put.
    fn detach(&mut self) {
        if !self.buffer.front().is_empty() {
            self.pending.detach(&self.buffer.take_front());
        }
    }

    /// *Emit*: once `S` bytes wait, puts them all (without trim), or repeatedly
    /// puts `S` (with trim).
    #[inline]
    fn emit(&mut self) {
        if R::is_due(self.pending.bytes(), self.size()) {
            self.put_due();
        }
    }

    #[inline(never)]
    fn put_due(&mut self) {
        if self.shape.trim {
            self.pending.put_pieces::<R>(self.size(), &mut self.buffer, &mut self.outputs);
        } else {
            self.pending.put_all::<R>(&mut self.buffer, &mut self.outputs);
        }
        self.settle();
    }

    fn queue_flush(&mut self) {
        let filled = self.buffer.filled();
        if R::flushes_buffer(self.pending.is_empty(), filled) {
            self.put_buffer();
        } else if !self.pending.is_empty() {
            if R::flush_seals(filled) {
                self.seal();
            }
            let waiting = self.pending.bytes();
            if R::flush_piece(waiting, self.size(), self.shape.trim) < waiting {
                self.pending.put_pieces::<R>(self.size(), &mut self.buffer, &mut self.outputs);
            }
            self.pending.put_all::<R>(&mut self.buffer, &mut self.outputs);
        }
        self.outputs.push(Output::Flush);
    }
}

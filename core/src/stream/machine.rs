//! The machine: its state, its four operations, and the steps they share.

use super::buffer::{Buffer, Spent};
use super::queue::{InHand, Output, Outputs, Pending, Put};
use super::rules::{Faithful, Rules};
use super::shape::Shape;
use bytes::{Bytes, BytesMut};
use core::{fmt, marker::PhantomData, mem};

/// Why an operation was refused. Nothing was taken from the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// A put, a flush or the close of the sink failed before. The stream is
    /// over: what came next would stand behind a gap.
    Failed,
    /// The stream was closed before.
    Closed,
    /// Outputs of the operation before wait to be taken, or one of them to be
    /// reported on: see the driver's rule at the top of the [module](super).
    OutputsWait,
    /// The bytes waiting and those of this write are more than `usize` counts
    /// (the same buffer handed over many times on a 32-bit machine).
    TooLong,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Failed => "the stream has failed: a write to its sink did not succeed",
            Refused::Closed => "the stream is closed",
            Refused::OutputsWait => "outputs of the operation before are still to be carried out",
            Refused::TooLong => "the write is longer than a machine word counts",
        })
    }
}

impl core::error::Error for Refused {}

/// How an output ended at the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Carried out in full.
    Done,
    /// Not carried out, or not in full.
    Failed {
        /// The bytes of the put that the sink took all the same, from its
        /// front; 0 for a flush and a close.
        taken: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is queued: operations are welcome.
    Ready,
    /// Outputs are queued or in the driver's hand.
    Draining,
    /// Close was called; its outputs may still be queued.
    Closed,
    /// An output failed. `closed` tells whether close was called.
    Failed { closed: bool },
}

/// An output stream of small copied and large handed-over writes. It decides
/// what is put and when; its driver does the writing.
///
/// The machine, the driver's rule and the loop that follows it are at the top
/// of the [module](super).
#[derive(Debug)]
pub struct Stream<R: Rules = Faithful> {
    buffer: Buffer,
    spent: Spent,
    shape: Shape,
    phase: Phase,
    pending: Pending,
    outputs: Outputs,
    taken: u64,
    rules: PhantomData<fn() -> R>,
}

impl Stream {
    /// A stream that has put nothing and holds nothing; the buffer is allocated
    /// at the first buffered write.
    pub fn new(shape: Shape) -> Self {
        Self::with_rules(shape)
    }
}

impl<R: Rules> Stream<R> {
    /// A stream under other rules than the specified ones: those of the
    /// reference ([`ReferenceFlush`](super::ReferenceFlush)), to compare with it.
    pub fn with_rules(shape: Shape) -> Self {
        Stream {
            buffer: Buffer::default(),
            spent: Spent::default(),
            shape,
            phase: Phase::Ready,
            pending: Pending::default(),
            outputs: Outputs::default(),
            taken: 0,
            rules: PhantomData,
        }
    }

    /// A *buffered* write: the bytes are copied, and may be put at once or later.
    ///
    /// # Errors
    /// [`Refused`]; nothing was taken then.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if self.phase == Phase::Ready
            && self.buffer.copy_if_it_fits::<R>(bytes, self.shape.buffer_size.get())
        {
            return Ok(());
        }
        self.write_past_the_buffer(bytes)
    }

    /// A *zero-copy* write of one extent: the stream keeps the buffer itself and
    /// copies nothing.
    ///
    /// # Errors
    /// [`Refused`]; the extent is dropped then, and nothing of it was taken.
    pub fn write_owned(&mut self, extent: Bytes) -> Result<(), Refused> {
        self.check_ready()?;
        self.waiting().checked_add(extent.len()).ok_or(Refused::TooLong)?;
        if R::joins(extent.len()) {
            self.seal_first();
            self.join_extent(extent);
            self.emit();
        }
        Ok(())
    }

    /// A *zero-copy* write of many extents, which are put in this order and as
    /// one write: no threshold is looked at between them. Empty ones are left out.
    ///
    /// # Errors
    /// [`Refused`]; the extents are dropped then, and nothing of them was taken.
    pub fn write_extents(
        &mut self,
        extents: impl IntoIterator<Item = Bytes>,
    ) -> Result<(), Refused> {
        self.check_ready()?;
        // Gathered first: a write that is refused must leave no trace.
        let mut list = self.outputs.list();
        let mut total = self.waiting();
        for extent in extents {
            total = total.checked_add(extent.len()).ok_or(Refused::TooLong)?;
            if R::joins(extent.len()) {
                list.push(extent);
            }
        }
        let any = !list.is_empty();
        if any {
            self.seal_first();
        }
        for extent in list.drain(..) {
            self.join_extent(extent);
        }
        self.outputs.keep(list);
        if any {
            self.emit();
        }
        Ok(())
    }

    /// Puts all that waits, then flushes the sink.
    ///
    /// # Errors
    /// [`Refused`]; nothing is queued then.
    pub fn flush(&mut self) -> Result<(), Refused> {
        self.check_ready()?;
        self.queue_flush();
        self.phase = Phase::Draining;
        Ok(())
    }

    /// Flushes, then closes the sink. The sink's close is queued whatever
    /// happened before and whatever happens to the flush.
    ///
    /// # Errors
    /// [`Refused::Failed`] on a failed stream: what waited is lost, but the
    /// sink's close is queued all the same (once), so the driver's rule holds
    /// here too. With the other refusals nothing is queued.
    pub fn close(&mut self) -> Result<(), Refused> {
        match self.phase {
            Phase::Ready => {
                self.queue_flush();
                self.outputs.push(Output::Close);
                self.phase = Phase::Closed;
                Ok(())
            }
            Phase::Failed { closed } => {
                if !closed && R::closes_after_failure() {
                    self.outputs.push(Output::Close);
                }
                self.phase = Phase::Failed { closed: true };
                Err(Refused::Failed)
            }
            Phase::Draining => Err(Refused::OutputsWait),
            Phase::Closed => Err(Refused::Closed),
        }
    }

    /// The next thing to do at the sink; `None` when there is nothing, or when
    /// the one before has not been [reported](Self::completed) on.
    #[inline]
    pub fn next_output(&mut self) -> Option<Output> {
        if self.phase == Phase::Ready { None } else { self.outputs.next() }
    }

    /// Reports how the output last taken ended. Without one in hand it does
    /// nothing.
    ///
    /// A put that was given up (a cancelled task) is reported as failed: the
    /// stream cannot know how much of it the sink took.
    pub fn completed(&mut self, outcome: Outcome) {
        let Some(in_hand) = self.outputs.reported() else { return };
        let taken = match (in_hand, outcome) {
            (InHand::Put { len }, Outcome::Done) => len,
            (InHand::Put { len }, Outcome::Failed { taken }) => taken.min(len),
            (InHand::Flush | InHand::Close, _) => 0,
        };
        // `usize` is at most 64 bits wherever this builds; a stream of 2^64
        // bytes is not reached in a lifetime.
        self.taken = self.taken.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
        if matches!(outcome, Outcome::Failed { .. }) && R::fail_stops(taken) {
            self.fail();
        } else if self.phase == Phase::Draining {
            self.settle();
        }
    }

    /// Takes back a put that the sink is done with, to use its memory again: its
    /// list of extents, or the buffer, where it was one that nobody else holds a
    /// view of. Optional; a stream whose puts come back allocates next to nothing
    /// once it runs.
    pub fn recycle(&mut self, put: Put) {
        if let Some(extent) = self.outputs.recycle(put) {
            self.spent.keep_whole(extent, self.shape.buffer_size.get());
        }
    }

    /// The bytes that the sink has taken, as reported: always a prefix of what
    /// was written.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// How the stream cuts what it puts.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// `C`: the capacity left in the current buffer, filled or not; `None` when
    /// there is no buffer.
    pub fn capacity(&self) -> Option<usize> {
        self.buffer.capacity()
    }

    /// `E`: how many bytes of the buffer are filled.
    pub fn filled_len(&self) -> usize {
        self.buffer.filled()
    }

    /// The filled front of the buffer, `E` bytes. It follows on [`pending`](Self::pending).
    pub fn filled(&self) -> &[u8] {
        self.buffer.filled_bytes()
    }

    /// `L`: the extents that wait, in the order of the stream.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = &Bytes> + Clone {
        self.pending.extents()
    }

    /// `Z`: the bytes of [`pending`](Self::pending).
    pub fn pending_bytes(&self) -> usize {
        self.pending.bytes()
    }

    /// All bytes written and not yet queued: `Z + E`.
    pub fn waiting(&self) -> usize {
        self.pending.bytes().saturating_add(self.filled_len())
    }

    #[inline]
    fn size(&self) -> usize {
        self.shape.buffer_size.get()
    }

    fn check_ready(&self) -> Result<(), Refused> {
        match self.phase {
            Phase::Ready => Ok(()),
            Phase::Draining => Err(Refused::OutputsWait),
            Phase::Closed => Err(Refused::Closed),
            Phase::Failed { .. } => Err(Refused::Failed),
        }
    }

    /// After an operation, or an output of one.
    fn settle(&mut self) {
        self.phase = if self.outputs.is_empty() { Phase::Ready } else { Phase::Draining };
    }

    /// The end of the stream: nothing more is put, and what waits is let go.
    fn fail(&mut self) {
        self.phase = Phase::Failed { closed: self.phase == Phase::Closed };
        self.outputs.drop_all_but_close::<R>();
        self.buffer = Buffer::default();
        self.pending.clear();
    }

    #[inline(never)]
    fn write_past_the_buffer(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.check_ready()?;
        self.waiting().checked_add(bytes.len()).ok_or(Refused::TooLong)?;
        let filled = self.filled_len();
        if R::is_large(bytes.len(), filled, self.size()) {
            self.write_large(bytes);
        } else {
            self.write_across(bytes);
        }
        self.settle();
        Ok(())
    }

    /// A write of `S` bytes or more with nothing in the buffer goes around it.
    fn write_large(&mut self, bytes: &[u8]) {
        if !R::goes_direct(self.pending.is_empty()) {
            self.pending.join(Bytes::copy_from_slice(bytes), bytes.len());
            self.emit();
        } else {
            self.put_run(bytes);
        }
    }

    /// Fills the buffer; what overflows either waits with it or follows its put.
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

    /// A whole buffer; a remnant that is there is abandoned.
    fn fresh_buffer(&mut self) {
        if self.buffer.capacity().is_some() {
            self.let_go();
        }
        self.buffer = self.spent.buffer(self.shape.buffer_size.get());
    }

    /// A copied run with nothing before it: put whole, or cut to `S` with the
    /// tail in the buffer.
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
        // A remnant too short for the tail is abandoned: memory wasted on purpose,
        // so that the tail stays in one piece. Where there is no buffer a tail of 0
        // gets one too: the next write of S bytes then fills it, as in the
        // reference.
        let remnant = self.buffer.capacity();
        if !remnant.is_some_and(|capacity| R::tail_fits(tail.len(), capacity)) {
            self.fresh_buffer();
        }
        self.buffer.copy(tail);
    }

    /// The rest of an overflowing write joins `L` as a run of its own.
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

    /// A zero-copy write stands behind what is in the buffer.
    fn seal_first(&mut self) {
        let filled = self.filled_len();
        if R::seals_first(filled) {
            self.seal();
        }
    }

    fn join_extent(&mut self, extent: Bytes) {
        let len = extent.len();
        let copied = R::copies(len, self.size()).then(|| Bytes::copy_from_slice(&extent));
        self.pending.join(copied.unwrap_or(extent), len);
    }

    /// *Seal*: the filled front of the buffer joins `L` as a shared view.
    fn seal(&mut self) {
        let filled = self.buffer.filled();
        if filled == 0 {
            return;
        }
        self.pending.join_sealed::<R>(self.buffer.seal::<R>(filled));
        if self.buffer.capacity().is_some_and(R::is_gone) {
            self.let_go();
        }
    }

    /// Puts the filled front of the buffer; the buffer is gone.
    fn put_buffer(&mut self) {
        let filled = self.buffer.filled();
        self.outputs.put_one(self.buffer.seal::<R>(filled));
        if filled == self.size() {
            // The put has all of it, and may come back.
            self.buffer = Buffer::default();
        } else {
            self.let_go();
        }
    }

    /// The buffer is gone; its memory may come again.
    fn let_go(&mut self) {
        self.spent.keep(mem::take(&mut self.buffer));
    }

    /// *Emit*: once `S` bytes wait, puts them all (without trim), or `S` again
    /// and again (with trim).
    #[inline]
    fn emit(&mut self) {
        if R::is_due(self.pending.bytes(), self.size()) {
            self.put_due();
        }
    }

    #[inline(never)]
    fn put_due(&mut self) {
        if self.shape.trim {
            self.pending.put_pieces::<R>(self.size(), &mut self.outputs);
        } else {
            self.pending.put_all::<R>(&mut self.outputs);
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
                self.pending.put_pieces::<R>(self.size(), &mut self.outputs);
            }
            self.pending.put_all::<R>(&mut self.outputs);
        }
        self.outputs.push(Output::Flush);
    }
}

//! The output stream of mixed writes: it copies small writes together, and passes
//! large ones on without a copy, all in one order.
//!
//! A packfile is written as large encoded payloads with small tails between
//! them, an index and a trailer. Copying the payloads into a buffer would cost a
//! pass over all bytes; a write for each tail would cost a system call for each.
//! [`Stream`] takes both kinds: a *buffered* write is copied, once; a
//! *zero-copy* write hands its own buffer over and is never copied, only cut
//! into views. The bytes reach the sink in the order of the calls, in pieces of
//! a size that is chosen once, `S`.
//!
//! # The machine
//!
//! ```text
//!      put already          waiting, Z bytes        buffer of S bytes, from its front:
//!    ┌─────────────┐  ┌────────────────────────┐  ┌──────────┬──────────────┬──────────┐
//!    │  the sink   │  │ L: extent extent extent │  │  given   │  E: filled   │  free    │
//!    └─────────────┘  └────────────────────────┘  │  away    │              │          │
//!                                                  └──────────┴──────────────┴──────────┘
//!                                                             └──── C: capacity left ────┘
//!    first byte written ─────────────────────────────────────────────> last byte written
//! ```
//!
//! The waiting bytes are always `L`, then the `E` filled bytes. A buffer whose
//! front was given away as a view continues as a *remnant* (`0 < C < S`); when `C`
//! reaches 0 there is no buffer. The operations share three steps:
//!
//! ```text
//!    seal   (E > 0)    the filled bytes join L where they are:
//!                      Z += E, C -= E, E = 0, and no byte is copied
//!    emit   (Z >= S)   without trim: one put of all of L
//!                      with trim: puts of exactly S while S bytes are there; an
//!                      extent across a cut is shared by two puts; the rest stays in L
//!    split  (a run)    with trim, for a large buffered write that nothing waits before:
//!                      puts of S; its tail t < S is copied into the buffer. If there
//!                      is no buffer, a fresh one is allocated, even for t = 0; also
//!                      if C < t (the remnant is then abandoned)
//! ```
//!
//! ```text
//!    write n bytes    C > 0, n <= C - E    copy into the buffer, E += n: the usual case
//!    (buffered)       E = 0, n >= S        a large one goes around the buffer:
//!                       L not empty          its copy joins L, emit
//!                       L empty              put the copy (with trim: split)
//!                     otherwise            fill the buffer (a fresh one of S, if none);
//!                                          with the rest r that did not fit:
//!                       L not empty, or C < S   seal; r joins L; emit
//!                       else                    put the full buffer; then r: r >= S as a
//!                                               large write, else into a fresh buffer
//!    write_owned,     total > 0            seal; the extents join L; emit
//!    write_extents
//!    flush            L empty, E > 0       put the filled bytes; drop the buffer
//!                     L not empty          seal; put all of L (with trim: S by S, then
//!                                          the rest)
//!                                          … then the sink's flush, always
//!    close                                 flush, then the sink's close, always
//! ```
//!
//! A buffer that is exactly full is put by the *next* write or flush, not
//! immediately. A buffered write of no bytes allocates the buffer if there is none.
//!
//! # One case by hand
//!
//! `S` = 5, with trim. Hand over 4 bytes, write 4, flush: in the notation of the
//! checker `z4,b4,f`.
//!
//! ```text
//!            C  E  L       Z   puts
//!    start   0  0  –       0
//!    z4      0  0  4       4              4 < 5: wait
//!    b4      5  4  4       4              no buffer: a fresh one of 5; 4 fit
//!    f       1  0  –       0   4+1 | 3    seal: L = 4, 4 and Z = 8; 5 of them, then 3
//! ```
//!
//! The first put consists of the four bytes handed over and one of the copied
//! bytes, the second of the other three; then the sink is flushed. Without trim the
//! flush is one put, `4+4`. This command prints the case, with every invariant checked
//! at every step:
//!
//! ```text
//!    echo 'trim=1 writes=z4,b4,f' | sealpack check --replay - --buffer-size 5
//! ```
//!
//! # The invariants
//!
//! 1. **Order.** The concatenation of all puts is the concatenation of all writes.
//! 2. **Shape.** Every put but the last before a flush or close is exactly `S`
//!    bytes with trim, at least `S` without.
//! 3. **Bound.** With trim no put is above `S`; without, a flush puts at most `2S -
//!    1`.
//! 4. **No empty put**, and no empty extent in one.
//! 5. **Zero copy.** Bytes that were handed over are never copied; bytes that the
//!    sink has been given never change.
//! 6. **Rest.** Between operations `0 <= E <= C <= S`, `Z` is the bytes of `L`, `Z
//!    < S`.
//! 7. **Fail-stop.** After a failed output every call fails; nothing is put after a
//!    gap.
//!
//! Module `check` (feature `check`) checks these invariants, by enumeration and by
//! proof.
//!
//! # The driver's one rule
//!
//! The stream does no I/O. An operation *queues* outputs, and:
//!
//! > **After every operation, whatever it returned, take each output, carry it
//! > out, and report its outcome, until there is none.**
//!
//! The stream gives out one output at a time, and refuses an operation while one
//! is left ([`StreamRefusal::OutputsWait`]): a driver that forgets the rule cannot
//! reorder bytes. *Whatever it returned*: the close of a failed stream is
//! refused, and still has the sink's close to carry out.
//!
//! ```
//! use sealpack_core::stream::{BufferSize, Outcome, Output, Shape, Stream};
//! use std::io::{self, Write};
//!
//! /// The loop, over any `Write`.
//! fn drive(stream: &mut Stream, sink: &mut impl Write) -> io::Result<()> {
//!     let mut first_error = Ok(());
//!     while let Some(output) = stream.next_output() {
//!         let ended = match output {
//!             Output::Put(put) => put.extents().try_for_each(|e| sink.write_all(e)),
//!             Output::Flush => sink.flush(),
//!             Output::Close => Ok(()), // what the sink's close is: fsync, complete an upload …
//!         };
//!         match ended {
//!             Ok(()) => stream.completed(Outcome::Done),
//!             Err(error) => {
//!                 stream.completed(Outcome::Failed { taken: 0 });
//!                 first_error = first_error.and(Err(error));
//!             }
//!         }
//!     }
//!     first_error
//! }
//!
//! let size = BufferSize::new(5).ok_or("a buffer has at least one byte")?;
//! let mut stream = Stream::new(Shape::exactly(size));
//! let mut sink = Vec::new();
//! stream.write_owned("mixe".into())?;
//! drive(&mut stream, &mut sink)?;
//! stream.write(b"d wr")?;
//! drive(&mut stream, &mut sink)?;
//! let closed = stream.close();
//! drive(&mut stream, &mut sink)?; // before looking at `closed`: the rule
//! closed?;
//! assert_eq!(sink, b"mixed wr");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The same loop awaits if the sink is asynchronous; nothing else changes, since
//! the stream takes no part in the waiting:
//!
//! ```
//! # use sealpack_core::stream::{BufferSize, Outcome, Output, Put, Shape, Stream};
//! # struct Upload(Vec<usize>);
//! # impl Upload {
//! #     async fn put_part(&mut self, put: &Put) -> Result<(), ()> { self.0.push(put.len()); Ok(()) }
//! #     async fn complete(&mut self) -> Result<(), ()> { Ok(()) }
//! # }
//! async fn drive(stream: &mut Stream, upload: &mut Upload) -> Result<(), ()> {
//!     let mut first_error = Ok(());
//!     while let Some(output) = stream.next_output() {
//!         let ended = match &output {
//!             Output::Put(put) => upload.put_part(put).await,
//!             Output::Flush => Ok(()),
//!             Output::Close => upload.complete().await,
//!         };
//!         let outcome = if ended.is_ok() { Outcome::Done } else { Outcome::Failed { taken: 0 } };
//!         stream.completed(outcome);
//!         first_error = first_error.and(ended);
//!     }
//!     first_error
//! }
//! # let mut stream = Stream::new(Shape::exactly(BufferSize::new(5).unwrap()));
//! # let mut upload = Upload(Vec::new());
//! # {
//! # let mut both = core::pin::pin!(async {
//! stream.write_owned("eight up".into()).unwrap();
//! drive(&mut stream, &mut upload).await?;
//! stream.close().unwrap();
//! drive(&mut stream, &mut upload).await
//! # });
//! # let mut context = core::task::Context::from_waker(core::task::Waker::noop());
//! # assert_eq!(both.as_mut().poll(&mut context), core::task::Poll::Ready(Ok(())));
//! # }
//! # assert_eq!(upload.0, [5, 3]);
//! ```
//!
//! If a future is dropped in the middle of a put, the outcome of that output is never
//! reported, and the stream refuses every operation: report the output as
//! [`Outcome::Failed`], and close.
//!
//! # Source files
//!
//! `rules.rs` is the specification, with one function per decision; `machine.rs`
//! calls it and moves the bytes; `buffer.rs` is the buffer, `pending.rs` is `L`,
//! `queue.rs` has the puts and the driver's side, and `extent.rs` has the extents
//! that both use.
//!
//! # The reference
//!
//! The behaviour is that of Seastar's `output_stream`, measured by running it, with
//! three exceptions:
//!
//! - *The flush rule.* With trim, a flush of this stream puts pieces of `S`; the
//!   reference puts everything at once: see [`ReferenceFlush`].
//! - *Fail-stop.* After a failed put the reference continues, and so leaves a gap.
//! - *Empty extents* of one zero-copy write are left out; the reference puts them.
//!
//! The reference has three features that this stream lacks: `batch_flushes`, which
//! postpones flushes and reports their errors through a hook (here a flush is an
//! output like any other, and the driver may postpone it); a buffer size that the
//! sink requests (here the caller chooses the [`Shape`] when it opens the sink); and
//! `allocate_buffer`, with which a sink for direct I/O provides aligned memory.
//! Buffers here are not aligned.
//!
//! # What it costs
//!
//! A buffered write that fits costs one comparison and the copy. Sealed bytes wait
//! as a *range* of the buffer, and a put takes one shared view for all its ranges:
//! two atomic operations per put, whatever the number of its extents. The buffers
//! and lists of puts that come back ([`Stream::recycle`]) are reused. `cargo bench
//! -p sealpack-core --bench stream` prints the figures.

mod buffer;
mod extent;
mod machine;
mod outcome;
mod pending;
mod queue;
mod rules;
mod shape;

pub use machine::Stream;
pub use outcome::{Outcome, StreamRefusal};
pub use queue::{Output, Put};
pub use rules::{End, ReferenceFlush, Rules, SpecifiedRules};
pub use shape::{BufferSize, Shape};

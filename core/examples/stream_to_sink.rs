//! Sends small and large writes through the output stream to a sink of your own. The
//! sink receives puts of one size, without a copy of what was handed over.
//!
//! `cargo run --example stream_to_sink`

use std::error::Error;

use bytes::Bytes;
use sealpack_core::stream::{BufferSize, Outcome, Output, Put, Shape, Stream, StreamRefusal};

/// A sink, which might send each put as one part of an upload.
pub trait SendPuts {
    /// Sends a put, and returns how many of its bytes were sent.
    fn send(&mut self, put: &Put) -> usize;
}

/// Performs what the stream asks for, and reports the outcome of each.
fn drive(stream: &mut Stream, sink: &mut dyn SendPuts) {
    while let Some(output) = stream.next_output() {
        let mut outcome = Outcome::Done;
        if let Output::Put(put) = output {
            let taken = sink.send(&put);
            if taken < put.len() {
                outcome = Outcome::Failed { taken };
            }
            stream.recycle(put);
        }
        stream.completed(outcome);
    }
}

/// Writes `small` by copying it and `large` without a copy, in puts of `put_size`
/// bytes; the last may be shorter.
///
/// # Errors
/// A refusal of the stream: for instance, a put has failed before.
pub fn write(
    small: &[u8],
    large: Bytes,
    put_size: BufferSize,
    sink: &mut dyn SendPuts,
) -> Result<(), StreamRefusal> {
    let mut stream = Stream::new(Shape::exactly(put_size));
    stream.write(small)?;
    drive(&mut stream, sink);
    stream.write_owned(large)?;
    drive(&mut stream, sink);
    stream.close()?;
    drive(&mut stream, sink);
    Ok(())
}

/// Prints the size of each put.
struct Sizes;

impl SendPuts for Sizes {
    fn send(&mut self, put: &Put) -> usize {
        println!("{} bytes", put.len());
        put.len()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let put_size = BufferSize::new(4096).ok_or("not a buffer size")?;
    write(b"a header", vec![7; 10_000].into(), put_size, &mut Sizes)?;
    Ok(())
}

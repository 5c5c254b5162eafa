//! Writes a pack to a custom sink, which might encrypt, mirror or send it. This one
//! counts the bytes and computes their SHA-256.
//!
//! `cargo run --example own_sink -- OUT.pack`

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, Write};

use sealpack::Writer;
use sha2::{Digest as _, Sha256};

/// Passes bytes on and hashes them.
pub struct HashingSink<W> {
    to: W,
    hasher: Sha256,
    bytes: u64,
}

impl<W> HashingSink<W> {
    /// Makes a sink that passes bytes on to `to`.
    pub fn new(to: W) -> Self {
        Self { to, hasher: Sha256::new(), bytes: 0 }
    }

    /// Returns the inner sink, the number of bytes written, and their hash.
    pub fn finish(self) -> (W, u64, [u8; 32]) {
        (self.to, self.bytes, self.hasher.finalize().into())
    }
}

impl<W: Write> Write for HashingSink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.to.write(bytes)?;
        self.hasher.update(bytes.get(..taken).unwrap_or_default());
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Packs items into a hashing sink.
pub fn pack<W: Write + Send + 'static>(
    items: &[&[u8]],
    to: W,
) -> Result<(W, u64, [u8; 32]), sealpack::Error> {
    let mut writer = Writer::options().write_to(HashingSink::new(to))?;
    for item in items {
        writer.append(item)?;
    }
    Ok(writer.finish()?.sink.finish())
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("OUT.pack")?;
    let (file, bytes, hash) = pack(&[b"first", b"second"], File::create_new(&path)?)?;
    // The writer does not make a stream durable: the program has to.
    file.sync_all()?;
    println!("{path}: {bytes} bytes, SHA-256 {hash:02x?}");
    Ok(())
}

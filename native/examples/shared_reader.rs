//! A service that answers requests from one pack. Threads have clones of one reader, and
//! an untrusted pack cannot take more memory than allowed.
//!
//! `cargo run --example shared_reader -- IN.pack POSITION…`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::{env, thread};

use sealpack::{Bytes, Reader};

/// Opens a pack within limits.
pub fn open(path: &Path) -> Result<Reader, sealpack::Error> {
    let limits = Reader::options().items_limit(10_000_000).decoded_limit(16 << 20);
    limits.memory_limit(256 << 20).open(path)
}

/// Answers every request on its own thread.
pub fn answer(reader: &Reader, requests: &[u32]) -> Vec<Result<Bytes, Arc<sealpack::Error>>> {
    let threads: Vec<_> = requests
        .iter()
        .map(|&position| {
            // Clones share the directory, the decoders and the open file.
            let reader = reader.clone();
            thread::spawn(move || reader.get(position).map_err(Arc::new))
        })
        .collect();
    threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let reader = open(Path::new(&arguments.next().ok_or("IN.pack POSITION…")?))?;
    let requests = arguments.map(|text| text.parse()).collect::<Result<Vec<u32>, _>>()?;
    for (position, answer) in requests.iter().zip(answer(&reader, &requests)) {
        match answer {
            Ok(item) => println!("{position}: {} bytes", item.len()),
            // The alternate form includes the causes.
            Err(error) => println!("{position}: {error:#}"),
        }
    }
    Ok(())
}

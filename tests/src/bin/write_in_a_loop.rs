//! Writes packs until it is killed: `write_in_a_loop FOLDER THREADS overwrite|create`.
//!
//! Prints which pack it starts and which it has finished, each with one write, so
//! that the test that kills it knows how far it got.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot write its packs fails")]

use std::io::Write as _;
use std::path::Path;

use sealpack::Writer;
use sealpack_tests::numbered;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, threads, mode] = arguments.as_slice() else { panic!("FOLDER THREADS MODE") };
    let (threads, overwrite) = (threads.parse().unwrap(), mode == "overwrite");
    let print = |word: &str, number: u64| {
        std::io::stdout().write_all(format!("{word} {number}\n").as_bytes()).unwrap();
    };
    for number in 1.. {
        let name = if overwrite { "out.pack".to_owned() } else { format!("{number}.pack") };
        print("start", number);
        let options = Writer::options().threads(threads).overwrite(overwrite);
        numbered::write(options, &Path::new(folder).join(name), number).unwrap();
        print("done", number);
    }
}

//! The names of items: collected by the writers, looked up by the readers. Core
//! knows the bytes; this module compresses and decompresses them.

mod collect;
mod file;
mod lookup;

pub(crate) use collect::NameCollector;
pub use file::names_path;
pub(crate) use file::{MAX_NAMES_IN_PACK, NAMES_ENDING, names_file_error};
pub use lookup::{ItemNames, Names};

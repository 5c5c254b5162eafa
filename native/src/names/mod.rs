//! The names of items: collected by the writers, looked up by the readers. Core
//! knows the bytes; this module compresses and decompresses them.

mod collect;
mod lookup;

pub(crate) use collect::NameCollector;
pub use lookup::{ItemNames, Names};

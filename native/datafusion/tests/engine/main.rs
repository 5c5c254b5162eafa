//! Packs as tables: results, requests, plans as bytes, damage, memory, cancellation.

mod counting;
mod encoded;
mod many;
mod packs;
mod results;
mod scripts;

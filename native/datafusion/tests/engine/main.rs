//! Packs as tables: results, requests, plans as bytes, damage, memory, cancellation.

mod packs;
mod results;
mod scripts;

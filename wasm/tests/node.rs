//! The module in Node.
#![cfg(target_family = "wasm")]

#[path = "promises/mod.rs"]
mod promises;

//! The module in a browser's page.
#![cfg(target_family = "wasm")]

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

#[path = "promises/mod.rs"]
mod promises;

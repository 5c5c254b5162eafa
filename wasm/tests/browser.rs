//! The module in the page of a browser.
#![cfg(target_family = "wasm")]

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

#[path = "promises/mod.rs"]
mod promises;

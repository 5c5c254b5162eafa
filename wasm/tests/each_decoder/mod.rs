//! The tests of each decoder.

/// Makes each promise, a generic function, a test for each decoder.
macro_rules! for_each_decoder {
    ($($promise:ident),* $(,)?) => {
        mod zstd_rs {
            $(#[test] fn $promise() { super::$promise::<sealpack_wasm::decode::zstd_rs::ZstdRs>(); })*
        }
        #[cfg(feature = "fast")]
        mod c_zstd {
            $(#[test] fn $promise() { super::$promise::<sealpack_wasm::decode::c_zstd::CZstd>(); })*
        }
    };
}

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpack_tests::hostile::extensions(data));

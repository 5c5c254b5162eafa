//! `native/src/write`, of which only the pipeline is the shipped one.

pub(crate) mod output;
#[path = "../../../native/src/write/pipeline.rs"]
pub(crate) mod pipeline;

//! Replaces `native/src/write`; its pipeline and its sink are the shipped ones.

pub(crate) mod output;
#[path = "../../../native/src/write/pipeline.rs"]
pub(crate) mod pipeline;
#[path = "../../../native/src/write/sink.rs"]
pub(crate) mod sink;

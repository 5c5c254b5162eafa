//! Spans and events of the crate `tracing` (feature `tracing`), under the target
//! `sealpack`. Without the feature nothing is compiled.
//!
//! | span | event | counters |
//! | --- | --- | --- |
//! | `open` | `opened` | items, records, bytes |
//! | `get_many` | | positions |
//! | `verify` | `verified` | records, bytes, damaged |
//! | `create` | | |
//! | `finish` | `finished` | items, bytes_in, bytes_out |
//! | | `read` (level `TRACE`) | offset, bytes |
//!
//! The reader and the writer of stores have the same spans and events, with the
//! location in place of the path. A request is an event `read`.

cfg_if::cfg_if! {
    if #[cfg(feature = "tracing")] {
        /// Enters a span until the returned guard is dropped.
        macro_rules! span {
            ($($span:tt)*) => {
                tracing::info_span!(target: "sealpack", $($span)*).entered()
            };
        }

        /// Runs a future within a span.
        #[cfg(feature = "remote")]
        macro_rules! in_span {
            ($future:expr, $($span:tt)*) => {
                tracing::Instrument::instrument(
                    $future,
                    tracing::info_span!(target: "sealpack", $($span)*),
                )
            };
        }

        /// Records what happened, with counters.
        macro_rules! event {
            ($level:ident, $($event:tt)*) => {
                tracing::event!(target: "sealpack", tracing::Level::$level, $($event)*)
            };
        }
    } else {
        /// Stands in for a span.
        pub(crate) struct NoSpan;

        macro_rules! span {
            ($($span:tt)*) => {
                $crate::trace::NoSpan
            };
        }

        #[cfg(feature = "remote")]
        macro_rules! in_span {
            ($future:expr, $($span:tt)*) => {
                $future
            };
        }

        macro_rules! event {
            ($($event:tt)*) => {};
        }
    }
}

#[cfg(feature = "remote")]
pub(crate) use in_span;
pub(crate) use {event, span};

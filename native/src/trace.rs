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

cfg_if::cfg_if! {
    if #[cfg(feature = "tracing")] {
        /// Enters a span until the returned guard is dropped.
        macro_rules! span {
            ($($span:tt)*) => {
                tracing::info_span!(target: "sealpack", $($span)*).entered()
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

        macro_rules! event {
            ($($event:tt)*) => {};
        }
    }
}

pub(crate) use {event, span};

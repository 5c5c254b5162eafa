//! Asks the system to write dirty pages early, so that the `fsync` at the end has
//! little left to write.
//!
//! The call is only advice. Durability does not depend on it: the `fsync` reports
//! every error.

cfg_if::cfg_if! {
    if #[cfg(target_os = "linux")] {
        mod linux;
        pub(super) use linux::start_writing;
    } else {
        mod other;
        pub(super) use other::start_writing;
    }
}

//! Starting the disk early: asks the system to write dirty pages, so that the
//! `fsync` at the end finds little left.
//!
//! The call is advice. Whether the system follows it changes no promise: the
//! `fsync` sees every error.

cfg_if::cfg_if! {
    if #[cfg(target_os = "linux")] {
        mod linux;
        pub(super) use linux::start_writing;
    } else {
        mod other;
        pub(super) use other::start_writing;
    }
}

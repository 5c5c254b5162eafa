//! SQL over packfiles.

fn main() {}

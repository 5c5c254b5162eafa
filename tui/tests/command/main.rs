//! The command as scripts see it: the real binary, its output and its exit
//! status.

mod endings;
mod fixtures;
mod pack;
mod read;
mod run;
mod verify;

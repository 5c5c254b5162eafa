//! Checks standard input and standard output before any work.
//!
//! A parent process may close them (`sealpack cat a.pack >&-`) or open them for the wrong
//! direction. Rust's start-up code opens `/dev/null` in place of closed ones, and its
//! standard streams ignore "bad file descriptor": a command would pack an empty item, or
//! print nothing, and report success. So this module records which of them were closed
//! before that code runs.
//!
//! Every command prints to standard output, so without it no command starts. Standard input
//! only matters to commands that read it. Without standard error nothing can be reported,
//! and the caller gets only the exit status.

pub use system::{standard_input, standard_output};

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsFd;
    use std::sync::atomic::{AtomicU8, Ordering};

    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    use nix::libc;

    use crate::outcome::{Failure, Input};

    /// A bit for each standard descriptor that was closed when the process began.
    static CLOSED: AtomicU8 = AtomicU8::new(0);

    const INPUT: u8 = 1 << 0;
    const OUTPUT: u8 = 1 << 1;

    extern "C" fn record_closed() {
        for (descriptor, bit) in [(0, INPUT), (1, OUTPUT)] {
            // SAFETY: the call takes no pointer, and it is valid for a descriptor that is
            // not open.
            #[allow(unsafe_code, reason = "nix requires an open descriptor")]
            let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFD) };
            if flags == -1 {
                CLOSED.fetch_or(bit, Ordering::Relaxed);
            }
        }
    }

    // SAFETY: the section lists the functions that the system calls before `main`, with
    // the C calling convention and arguments that this one ignores. `record_closed` needs
    // nothing that Rust sets up: it makes system calls and changes an atomic number.
    #[allow(unsafe_code, reason = "nothing of std runs before std opens /dev/null")]
    #[used]
    #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
    #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
    static BEFORE_MAIN: extern "C" fn() = record_closed;

    /// Returns standard input as a file. The standard library would report its end if it
    /// cannot be read.
    ///
    /// # Errors
    /// [`Failure::Input`] if it is closed or open for writing only.
    pub fn standard_input() -> Result<File, Failure> {
        let failed = |error| Failure::Input { input: Input::Standard, error };
        checked(&io::stdin(), INPUT, OFlag::O_WRONLY).map_err(failed)?;
        let file = io::stdin().as_fd().try_clone_to_owned();
        file.map(File::from).map_err(failed)
    }

    /// Checks that standard output can be written to.
    ///
    /// # Errors
    /// [`Failure::Output`] if it is closed or open for reading only.
    pub fn standard_output() -> Result<(), Failure> {
        checked(&io::stdout(), OUTPUT, OFlag::O_RDONLY).map_err(Failure::Output)
    }

    fn checked(stream: &impl AsFd, bit: u8, wrong: OFlag) -> io::Result<()> {
        let flags = fcntl(stream, FcntlArg::F_GETFL)?;
        let mode = OFlag::from_bits_truncate(flags) & OFlag::O_ACCMODE;
        if CLOSED.load(Ordering::Relaxed) & bit != 0 || mode == wrong {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        Ok(())
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;

    use crate::outcome::Failure;

    /// Standard input.
    pub fn standard_input() -> Result<io::StdinLock<'static>, Failure> {
        Ok(io::stdin().lock())
    }

    /// Nothing is checked here.
    pub fn standard_output() -> Result<(), Failure> {
        Ok(())
    }
}

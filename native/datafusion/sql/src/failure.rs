//! Errors and exit statuses. Scripts rely on the exit status.
//!
//! | status | meaning |
//! | --- | --- |
//! | 0 | success |
//! | 1 | a pack is corrupt or not the trusted one |
//! | 2 | wrong usage, or SQL that cannot be parsed or planned |
//! | 3 | any other error |
//! | 130 | interrupted with Ctrl-C |
//! | 141 | the reader of the output is gone (`sealpack-sql … \| head`) |

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use datafusion::error::DataFusionError;

/// The reason why the command failed.
#[derive(Debug)]
pub enum Failure {
    /// A statement could not be planned or carried out.
    Query(DataFusionError),
    /// A process of the cluster failed.
    Cluster(String),
    /// Wrong usage that the argument parser cannot detect.
    Usage(String),
    /// A file cannot be read or written.
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The prompt cannot be used.
    Terminal(String),
    /// Results cannot be printed.
    Output(io::Error),
    /// The runtime cannot be started.
    Runtime(io::Error),
    /// Interrupted with Ctrl-C.
    Interrupted,
}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Self {
        Self::Query(error)
    }
}

impl Failure {
    /// Reports the failure on standard error, and returns the exit status.
    pub fn report(&self) -> ExitCode {
        let status = self.status();
        if status != 141 {
            // If standard error is gone, nothing can be reported.
            drop(io::Write::write_fmt(&mut io::stderr(), format_args!("sealpack-sql: {self}\n")));
        }
        ExitCode::from(status)
    }

    fn status(&self) -> u8 {
        match self {
            Self::Query(error) => status_of(error),
            Self::Usage(_) => 2,
            Self::Interrupted => 130,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 141,
            _ => 3,
        }
    }
}

fn status_of(error: &DataFusionError) -> u8 {
    if let Some(error) = pack_error(error) {
        return match error.kind() {
            sealpack::ErrorKind::Pack(
                sealpack::core::Error::Corrupt { .. } | sealpack::core::Error::Untrusted(_),
            )
            | sealpack::ErrorKind::DigestList(_) => 1,
            _ => 3,
        };
    }
    match error.find_root() {
        DataFusionError::SQL(..)
        | DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::Configuration(_)
        | DataFusionError::NotImplemented(_) => 2,
        _ => 3,
    }
}

/// Finds the library's error among the causes of an error of DataFusion.
fn pack_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a sealpack::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<sealpack::Error>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(error) => f.write_str(&printed(error)),
            Self::Cluster(message) | Self::Usage(message) => f.write_str(message),
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Terminal(message) => write!(f, "the terminal: {message}"),
            Self::Output(error) => write!(f, "standard output: {error}"),
            Self::Runtime(error) => write!(f, "cannot start threads: {error}"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Failure {}

/// The message of an error of DataFusion, without the backtrace that a build with that
/// feature appends, and without the layers that Ballista wraps around a task's error.
fn printed(error: &DataFusionError) -> String {
    let message = error.strip_backtrace();
    if message.contains("failed to serialize logical plan") {
        let reason = "a cluster cannot run this statement: a table of it exists only in this process, \
                      such as one that was made with VALUES, or range()";
        return reason.to_string();
    }
    // Ballista passes the error of a task as the debug form of nested wrappers.
    match message.rsplit_once("Task failed due to runtime execution error: ") {
        Some((job, cause)) => {
            let job = job.split(':').next().unwrap_or_default().trim_end();
            format!("{}: {}", job.strip_prefix("Execution error").unwrap_or(job), unwrapped(cause))
                .trim_start_matches([':', ' '])
                .to_string()
        }
        None => message,
    }
}

/// Removes the names of wrappers, and their parentheses: `DataFusionError(External(x))` is `x`.
fn unwrapped(mut text: &str) -> &str {
    const WRAPPERS: [&str; 8] = [
        "DataFusionError(",
        "ArrowError(",
        "ExternalError(",
        "External(",
        "Execution(",
        "Shared(",
        "ObjectStore(",
        "General(",
    ];
    loop {
        let inner = WRAPPERS.iter().find_map(|wrapper| text.strip_prefix(wrapper));
        let Some(inner) = inner else { return text.trim_matches('"') };
        text = inner.strip_suffix(')').unwrap_or(inner);
        // An ArrowError of DataFusion ends with its backtrace, which it seldom has.
        text = text.strip_suffix(", None").unwrap_or(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_task_is_shown_without_its_wrappers() {
        let text = "Job 7 failed: Job failed due to stage 1 failed: Task failed due to runtime \
                    execution error: DataFusionError(ArrowError(ExternalError(External(a.pack: \
                    record 3: bad checksum)), None))";
        let error = DataFusionError::Execution(text.to_string());
        let message = Failure::Query(error).to_string();
        assert!(message.ends_with("a.pack: record 3: bad checksum"), "{message}");
        assert!(!message.contains("External("), "{message}");
    }

    #[test]
    fn statuses_tell_what_is_wrong() {
        assert_eq!(Failure::Usage(String::new()).status(), 2);
        assert_eq!(Failure::Query(DataFusionError::Plan(String::new())).status(), 2);
        assert_eq!(Failure::Query(DataFusionError::Execution(String::new())).status(), 3);
        let pipe = Failure::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(pipe.status(), 141);
    }
}

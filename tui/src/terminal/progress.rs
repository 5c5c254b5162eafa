//! The progress of some work, and how it is drawn.

use std::time::{Duration, Instant};

use super::text;

/// The progress of some work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The amount done so far.
    pub done: u64,
    /// The total amount.
    pub total: u64,
    /// The estimated time left, if it can be estimated.
    pub left: Option<Duration>,
}

impl Progress {
    /// Returns a bar of at most `columns` columns, with the percentage done and the time
    /// left.
    #[must_use]
    pub fn text(&self, columns: usize) -> String {
        let per_mille = self.share(1000);
        let tail = match self.left {
            Some(left) => format!(" {}% {} left", per_mille / 10, duration(left)),
            None => format!(" {}%", per_mille / 10),
        };
        let columns = columns.saturating_sub(text::width(&tail)).min(40);
        let full = usize::try_from(self.share(columns as u64)).unwrap_or(columns);
        format!("{}{}{tail}", "█".repeat(full), "░".repeat(columns.saturating_sub(full)))
    }

    fn share(&self, of: u64) -> u64 {
        let share = u128::from(self.done) * u128::from(of) / u128::from(self.total.max(1));
        u64::try_from(share).unwrap_or(of).min(of)
    }
}

/// Formats a duration in one or two units.
#[must_use]
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{} s", seconds.max(1)),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Limits progress reports to a rate that shows movement.
#[derive(Debug)]
pub struct ReportLimiter {
    started: Instant,
    reported: Option<Instant>,
}

/// The minimum time between two reports: each one wakes the drawing thread.
const MIN_INTERVAL: Duration = Duration::from_millis(60);
/// The minimum time before the time left is estimated.
const MIN_ELAPSED: Duration = Duration::from_millis(700);

impl ReportLimiter {
    /// Starts the clock.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now(), reported: None }
    }

    /// Returns the progress if the next report is due.
    pub fn progress_if_due(&mut self, done: u64, total: u64) -> Option<Progress> {
        let now = Instant::now();
        if self.reported.is_some_and(|reported| now - reported < MIN_INTERVAL) {
            return None;
        }
        self.reported = Some(now);
        let spent = now - self.started;
        let rest = total.saturating_sub(done);
        let left = (spent > MIN_ELAPSED && done > 0).then(|| {
            let millis = spent.as_millis() * u128::from(rest) / u128::from(done);
            Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
        });
        Some(Progress { done, total, left })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_exactly_at_the_end() {
        let bar = |done| Progress { done, total: 8, left: None }.text(13);
        assert_eq!(bar(0), "░░░░░░░░░░ 0%");
        assert_eq!(bar(4), "████░░░░░ 50%");
        assert_eq!(bar(7), "███████░░ 87%");
        assert_eq!(bar(8), "████████ 100%");
        assert_eq!(Progress { done: 0, total: 0, left: None }.text(8), "░░░░░ 0%");
    }

    #[test]
    fn time_left_has_at_most_two_units() {
        assert_eq!(duration(Duration::from_millis(3)), "1 s");
        assert_eq!(duration(Duration::from_secs(61)), "1 min 1 s");
        assert_eq!(duration(Duration::from_secs(7300)), "2 h 1 min");
    }
}

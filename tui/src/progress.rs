//! Progress bars: on standard error, and only on a terminal.

use std::borrow::Cow;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printable;

/// A bar moves at most this many times, so that it costs little even with small items.
const MAX_STEPS: u64 = 2_000;

/// The time between two redraws of a bar that does not move.
const TICK: Duration = Duration::from_millis(120);

/// The bytes between two moves if the total is not known.
const DEFAULT_STEP: u64 = 256 << 10;

/// A progress bar with the rate and the time left, or with only the amount and the rate
/// if the total is not known. Hidden if standard error is not a terminal.
pub struct ProgressMeter {
    bar: ProgressBar,
    ticker: Option<Ticker>,
    started: Instant,
    done: u64,
    shown: u64,
    step: u64,
}

impl ProgressMeter {
    /// Creates a bar over `total` bytes; hidden if `quiet`.
    pub fn bytes(what: impl Into<Cow<'static, str>>, total: Option<u64>, quiet: bool) -> Self {
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                "{msg} {bar:20.cyan} {percent:>3}% {decimal_bytes:>10} {decimal_bytes_per_sec:>12} {eta:>4} left",
            ),
            None => (
                ProgressBar::no_length(),
                "{msg} {spinner:.cyan} {decimal_bytes:>10} {decimal_bytes_per_sec:>12} {elapsed}",
            ),
        };
        Self::new(what.into(), bar, template, quiet)
    }

    /// Creates a bar over `total` items.
    pub fn items(what: impl Into<Cow<'static, str>>, total: u64, quiet: bool) -> Self {
        let template =
            "{msg} {bar:20.cyan} {percent:>3}% {human_pos:>10} items {per_sec:>12} {eta:>4} left";
        Self::new(what.into(), ProgressBar::new(total), template, quiet)
    }

    /// Creates a bar over `total` records.
    pub fn records(what: impl Into<Cow<'static, str>>, total: u64, quiet: bool) -> Self {
        let template =
            "{msg} {bar:20.cyan} {percent:>3}% {human_pos:>10} records {per_sec:>12} {eta:>4} left";
        Self::new(what.into(), ProgressBar::new(total), template, quiet)
    }

    /// Creates a bar over `total` packs.
    pub fn packs(what: impl Into<Cow<'static, str>>, total: u64, quiet: bool) -> Self {
        let template = "{msg} {bar:20.cyan} {pos} of {len} packs {elapsed}";
        Self::new(what.into(), ProgressBar::new(total), template, quiet)
    }

    fn new(what: Cow<'static, str>, bar: ProgressBar, template: &str, quiet: bool) -> Self {
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        bar.set_draw_target(target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let step = bar.length().map_or(DEFAULT_STEP, |total| total / MAX_STEPS);
        bar.set_message(printable::text(what).to_string());
        // A hidden bar needs no thread.
        let ticker = if bar.is_hidden() { None } else { Ticker::start(&bar) };
        Self { bar, ticker, started: Instant::now(), done: 0, shown: 0, step }
    }

    /// Advances the bar.
    pub fn add(&mut self, more: u64) {
        self.set(self.done.saturating_add(more));
    }

    /// Sets the amount done.
    pub fn set(&mut self, done: u64) {
        self.done = done;
        if self.done.saturating_sub(self.shown) >= self.step {
            self.shown = self.done;
            self.bar.set_position(self.done);
        }
    }

    /// Changes the text before the bar.
    pub fn set_label(&self, what: &'static str) {
        self.bar.set_message(what);
    }

    /// Returns the amount done so far.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Returns the time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Drop for ProgressMeter {
    /// Removes the bar from the terminal.
    fn drop(&mut self) {
        drop(self.ticker.take());
        self.bar.finish_and_clear();
    }
}

/// A thread that redraws a bar that does not move. It replaces the library's own thread,
/// which panics if the system allows no more threads. Without it the bar is only redrawn
/// when it moves.
struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(bar: &ProgressBar) -> Option<Self> {
        let bar = bar.clone();
        let (stop, stopped) = mpsc::channel::<()>();
        let tick = move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                bar.tick();
            }
        };
        let thread = thread::Builder::new().name("sealpack-progress".into()).spawn(tick).ok()?;
        Some(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic of the thread would only have stopped the redraws.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

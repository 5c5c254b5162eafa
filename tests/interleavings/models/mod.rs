//! The models: each runs in every interleaving, and checks its promise in each.

mod monitor;
mod pipeline;
mod runs;

/// A name, and a test that returns a summary.
pub(crate) type Test = (&'static str, fn() -> String);

pub(crate) const TESTS: [Test; 10] = [
    ("nothing_is_lost_and_the_order_is_kept", monitor::nothing_is_lost),
    ("results_taken_together_come_all_and_in_order", monitor::taken_together),
    ("the_first_error_wins_and_all_threads_stop", monitor::the_first_error_wins),
    ("a_scan_abandoned_at_any_point_leaves_no_thread", monitor::abandoned),
    ("every_mutant_of_the_monitor_is_detected", monitor::mutants),
    ("every_job_of_a_run_is_taken_once_and_none_after_the_stop", runs::taken_once),
    ("the_pipeline_writes_every_draft_in_order", pipeline::writes),
    ("the_pipeline_waits_where_the_window_is_full", pipeline::waits),
    ("the_pipeline_ends_on_any_failure_with_that_failure", pipeline::fails),
    ("the_pipeline_dropped_at_any_point_ends", pipeline::dropped),
];

/// Checks the minimum of a count, so that a model that explores too little fails.
fn at_least(count: usize, minimum: usize) -> String {
    assert!(count >= minimum, "only {count} interleavings");
    format!("{count} interleavings")
}

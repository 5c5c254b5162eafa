//! The stepper of the output stream, for a page.

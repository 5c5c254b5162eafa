//! Puts the results of several threads back into order.

use alloc::collections::VecDeque;

/// Holds values until those before them have arrived.
///
/// The driver bounds their number: it hands out no more work while too many values
/// are [`waiting`](Self::waiting) here or in flight.
///
/// ```
/// let mut reorder = sealpack_core::write::ReorderBuffer::new();
/// reorder.insert(1, "second");
/// assert_eq!(reorder.next(), None);
/// reorder.insert(0, "first");
/// assert_eq!((reorder.next(), reorder.next()), (Some("first"), Some("second")));
/// ```
#[derive(Clone, Debug)]
pub struct ReorderBuffer<T> {
    /// The number of the value at the front of `slots`.
    next: u64,
    slots: VecDeque<Option<T>>,
    waiting: usize,
}

impl<T> Default for ReorderBuffer<T> {
    fn default() -> Self {
        Self { next: 0, slots: VecDeque::new(), waiting: 0 }
    }
}

impl<T> ReorderBuffer<T> {
    /// A buffer that waits for number 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Inserts the value with this number. If the buffer already has or had a value
    /// of this number, it keeps that one and returns the new value.
    pub fn insert(&mut self, number: u64, value: T) -> Option<T> {
        let Some(ahead) = number.checked_sub(self.next).and_then(|n| usize::try_from(n).ok())
        else {
            return Some(value);
        };
        if self.slots.len() <= ahead {
            self.slots.resize_with(ahead + 1, || None);
        }
        match self.slots.get_mut(ahead) {
            Some(slot @ None) => {
                *slot = Some(value);
                self.waiting += 1;
                None
            }
            _ => Some(value),
        }
    }

    /// The next value in order, if it has arrived.
    #[allow(clippy::should_implement_trait, reason = "`None` means not yet, not never")]
    pub fn next(&mut self) -> Option<T> {
        let value = self.slots.front_mut()?.take()?;
        self.slots.pop_front();
        self.next += 1;
        self.waiting -= 1;
        Some(value)
    }

    /// The number of values in the buffer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn every_order_of_arrival_yields_the_order_of_the_numbers() {
        fn permute(rest: &mut Vec<u64>, order: &mut Vec<u64>, seen: &mut usize) {
            if rest.is_empty() {
                let mut reorder = ReorderBuffer::new();
                let mut out = Vec::new();
                for &number in order.iter() {
                    assert_eq!(reorder.insert(number, number), None);
                    assert_eq!(reorder.insert(number, number), Some(number), "twice");
                    out.extend(core::iter::from_fn(|| reorder.next()));
                }
                assert_eq!(out, (0..order.len() as u64).collect::<Vec<_>>());
                assert_eq!(reorder.waiting(), 0);
                *seen += 1;
            }
            for at in 0..rest.len() {
                order.push(rest.remove(at));
                permute(rest, order, seen);
                rest.insert(at, order.pop().unwrap());
            }
        }
        let (numbers, orders) = if cfg!(miri) { (4, 24) } else { (6, 720) };
        let mut seen = 0;
        permute(&mut (0..numbers).collect(), &mut Vec::new(), &mut seen);
        assert_eq!(seen, orders);
    }
}

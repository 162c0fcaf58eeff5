//! Messages on their way to one client.

use alloc::collections::{BTreeMap, VecDeque};

/// The sizes of messages that the driver was given and has not written yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Queued {
    sizes: VecDeque<usize>,
    /// How many there are of each size.
    counts: BTreeMap<usize, usize>,
    bytes: usize,
}

impl Queued {
    /// Returns how many bytes wait beside the largest message.
    ///
    /// One large answer takes as long as it takes, whatever its client does, and what comes meanwhile is not its fault. What
    /// piles up beside it is what a client does not read.
    pub(super) fn piled_up(&self) -> usize {
        let largest = self.counts.keys().next_back().copied().unwrap_or(0);
        self.bytes.saturating_sub(largest)
    }

    /// Notes a further message of `bytes`.
    pub(super) fn push(&mut self, bytes: usize) {
        self.sizes.push_back(bytes);
        self.add(bytes);
    }

    /// Notes that `bytes` were written.
    pub(super) fn drained(&mut self, mut bytes: usize) {
        while let Some(size) = self.sizes.pop_front() {
            self.subtract(size);
            if size > bytes {
                let left = size.saturating_sub(bytes);
                self.sizes.push_front(left);
                return self.add(left);
            }
            bytes = bytes.saturating_sub(size);
            if bytes == 0 {
                return;
            }
        }
    }

    fn add(&mut self, size: usize) {
        self.bytes = self.bytes.saturating_add(size);
        let count = self.counts.entry(size).or_insert(0);
        *count = count.saturating_add(1);
    }

    fn subtract(&mut self, size: usize) {
        self.bytes = self.bytes.saturating_sub(size);
        if let Some(count) = self.counts.get_mut(&size) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.counts.remove(&size);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_message_is_not_counted_wherever_it_waits() {
        let mut queued = Queued::default();
        assert_eq!(queued.piled_up(), 0);
        for (size, piled_up) in [(10, 0), (5_000_000, 10), (20, 30), (20, 50)] {
            queued.push(size);
            assert_eq!(queued.piled_up(), piled_up, "{size}");
        }
        queued.drained(4);
        assert_eq!(queued.piled_up(), 46);
        queued.drained(6);
        assert_eq!(queued.piled_up(), 40);
        queued.drained(5_000_000);
        assert_eq!(queued.piled_up(), 20);
        queued.drained(usize::MAX);
        assert_eq!((queued.piled_up(), queued.sizes.len(), queued.counts.len(), queued.bytes), (0, 0, 0, 0));
    }
}

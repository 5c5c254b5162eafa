//! The members that are open. Their number is bounded; the least recently used one is
//! closed first.

use std::collections::HashMap;

use crate::read::Reader;

/// The open readers, by the numbers of their members.
pub(super) struct OpenMembers {
    max: usize,
    readers: HashMap<usize, OpenMember>,
    /// The number of uses so far, which orders the readers by their last use.
    uses: u64,
}

struct OpenMember {
    reader: Reader,
    /// The number of its last use.
    last_use: u64,
}

impl OpenMembers {
    pub(super) fn new(max: usize) -> Self {
        Self { max, readers: HashMap::new(), uses: 0 }
    }

    /// Returns the reader of a member if it is open.
    pub(super) fn find(&mut self, member: usize) -> Option<Reader> {
        self.uses += 1;
        let open = self.readers.get_mut(&member)?;
        open.last_use = self.uses;
        Some(open.reader.clone())
    }

    /// Removes readers until there is room for one more, and returns them. The caller
    /// closes them after it has released the lock.
    #[must_use]
    pub(super) fn make_room(&mut self) -> Vec<Reader> {
        let mut removed = Vec::new();
        while self.readers.len() >= self.max {
            let least = self.readers.iter().min_by_key(|(_, open)| open.last_use);
            let Some(member) = least.map(|(member, _)| *member) else { break };
            removed.extend(self.readers.remove(&member).map(|open| open.reader));
        }
        removed
    }

    /// Keeps a reader, if there is still room for it.
    pub(super) fn keep(&mut self, member: usize, reader: &Reader) {
        if self.readers.len() < self.max {
            self.uses += 1;
            let open = OpenMember { reader: reader.clone(), last_use: self.uses };
            self.readers.insert(member, open);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.readers.len()
    }
}

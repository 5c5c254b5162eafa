//! The possible contents of a disk after a crash, by enumeration.
//!
//! The model relies only on these guarantees:
//!
//! - Written bytes are on the disk once a sync of their file has succeeded. Before
//!   that, each write may be there, be missing (so later ones may be there without
//!   it: reordered), have grown the file without its bytes, or be torn anywhere.
//!   After a failed sync they may be lost for good, whatever a later sync returns.
//! - Names that were made, moved or removed are on the disk once a sync of the
//!   folder has succeeded. Before that, any of the changes may have happened or
//!   not, even a later one without an earlier one, and a move may have made its new
//!   name without removing the old one.
//! - A sync of a file does not make its name durable.

use std::collections::BTreeMap;

use super::model::{Call, Files, Inode};

/// Longer writes are torn only in the middle.
const TORN_AT_EVERY_BYTE: usize = 4096;

/// The state of the disk after some calls: what is durable and what is pending.
#[derive(Default)]
struct OnDisk {
    names: BTreeMap<String, Inode>,
    pending_names: Vec<NameChange>,
    files: BTreeMap<Inode, Content>,
}

#[derive(Clone)]
enum NameChange {
    Set { name: String, inode: Inode },
    Move { from: String, to: String, inode: Inode },
    Remove { name: String },
}

#[derive(Default)]
struct Content {
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Clone)]
struct Pending {
    offset: usize,
    bytes: Vec<u8>,
    /// A sync has failed since then: no later sync makes this write durable.
    lost: bool,
}

/// What happened in the crash to a write that was not durable.
#[derive(Clone, Copy)]
enum Fate {
    Kept,
    Missing,
    /// The file has grown, and the bytes are zeros.
    Zeros,
    /// Only the first `bytes` of it; the file ends there or has grown with zeros.
    First {
        bytes: usize,
        grown: bool,
    },
    /// All except the first `bytes` of it.
    Last {
        bytes: usize,
    },
}

/// Every content of a disk that held `initial` if the system stops after these
/// calls. `visit` receives each state once for each way in which it can arise.
pub fn crash_states(initial: &Files, calls: &[Call], visit: &mut dyn FnMut(&Files)) {
    let disk = on_disk(initial, calls);
    for names in name_outcomes(&disk.names, &disk.pending_names) {
        let mut inodes: Vec<Inode> = names.values().copied().collect();
        inodes.sort_unstable();
        inodes.dedup();
        content_outcomes(&disk, &inodes, &mut BTreeMap::new(), &mut |contents| {
            let file = |(name, inode): (&String, &Inode)| (name.clone(), contents[inode].clone());
            visit(&names.iter().map(file).collect());
        });
    }
}

fn on_disk(initial: &Files, calls: &[Call]) -> OnDisk {
    let mut disk = OnDisk::default();
    for ((name, bytes), inode) in initial.iter().zip(0..) {
        disk.names.insert(name.clone(), inode);
        disk.files.insert(inode, Content { durable: bytes.clone(), pending: Vec::new() });
    }
    // The names as a running program sees them: which file each one means.
    let mut seen = disk.names.clone();
    for call in calls {
        disk.apply(call, &mut seen);
    }
    disk
}

impl OnDisk {
    fn apply(&mut self, call: &Call, seen: &mut BTreeMap<String, Inode>) {
        match call.clone() {
            Call::Create { name, inode } => {
                seen.insert(name.clone(), inode);
                self.files.insert(inode, Content::default());
                self.pending_names.push(NameChange::Set { name, inode });
            }
            Call::Truncate { inode } => *self.content(inode) = Content::default(),
            Call::Write { inode, offset, bytes } => {
                self.content(inode).pending.push(Pending { offset, bytes, lost: false });
            }
            Call::StartWriting | Call::SetPermissions | Call::SyncFolder { succeeded: false } => {}
            Call::Sync { inode, succeeded: true } => self.content(inode).make_durable(),
            Call::Sync { inode, succeeded: false } => {
                self.content(inode).pending.iter_mut().for_each(|write| write.lost = true);
            }
            Call::Rename { from, to } => {
                let inode = seen.remove(&from).unwrap();
                seen.insert(to.clone(), inode);
                self.pending_names.push(NameChange::Move { from, to, inode });
            }
            Call::Link { from, to } => {
                let inode = seen[&from];
                seen.insert(to.clone(), inode);
                self.pending_names.push(NameChange::Set { name: to, inode });
            }
            Call::Remove { name } => {
                seen.remove(&name);
                self.pending_names.push(NameChange::Remove { name });
            }
            Call::SyncFolder { succeeded: true } => {
                for change in std::mem::take(&mut self.pending_names) {
                    change.apply(&mut self.names, false);
                }
            }
        }
    }

    fn content(&mut self, inode: Inode) -> &mut Content {
        self.files.get_mut(&inode).unwrap()
    }
}

impl Content {
    fn make_durable(&mut self) {
        for write in self.pending.extract_if(.., |write| !write.lost) {
            overlay(&mut self.durable, &write, Fate::Kept);
        }
    }
}

impl NameChange {
    fn apply(self, names: &mut BTreeMap<String, Inode>, both_names: bool) {
        match self {
            Self::Set { name, inode } => {
                names.insert(name, inode);
            }
            Self::Move { from, to, inode } => {
                names.insert(to, inode);
                if !both_names {
                    names.remove(&from);
                }
            }
            Self::Remove { name } => {
                names.remove(&name);
            }
        }
    }
}

/// Every subset of the changes, with each move complete or half done.
fn name_outcomes(
    durable: &BTreeMap<String, Inode>,
    pending: &[NameChange],
) -> Vec<BTreeMap<String, Inode>> {
    let Some((first, rest)) = pending.split_first() else { return vec![durable.clone()] };
    let mut outcomes = name_outcomes(durable, rest);
    for both_names in [false, true] {
        if both_names && !matches!(first, NameChange::Move { .. }) {
            continue;
        }
        let mut changed = durable.clone();
        first.clone().apply(&mut changed, both_names);
        outcomes.extend(name_outcomes(&changed, rest));
    }
    outcomes.sort();
    outcomes.dedup();
    outcomes
}

/// The bytes of each file.
type Contents = BTreeMap<Inode, Vec<u8>>;

/// Every combination of the contents of these files.
fn content_outcomes(
    disk: &OnDisk,
    inodes: &[Inode],
    chosen: &mut Contents,
    visit: &mut dyn FnMut(&Contents),
) {
    let Some((&inode, rest)) = inodes.split_first() else { return visit(chosen) };
    let content = &disk.files[&inode];
    fates(&content.pending, &mut Vec::new(), &mut |fates| {
        let mut bytes = content.durable.clone();
        for (write, fate) in content.pending.iter().zip(fates) {
            overlay(&mut bytes, write, *fate);
        }
        chosen.insert(inode, bytes);
        content_outcomes(disk, rest, chosen, visit);
    });
}

/// Every choice of a fate for each write. The last write is torn at every byte if
/// all earlier ones were kept, and otherwise in the middle.
fn fates(writes: &[Pending], chosen: &mut Vec<Fate>, visit: &mut dyn FnMut(&[Fate])) {
    let Some((write, rest)) = writes.split_first() else { return visit(chosen) };
    let length = write.bytes.len();
    let mut fates_here = vec![Fate::Kept, Fate::Missing, Fate::Zeros];
    let all_kept = chosen.iter().all(|fate| matches!(fate, Fate::Kept));
    let every_byte = rest.is_empty() && all_kept && length <= TORN_AT_EVERY_BYTE;
    let tears = if every_byte { 1..length } else { length / 2..length / 2 + 1 };
    for bytes in tears {
        fates_here.push(Fate::First { bytes, grown: false });
        fates_here.push(Fate::First { bytes, grown: true });
        fates_here.push(Fate::Last { bytes });
    }
    for fate in fates_here {
        chosen.push(fate);
        fates(rest, chosen, visit);
        chosen.pop();
    }
}

fn overlay(file: &mut Vec<u8>, write: &Pending, fate: Fate) {
    let end = write.offset + write.bytes.len();
    let (range, grown) = match fate {
        Fate::Kept => (0..write.bytes.len(), end),
        Fate::Missing => return,
        Fate::Zeros => (0..0, end),
        Fate::First { bytes, grown } => (0..bytes, if grown { end } else { write.offset + bytes }),
        Fate::Last { bytes } => (bytes..write.bytes.len(), end),
    };
    if file.len() < grown {
        file.resize(grown, 0);
    }
    file[write.offset..][range.clone()].copy_from_slice(&write.bytes[range]);
}

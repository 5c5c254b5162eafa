//! What a disk may hold after a crash, by enumeration.
//!
//! What was promised and no more counts:
//!
//! - Bytes written are on the disk once a sync of their file has succeeded.
//!   Before that each write may be there, be missing (so later ones may be there
//!   without it: reordered), have grown the file without its bytes, or be torn
//!   anywhere. After a sync that failed they may be lost for good, whatever a
//!   later sync says.
//! - Names made, moved and removed are on the disk once a sync of the folder has
//!   succeeded. Before that any of them may have happened and any not, also a
//!   later one without an earlier, and a move may have made its new name and not
//!   removed the old.
//! - The name of a file is not made durable by a sync of the file.

use std::collections::BTreeMap;

use super::model::{Call, Files, Inode};

/// Longer writes are torn in the middle alone.
const TORN_AT_EVERY_BYTE: usize = 4096;

/// What is safe and what is not, after some calls.
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
    safe: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Clone)]
struct Pending {
    offset: usize,
    bytes: Vec<u8>,
    /// A sync failed since: no later one makes it safe.
    lost: bool,
}

/// What became of a write that was not safe.
#[derive(Clone, Copy)]
enum Fate {
    Kept,
    Missing,
    /// The file has grown, the bytes are zeros.
    Zeros,
    /// So many bytes of it, and the file ends there or has grown with zeros.
    First {
        bytes: usize,
        grown: bool,
    },
    /// All but so many bytes at its front.
    Last {
        bytes: usize,
    },
}

/// Everything that a disk which held `initial` may hold if the system stops
/// after these calls. `visit` gets each state once for each way to it.
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
        disk.files.insert(inode, Content { safe: bytes.clone(), pending: Vec::new() });
    }
    // As a running program sees it: which file a name means.
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
            Call::StartWriting | Call::SetPermissions | Call::SyncFolder { done: false } => {}
            Call::Sync { inode, done: true } => self.content(inode).make_safe(),
            Call::Sync { inode, done: false } => {
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
            Call::SyncFolder { done: true } => {
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
    fn make_safe(&mut self) {
        for write in self.pending.extract_if(.., |write| !write.lost) {
            overlay(&mut self.safe, &write, Fate::Kept);
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

/// Every subset of the changes, each move whole or half.
fn name_outcomes(
    safe: &BTreeMap<String, Inode>,
    pending: &[NameChange],
) -> Vec<BTreeMap<String, Inode>> {
    let Some((first, rest)) = pending.split_first() else { return vec![safe.clone()] };
    let mut outcomes = name_outcomes(safe, rest);
    for both_names in [false, true] {
        if both_names && !matches!(first, NameChange::Move { .. }) {
            continue;
        }
        let mut changed = safe.clone();
        first.clone().apply(&mut changed, both_names);
        outcomes.extend(name_outcomes(&changed, rest));
    }
    outcomes.sort();
    outcomes.dedup();
    outcomes
}

/// The bytes of each file.
type Contents = BTreeMap<Inode, Vec<u8>>;

/// Every content of these files, together.
fn content_outcomes(
    disk: &OnDisk,
    inodes: &[Inode],
    chosen: &mut Contents,
    visit: &mut dyn FnMut(&Contents),
) {
    let Some((&inode, rest)) = inodes.split_first() else { return visit(chosen) };
    let content = &disk.files[&inode];
    fates(&content.pending, &mut Vec::new(), &mut |fates| {
        let mut bytes = content.safe.clone();
        for (write, fate) in content.pending.iter().zip(fates) {
            overlay(&mut bytes, write, *fate);
        }
        chosen.insert(inode, bytes);
        content_outcomes(disk, rest, chosen, visit);
    });
}

/// Every choice of a fate for each write. The last one is torn at every byte
/// where those before it were kept; elsewhere in the middle.
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

//! Makes a damaged file consistent again, so that a mutation passes the checks
//! against accidental damage and reaches those against attacks.

use sealpack::core::codec::zstd_frame::FrameHeader;
use sealpack::core::format::digest::record_digest;
use sealpack::core::format::{ContentHasher, IndexEncoder, RecordLayout, Trailer, trailer};
use sealpack::core::wire::{crc::crc32c, group, group::Group};
use sealpack::{Bytes, ReadCodec, Reader};

use super::{Input, LIMIT, agree, read_options};

/// What to repair. The trailer's checksum and the sizes of the sections in it are always
/// repaired.
#[derive(Clone, Copy, Debug, Default)]
pub struct Repairs {
    /// The records' checksums.
    pub records: bool,
    /// The item lengths, if they do not add up to the stored payload.
    pub lengths: bool,
    /// The checksums in zstd frames, which are removed.
    pub frames: bool,
    /// The index: sizes that add up, and a number of items that fits the records.
    pub index: bool,
    /// The content hash, which becomes that of the items as they are now read.
    pub content_hash: bool,
}

/// Repairs any bytes, then reads them in every way.
pub fn repaired(data: &[u8]) {
    let mut input = Input::new(data);
    let options = read_options(&mut input);
    let codec = if input.flag() { ReadCodec::Zstd } else { ReadCodec::Plain };
    let bits = input.byte();
    let repairs = Repairs {
        records: bits & 1 == 0,
        index: bits & 2 == 0,
        lengths: bits & 4 != 0,
        frames: bits & 8 != 0,
        content_hash: bits & 16 != 0,
    };
    let mut file = input.rest().to_vec();
    repair(&mut file, repairs, &codec);
    if let Ok(reader) = options.open_source(std::io::Cursor::new(file), "memory") {
        agree(&reader);
    }
}

/// Repairs a file in place. It reads the file with `codec` for the content hash.
pub fn repair(file: &mut Vec<u8>, repairs: Repairs, codec: &ReadCodec) {
    let Some(mut trailer) = fit_trailer(file) else { return };
    let app_data = file[file.len() - trailer::SIZE - trailer.app_data_size as usize..]
        [..trailer.app_data_size as usize]
        .to_vec();
    if trailer.app_data_crc != 0 || trailer.record_checksum {
        trailer.app_data_crc = crc32c(&app_data);
    }
    let records_end = file.len() - trailer::SIZE - app_data.len() - trailer.index_size as usize;
    let mut index = file[records_end..][..trailer.index_size as usize].to_vec();
    file.truncate(records_end);
    let sizes = sizes_of(&index, trailer.record_count, records_end);
    if let Some(sizes) = sizes.or_else(|| repairs.index.then(|| vec![records_end])) {
        if repairs.index {
            fit_counts(&mut trailer, sizes.len());
        }
        let layout = trailer.layout();
        let mut repaired = Vec::new();
        let mut encoder = IndexEncoder::new();
        let mut at = 0;
        for (number, size) in (0u64..).zip(sizes) {
            let first = number * u64::from(trailer.items_per_record);
            let left = u64::from(trailer.total_items).saturating_sub(first);
            let count = u32::try_from(left.min(trailer.items_per_record.into())).unwrap();
            let record = repair_record(&file[at..at + size], layout, count, repairs);
            encoder.push(u32::try_from(record.len()).unwrap()).unwrap();
            repaired.extend(record);
            at += size;
        }
        if repairs.index {
            index = encoder.finish();
            *file = repaired;
        } else if repaired.len() == records_end {
            *file = repaired;
        }
    }
    if let Some((groups, crc)) = index.split_last_chunk_mut::<4>() {
        *crc = crc32c(groups).to_le_bytes();
    }
    trailer.index_size = u32::try_from(index.len()).unwrap();
    file.extend_from_slice(&index);
    file.extend_from_slice(&app_data);
    file.extend_from_slice(&trailer.encode());
    if repairs.content_hash
        && let Some(hash) = hash_of(file, codec)
    {
        trailer.content_hash = Some(hash);
        file.truncate(file.len() - trailer::SIZE);
        file.extend_from_slice(&trailer.encode());
    }
}

/// The trailer, changed so that its fixed fields are valid and its sections fit into the
/// file.
fn fit_trailer(file: &[u8]) -> Option<Trailer> {
    let mut bytes = *file.last_chunk::<{ trailer::SIZE }>()?;
    bytes[..5].copy_from_slice(b"SLCH\x01");
    bytes[5] &= 3;
    bytes[24..26].copy_from_slice(&128u16.to_le_bytes());
    let crc = crc32c(&bytes[..72]);
    bytes[72..].copy_from_slice(&crc.to_le_bytes());
    let mut trailer = Trailer::decode(&bytes).unwrap();
    let available = u32::try_from(file.len() - trailer::SIZE).unwrap();
    trailer.app_data_size = trailer.app_data_size.min(available);
    trailer.index_size = trailer.index_size.min(available - trailer.app_data_size);
    Some(trailer)
}

/// The sizes in an index, changed so that they add up; `None` if the index cannot
/// be parsed.
fn sizes_of(index: &[u8], records: u32, records_end: usize) -> Option<Vec<usize>> {
    let mut rest = &index[..index.len().checked_sub(4)?];
    if u64::from(records) > rest.len() as u64 / group::MIN_SIZE * 128 {
        return None;
    }
    let mut sizes = Vec::new();
    for number in (0..records.div_ceil(128)).rev() {
        let (group, before) = Group::split_last(rest, (records - number * 128).min(128)).ok()?;
        let mut group: Vec<usize> = group.iter().map(|size| size as usize).collect();
        group.append(&mut sizes);
        (sizes, rest) = (group, before);
    }
    let mut left = records_end;
    for size in &mut sizes {
        *size = (*size).min(left);
        left -= *size;
    }
    *sizes.last_mut()? += left;
    Some(sizes)
}

/// Sets the counts of a trailer for this number of records.
fn fit_counts(trailer: &mut Trailer, records: usize) {
    trailer.record_count = u32::try_from(records).unwrap();
    if trailer.check_counts().is_ok() {
        return;
    }
    let max = u32::MAX / trailer.record_count.max(1);
    trailer.items_per_record = trailer.items_per_record.clamp(1, max);
    trailer.total_items = match trailer.record_count {
        0 => 0,
        records => (records - 1) * trailer.items_per_record + 1,
    };
}

fn repair_record(record: &[u8], layout: RecordLayout, count: u32, repairs: Repairs) -> Vec<u8> {
    let has_crc = layout.has_lengths() || layout.has_record_checksum();
    let covered = if has_crc { &record[..record.len().saturating_sub(4)] } else { record };
    let (mut lengths, mut payload) = (Vec::new(), covered.to_vec());
    if layout.has_lengths()
        && let Ok((_, before)) = Group::split_last(covered, count)
    {
        lengths = covered[before.len()..].to_vec();
        payload = before.to_vec();
    }
    if repairs.frames {
        drop_frame_checksum(&mut payload);
    }
    if repairs.lengths && layout.has_lengths() && count < 10_000 {
        let mut even = vec![0; count.max(1) as usize];
        even[0] = u32::try_from(payload.len()).unwrap();
        lengths.clear();
        group::encode(&even, &mut lengths);
    }
    let mut repaired = payload;
    let payload_size = repaired.len();
    repaired.extend(lengths);
    if has_crc && repairs.records {
        let from = if layout.has_record_checksum() { 0 } else { payload_size };
        let crc = crc32c(&repaired[from..]);
        repaired.extend_from_slice(&crc.to_le_bytes());
    } else if has_crc {
        repaired.extend_from_slice(&record[covered.len()..]);
    }
    repaired
}

fn drop_frame_checksum(payload: &mut Vec<u8>) {
    if FrameHeader::parse(payload).is_ok_and(|header| header.checksum && payload.len() > 8) {
        payload[4] &= !4;
        payload.truncate(payload.len() - 4);
    }
}

fn hash_of(file: &[u8], codec: &ReadCodec) -> Option<[u8; 32]> {
    let options = Reader::options().codec(codec.clone()).decoded_limit(LIMIT).threads(1);
    let reader = options.open_source(std::io::Cursor::new(file.to_vec()), "memory").ok()?;
    let mut hasher = ContentHasher::new();
    for number in 0..reader.directory().record_count().min(1000) {
        let record = reader.record(number).ok()?;
        let items: Vec<Bytes> = record.items().collect();
        hasher.record(&record_digest(items.iter().map(Bytes::as_ref)).ok()?);
    }
    Some(hasher.finish())
}

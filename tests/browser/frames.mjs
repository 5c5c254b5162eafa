// The zstd frame headers of a pack (RFC 8878, 3.1.1.1), parsed independently of
// the code under test.

function header(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== 0xfd2fb528) return null;
  const descriptor = bytes[4];
  const singleSegment = (descriptor & 0x20) !== 0;
  const at = 5 + (singleSegment ? 0 : 1);
  const contentSize = [
    () => (singleSegment ? bytes[at] : null),
    () => view.getUint16(at, true) + 256,
    () => view.getUint32(at, true),
    () => Number(view.getBigUint64(at, true)),
  ][descriptor >> 6]();
  return { contentSize, checksum: (descriptor & 4) !== 0, singleSegment };
}

/** The frame header of each record, and the content size that it must have. */
export function* framesOf(pack, bytes, items) {
  for (let number = 0; number < pack.info.recordCount; number += 1) {
    const { offset, size: stored, firstItem, itemCount } = pack.record(number);
    const size = items.slice(firstItem, firstItem + itemCount).reduce((sum, item) => sum + item.length, 0);
    yield { payload: size > 0 ? header(bytes.subarray(offset, offset + stored)) : null, size };
  }
}

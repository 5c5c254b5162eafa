// The measurements, the same in Node and in a page.

const ROUNDS = 3;

/**
 * The best of a few rounds, in MB of decoded items per second, and the number of
 * busy cores; `busy` returns the seconds that all cores were busy.
 */
async function rate(bytes, work, busy) {
  let best = { seconds: Infinity };
  for (let round = 0; round < ROUNDS; round += 1) {
    const workedBefore = await busy();
    const started = performance.now();
    await work();
    const seconds = (performance.now() - started) / 1000;
    if (seconds < best.seconds) best = { seconds, cores: ((await busy()) - workedBefore) / seconds };
  }
  return { rate: bytes / 1e6 / best.seconds, cores: best.cores };
}

export async function measure(name, bytes, { sealpack, fzstd, zstd, busy }) {
  const pack = await sealpack.open(bytes, { codec: "zstd" });
  const records = Array.from({ length: pack.info.recordCount }, (_, number) => pack.record(number));
  const lengths = [];
  for await (const item of pack.range()) lengths.push(item.length);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const frames = records.map(({ offset, size }) => bytes.subarray(offset, offset + size)).map(onlyFrame);
  const sha = (message) => globalThis.crypto.subtle.digest("SHA-256", message);

  const hashed = async (decode) => {
    const digests = [];
    for (const [number, frame] of frames.entries()) {
      const { firstItem, itemCount } = records[number];
      digests.push(await sha(message(decode(frame), lengths.slice(firstItem, firstItem + itemCount))));
    }
    await sha(await new Blob(digests).arrayBuffer());
  };
  const rows = [];
  const row = async (label, work) => rows.push({ name: label, ...(await rate(total, work, busy)) });
  await row("sealpack, every item read", async () => {
    for await (const item of pack.range()) void item;
  });
  await row("fzstd, decode", () => frames.forEach((frame) => fzstd.decompress(frame)));
  await row("@bokuweb/zstd-wasm, decode", () => frames.forEach((frame) => zstd.decompress(frame)));
  await row("sealpack, verify", async () => {
    if (!(await pack.verify()).ok) throw new Error(name);
  });
  for (const workers of [1, 2]) {
    await row(`sealpack, verify, ${workers} ${workers === 1 ? "worker" : "workers"}`, () =>
      pack.verify({ workers }),
    );
  }
  await row("fzstd + WebCrypto", () => hashed((frame) => fzstd.decompress(frame)));
  await row("@bokuweb/zstd-wasm + WebCrypto", () => hashed((frame) => zstd.decompress(frame)));
  const block = new Uint8Array(1 << 20);
  const hashing = async () => {
    for (let count = 0; count < 32; count += 1) await sha(block);
  };
  const { rate: crypto } = await rate(32 * block.length, hashing, busy);
  pack.close();
  return { pack: name, rows, crypto };
}

/** The message that is hashed: each item as (length u32 | bytes). */
function message(payload, lengths) {
  const out = new Uint8Array(payload.length + 4 * lengths.length);
  const view = new DataView(out.buffer);
  let from = 0;
  let to = 0;
  for (const length of lengths) {
    view.setUint32(to, length, true);
    out.set(payload.subarray(from, from + length), to + 4);
    from += length;
    to += length + 4;
  }
  return out;
}

/** The frame at the start of a record: the other libraries refuse bytes after it. */
function onlyFrame(record) {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const descriptor = record[4];
  let at = 5 + (descriptor & 0x20 ? 0 : 1) + [descriptor & 0x20 ? 1 : 0, 2, 4, 8][descriptor >> 6];
  for (let last = 0; !last;) {
    const header = view.getUint16(at, true) | (record[at + 2] << 16);
    last = header & 1;
    // a run of one byte takes a byte, whatever its length
    at += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
  }
  return record.subarray(0, at + (descriptor & 4 ? 4 : 0));
}

// The measurements, which run in Node and in a page alike.

const GETS = 2000;

/**
 * Measures every row once per round, one row after another, so that a machine
 * that changes speed changes all of them.
 *
 * @returns {Promise<{ rows: { name: string, rates: number[], cpu: number[] }[], crypto: number[] }>}
 *   rates in MB of items per second (of `get`: calls per second), `cpu` in
 *   seconds of processor time per GB of items (of `get`: per million calls)
 */
export async function measure(bytes, libraries) {
  const { rounds, cpu } = libraries;
  const { rows, close } = await rowsOf(bytes, libraries);
  const crypto = [];
  for (let round = 0; round <= rounds; round += 1) {
    for (const row of rows) {
      const usedBefore = await cpu();
      const started = performance.now();
      await row.work();
      const seconds = (performance.now() - started) / 1000;
      const used = (await cpu()) - usedBefore;
      if (!round) continue; // the first round compiles
      row.rates.push(row.amount / seconds);
      row.cpu.push((used / row.amount) * (row.amount === GETS ? 1e6 : 1e3));
    }
    if (round) crypto.push(await hashRate());
  }
  close();
  return { rows: rows.map(({ name, rates, cpu: used }) => ({ name, rates, cpu: used })), crypto };
}

async function rowsOf(bytes, { packages, choices, decoders }) {
  const rows = [];
  const row = (name, amount, work) => rows.push({ name, amount, work, rates: [], cpu: [] });
  const opened = [];
  let packed;
  const variants = packages.flatMap(([name, sealpack]) =>
    choices.map((decoder) => [`${name} (${decoder})`, sealpack, decoder]),
  );
  for (const [name, sealpack, decoder] of variants) {
    const pack = await sealpack.open(bytes, { codec: "zstd", cacheSize: 0, decoder });
    packed ??= await framesOf(pack, bytes);
    const { megabytes, positions } = packed;
    opened.push(pack);
    row(`${name}, get`, GETS, async () => {
      for (const position of positions) await pack.get(position);
    });
    row(`${name}, every item`, megabytes, async () => {
      for await (const item of pack.range()) void item;
    });
    row(`${name}, every item in batches`, megabytes, async () => {
      for await (const items of pack.batches()) for (const item of items) void item;
    });
    for (const workers of [0, 1, 2]) {
      row(`${name}, verify${workers ? `, workers: ${workers}` : ""}`, megabytes, async () => {
        if (!(await pack.verify({ workers })).ok) throw new Error("the pack is damaged");
      });
    }
  }
  for (const [name, decode] of decoders) addDecoder(row, name, decode, packed);
  return { rows, close: () => opened.forEach((pack) => pack.close()) };
}

/** Adds the rows of another decoder, which is given the offsets of frames and items. */
function addDecoder(row, name, decode, { frames, records, lengths, positions, itemsPerRecord, megabytes }) {
  row(`${name}, one record and its item`, GETS, async () => {
    for (const position of positions) {
      const record = Math.floor(position / itemsPerRecord);
      const { firstItem } = records[record];
      let start = 0;
      for (let at = firstItem; at < position; at += 1) start += lengths[at];
      decode(frames[record]).slice(start, start + lengths[position]);
    }
  });
  const eachItem = (use) => {
    for (const [number, frame] of frames.entries()) {
      const payload = decode(frame);
      const { firstItem, itemCount } = records[number];
      let start = 0;
      for (let at = firstItem; at < firstItem + itemCount; at += 1) use(payload, start, (start += lengths[at]));
    }
  };
  row(`${name}, every item`, megabytes, () => eachItem((payload, start, end) => payload.slice(start, end)));
  row(`${name}, every item as a view`, megabytes, () => eachItem((payload, start, end) => payload.subarray(start, end)));
  row(`${name}, decode`, megabytes, () => frames.forEach((frame) => decode(frame)));
  row(`${name} + WebCrypto`, megabytes, async () => {
    const digests = [];
    for (const [number, frame] of frames.entries()) {
      const { firstItem, itemCount } = records[number];
      digests.push(await sha(message(decode(frame), lengths.slice(firstItem, firstItem + itemCount))));
    }
    await sha(await new Blob(digests).arrayBuffer());
  });
}

async function framesOf(pack, bytes) {
  const records = Array.from({ length: pack.info.recordCount }, (_, number) => pack.record(number));
  const lengths = [];
  for await (const item of pack.range()) lengths.push(item.length);
  const frames = records.map(({ offset, size }) => bytes.subarray(offset, offset + size)).map(onlyFrame);
  // The step is so large that successive positions are in distant records.
  const positions = Array.from({ length: GETS }, (_, at) => (at * 7919 * 131) % pack.length);
  const megabytes = lengths.reduce((sum, length) => sum + length, 0) / 1e6;
  return { frames, records, lengths, positions, itemsPerRecord: pack.info.itemsPerRecord, megabytes };
}

const sha = (message) => globalThis.crypto.subtle.digest("SHA-256", message);

async function hashRate() {
  const block = new Uint8Array(1 << 20);
  const started = performance.now();
  for (let count = 0; count < 32; count += 1) await sha(block);
  return (32 * block.length) / 1e3 / (performance.now() - started);
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

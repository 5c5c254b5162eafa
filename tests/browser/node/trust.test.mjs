// Packs that are authenticated against a hash: reads return authentic items or fail with
// `untrusted`, and fetch a few kilobytes of the digest list. RECORDS=10000000 measures the
// bytes that one item of that many records takes (in two minutes, with 3 GB of memory).
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { create, open } from "../../../wasm/js/index.node.js";
import { crc32c, digestList, digestsOf, recordDigest } from "../digests.mjs";
import { random } from "../random.mjs";
import { serve } from "../server.mjs";

const ITEMS_PER_RECORD = 2;
const items = Array.from({ length: 3001 }, (_, at) => Buffer.from(`item ${at} `.repeat(1 + (at % 3))));
const appData = Buffer.from("offsets");
let pack;
let published;
let server;

async function packOf(list, options = {}) {
  const builder = create({ itemsPerRecord: ITEMS_PER_RECORD, codec: "none", ...options });
  for (const item of list) builder.append(item);
  return Buffer.from(await (await builder.finish({ appData: options.appData })).blob.arrayBuffer());
}

function listOf(list, itemsPerRecord = ITEMS_PER_RECORD) {
  const of = { formatId: 0, totalItems: list.length, itemsPerRecord, appData };
  return digestList(digestsOf(list, itemsPerRecord), of);
}

const code = (expected) => (error) => {
  assert.equal(error.code, expected, error.stack);
  return true;
};

/** The options for each of the two trusted hashes. */
const trustOptions = () => [{ digestRoot: published.root }, { contentHash: published.contentHash }];

before(async () => {
  pack = await packOf(items, { appData });
  published = listOf(items);
  server = await serve({}, { aliases: { "/a.pack": pack, "/a.pack.digests": published.list } });
});
after(() => server.close());
beforeEach(() => server.forget());

test("every way of reading returns the authentic items", async () => {
  for (const trust of trustOptions()) {
    const opened = await open(pack, { ...trust, digests: published.list });
    assert.equal(opened.trustedBy, trust.digestRoot ? "digest-root" : "content-hash");
    assert.deepEqual(Buffer.from(await opened.get(3000)), items[3000]);
    const some = await opened.getMany([2999, 0, 1500, 1]);
    assert.deepEqual(
      some.map((item) => Buffer.from(item)),
      [2999, 0, 1500, 1].map((at) => items[at]),
    );
    let at = 0;
    for await (const item of opened.range(0, undefined, { requestSize: 4096 }))
      assert.deepEqual(Buffer.from(item), items[at++]);
    assert.equal(at, items.length);
    assert.ok((await opened.verify()).ok);
    opened.close();
  }
  const none = await open(pack);
  assert.equal(none.trustedBy, null);
});

test("a hash may be text or bytes, and a list may have any source that a pack may have", async () => {
  const bytes = Buffer.from(published.root, "hex");
  const sources = [
    published.list,
    new Blob([published.list]),
    { size: () => published.list.length, read: (at, length) => published.list.subarray(at, at + length) },
    `${server.url}/a.pack.digests`,
    new URL(`${server.url}/a.pack.digests`),
  ];
  for (const digests of sources) {
    for (const digestRoot of [bytes, published.root, published.root.toUpperCase()]) {
      const opened = await open(pack, { digestRoot, digests });
      assert.deepEqual(Buffer.from(await opened.get(7)), items[7]);
      await opened.close();
    }
  }
});

test("incomplete or contradictory trust options are refused before reading", async () => {
  const digests = published.list;
  for (const options of [
    { digests },
    { digestRoot: published.root },
    { digestRoot: published.root, contentHash: published.contentHash, digests },
    { digestRoot: "00ff", digests },
    { contentHash: new Uint8Array(31), digests },
    { digestRoot: 7, digests },
    { digestRoot: published.root, digests: 7 },
  ])
    await assert.rejects(open(pack, options), code("invalid-argument"));
});

test("the root covers the app data, the content hash does not", async () => {
  const other = await packOf(items, { appData: Buffer.from("others!") });
  const digests = published.list;
  await assert.rejects(open(other, { digestRoot: published.root, digests }), code("untrusted"));
  const opened = await open(other, { contentHash: published.contentHash, digests });
  assert.deepEqual(Buffer.from(await opened.get(0)), items[0]);
  await assert.rejects(opened.appData(), code("untrusted"));
  const trusted = await open(pack, { digestRoot: published.root, digests });
  assert.deepEqual(Buffer.from(await trusted.appData()), appData);
});

test("a changed item is `untrusted`, with its record, and its neighbours can be read", async () => {
  const other = await packOf(items.with(1500, Buffer.alloc(items[1500].length, "other ")), {
    appData,
    contentHash: false,
  });
  for (const trust of trustOptions()) {
    const opened = await open(other, { ...trust, digests: published.list });
    await assert.rejects(opened.get(1500), (error) => code("untrusted")(error) && error.record === 750);
    await assert.rejects(async () => {
      for await (const item of opened.range()) void item;
    }, code("untrusted"));
    assert.deepEqual(Buffer.from(await opened.get(1502)), items[1502]);
    const report = await opened.verify({ workers: 2 });
    assert.equal(report.layers.content_hash, "failed");
  }
});

test("a pack without a hash of its own is verified against the trusted one", async () => {
  const bare = await packOf(items, { appData, contentHash: false });
  for (const trust of trustOptions()) {
    const opened = await open(bare, { ...trust, digests: published.list });
    const report = await opened.verify({ workers: 2 });
    assert.deepEqual([report.ok, report.layers.content_hash], [true, "passed"]);
  }
});

test("a false trailer cannot move items", async () => {
  // The records have three and two items. The trailer claims two records of two, which puts
  // the items of the last record at positions 2 and 3.
  const five = items.slice(0, 5);
  const { list, contentHash } = listOf(five, 3);
  const moved = await packOf(five, { itemsPerRecord: 3, appData, contentHash: false });
  const trailer = moved.subarray(moved.length - 76);
  trailer.writeUInt32LE(4, 16);
  trailer.writeUInt32LE(2, 20);
  trailer.writeUInt32LE(crc32c(trailer.subarray(0, 72)), 72);
  const header = Buffer.from(list);
  header.writeUInt32LE(4, 16);
  header.writeUInt32LE(2, 20);
  header.writeUInt32LE(crc32c(header.subarray(0, 120)), 120);
  assert.deepEqual(Buffer.from(await (await open(moved)).get(2)), five[3], "without trust the item is wrong");
  await assert.rejects(open(moved, { contentHash, digests: header }));
});

test("two thousand changes of pack and list yield authentic items or errors", async () => {
  const few = items.slice(0, 600);
  const sound = await packOf(few, { appData });
  const { list, root, contentHash } = listOf(few);
  const rand = random(8);
  const change = (bytes) => {
    const changed = Buffer.from(bytes);
    const at = rand.below(changed.length);
    const other = rand.below(changed.length);
    const size = 1 + rand.below(64);
    if (rand.chance(0.5)) changed[at] ^= 1 << rand.below(8);
    else if (rand.chance(0.5)) bytes.copy(changed, at, other, other + size);
    else return changed.subarray(0, at);
    return changed;
  };
  let returned = 0;
  let refused = 0;
  for (let turn = 0; turn < 2000; turn += 1) {
    const which = rand.below(3);
    const trust = turn % 2 ? { digestRoot: root } : { contentHash };
    try {
      const digests = which === 0 ? list : change(list);
      const opened = await open(which === 1 ? sound : change(sound), { ...trust, digests });
      assert.equal(opened.length, few.length);
      for (let times = 0; times < 3; times += 1) {
        const position = rand.below(few.length);
        assert.deepEqual(Buffer.from(await opened.get(position)), few[position]);
        returned += 1;
      }
      opened.close();
    } catch (error) {
      if (typeof error.code !== "string" || error.code === "ERR_ASSERTION") throw error;
      assert.notEqual(error.code, "internal", error.stack);
      refused += 1;
    }
  }
  assert.ok(returned > 200 && refused > 1000, `${returned} given, ${refused} refused`);
});

test("an item takes one range of the pack and one of the list over HTTP", async () => {
  const opened = await open(`${server.url}/a.pack`, {
    digestRoot: published.root,
    digests: `${server.url}/a.pack.digests`,
  });
  assert.deepEqual(server.requests("/a.pack.digests"), ["GET bytes=0-123"]);
  server.forget();
  assert.deepEqual(Buffer.from(await opened.get(2000)), items[2000]);
  // 12 blocks, so four hashes above each.
  const requests = server.requests();
  const block = 124 + 7 * (128 + 4) * 32;
  assert.deepEqual(requests, [`GET bytes=${block}-${block + (128 + 4) * 32 - 1}`]);
  await opened.close();
});

test("an item of a pack with many records takes a few kilobytes of the list", { timeout: 900_000 }, async () => {
  const count = Number(process.env.RECORDS ?? 300_000);
  const item = (at) => Buffer.from(String(at).padStart(10));
  const builder = create({ itemsPerRecord: 1, codec: "none", contentHash: false });
  const digests = [];
  for (let at = 0; at < count; at += 1) {
    await builder.append(item(at));
    digests.push(recordDigest([item(at)]));
  }
  const bytes = Buffer.from(await (await builder.finish()).blob.arrayBuffer());
  const { list, root } = digestList(digests, { formatId: 0, totalItems: count, itemsPerRecord: 1 });
  const fetched = { pack: 0, list: 0 };
  const counting = (name, of) => ({
    size: () => of.length,
    read: (at, length) => {
      fetched[name] += length;
      return of.subarray(at, at + length);
    },
  });
  const opened = await open(counting("pack", bytes), { digestRoot: root, digests: counting("list", list) });
  const opening = { ...fetched };
  assert.deepEqual(Buffer.from(await opened.get(count - 5)), item(count - 5));
  const [pack, proof] = [fetched.pack - opening.pack, fetched.list - opening.list];
  console.log(
    `# ${count} records: to open ${opening.pack} bytes of the pack and ${opening.list} of the list; an item ${pack} and ${proof}`,
  );
  assert.equal(opening.list, 124);
  const depth = Math.ceil(Math.log2(Math.ceil(count / 128)));
  assert.ok(proof <= (128 + depth) * 32, `${proof}`);
});

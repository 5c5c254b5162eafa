// Random packs; the same seed gives the same packs.

/** mulberry32: small, fast, and good enough for tests. */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (bound) => Math.floor(next() * bound);
  const pick = (list) => list[below(list.length)];
  return { next, below, pick, chance: (share) => next() < share };
}

const WORDS =
  'ledger event offset account balance seal record item trailer payload 0 1 2 3 {"a": null} \n'.split(" ");

/** Items of every kind: empty, tiny, text that compresses, noise, runs of one byte. */
export function randomItems(rand, max = 60) {
  const kinds = rand.pick([
    ["text"],
    ["noise"],
    ["run"],
    ["empty"],
    ["text", "noise", "run", "empty", "tiny"],
  ]);
  return Array.from({ length: rand.below(max) }, () => randomItem(rand, rand.pick(kinds)));
}

function randomItem(rand, kind) {
  const size = rand.pick([1, 3, 30, 300, 3000, rand.chance(0.02) ? 200_000 : 600]);
  const length = 1 + rand.below(size);
  switch (kind) {
    case "empty":
      return new Uint8Array(0);
    case "tiny":
      return Uint8Array.of(rand.below(256));
    case "noise":
      return Uint8Array.from({ length }, () => rand.below(256));
    case "run":
      return new Uint8Array(length).fill(rand.below(256));
    default: {
      let text = "";
      while (text.length < length) text += `${rand.pick(WORDS)} `;
      return new TextEncoder().encode(text.slice(0, length));
    }
  }
}

/** A name for each of `count` items: none at all, ascending ones, or names of every kind. */
export function randomNames(rand, count) {
  const kind = rand.pick(["none", "none", "ascending", "any"]);
  if (kind === "none") return [];
  if (kind === "ascending") return Array.from({ length: count }, (_, at) => `folder/${String(at).padStart(6, "0")}.txt`);
  const any = () => rand.pick([null, "", "same", "é\n\u202e", noNul(randomItem(rand, "text")), noNul(randomItem(rand, "noise"))]);
  return Array.from({ length: count }, any);
}

/** A part that can be a name. */
const noNul = (bytes) => bytes.slice(0, 3000).filter((byte) => byte !== 0);

export function randomOptions(rand) {
  return {
    itemsPerRecord: rand.pick([1, 1, 2, 3, 7, 16, 128, 4294967295]),
    codec: rand.pick(["zstd", "zstd", "none"]),
    contentHash: rand.chance(0.5),
    recordChecksum: rand.chance(0.4),
    formatId: rand.pick([undefined, 77, 4294967295]),
    partSize: rand.pick([1, 7, 512, 65536, 1048576]),
    appData: rand.chance(0.3) ? randomItem(rand, "noise") : undefined,
  };
}

// The page about an open pack: its properties, its checks, its map, its items.
import { announce, byId, fact, h } from "./dom.js";
import { advice, bytes, count, exactBytes, plural, seconds } from "./words.js";
import { FileMap } from "./map.js";
import { Browser } from "./browse.js";

/** @import { ErrorDetails, LayerName, Pack, PackInfo, RecordPlace, Report, Verdict } from "sealpack" */
/** @import { Shares } from "./map.js" */
/** @typedef {ErrorDetails & { readonly layer: LayerName }} LayerFailure */

/** @type {[layer: LayerName, title: string, what: string][]} */
const LAYERS = [
  ["structure", "Structure", "the trailer, and whether the sections fit the file"],
  ["index", "Offset index", "the location of each record"],
  ["app_data", "App data", "the application's own bytes, and the names of the items"],
  ["record_checksum", "Record checksums", "over the stored bytes of each record"],
  ["decoding", "Decoding", "whether each payload can be decoded"],
  ["frame_checksum", "Frame checksums", "of the codec, over the decoded bytes"],
  ["lengths", "Item lengths", "whether they add up to the decoded size"],
  ["content_hash", "Content hash", "SHA-256 over all items"],
];
/** @type {Record<Verdict | "pending", string>} */
const MARKS = { passed: "✓", failed: "✗", not_present: "–", not_checked: "?", pending: "…" };
/** @type {Record<Verdict | "pending", string>} */
const WORDS = {
  passed: "passed",
  failed: "failed",
  not_present: "not present",
  not_checked: "not checked: above a limit",
  pending: "not checked yet",
};

export class PackView {
  #pack;
  #name;
  #local;
  #canvas;
  #map;
  #browser;
  /** @type {AbortController | null} */
  #verifying = null;
  #isClosed = false;

  /**
   * @param {Pack} pack
   * @param {{ name: string, local: boolean, signal: AbortSignal, selected: (position: number) => void }} options
   *   `signal` is aborted once another pack is opened; `selected` is called with the item that is shown
   */
  constructor(pack, { name, local, signal, selected }) {
    const { info } = pack;
    this.#pack = pack;
    this.#name = name;
    this.#local = local;
    this.#canvas = h("canvas.map", { role: "img", "aria-label": describeFile(info) });
    this.progress = h("progress", { max: "1", value: 0, "aria-label": "Verified" });
    this.progress.value = 0;
    this.rate = h("p.hint", info.recordsSize ? `Verifying reads all ${bytes(info.fileSize)}.` : "");
    this.start = h("button", { type: "button", onclick: () => this.#verify() }, "Verify");
    this.cancel = h(
      "button.quiet",
      { type: "button", hidden: true, onclick: () => this.#verifying?.abort() },
      "Cancel",
    );
    this.verdict = h("div", { id: "verdict" });
    this.layers = h("ul.layers", { id: "layers" });
    this.#map = new FileMap(this.#canvas, info, {
      signal,
      pick: (share) => this.#browser.showRecord(recordAt(pack, share * info.recordsSize)),
    });
    this.#map.bounds = borders(pack);
    this.#browser = new Browser(pack, {
      name,
      local,
      selected: (record, position) => {
        this.#select(record);
        selected(position);
      },
    });
    this.elements = [
      h(
        "section.sheet",
        { "aria-labelledby": "pack-name" },
        h("h2", { id: "pack-name", tabindex: "-1" }, h("bdi", name)),
        facts(pack),
        this.#canvas,
        legend(),
      ),
      h(
        "section.sheet",
        { "aria-labelledby": "checks" },
        h("div.title-row", h("h2", { id: "checks" }, "Checks"), h("div.actions", this.start, this.cancel)),
        this.progress,
        this.rate,
        this.verdict,
        this.layers,
      ),
      this.#browser.element,
    ];
  }

  /**
   * Starts once the elements are in the page: lists the items, and verifies a local file.
   *
   * @param {number} [item] the position of the item to show
   */
  open(item) {
    const { info } = this.#pack;
    this.#operateByKeyboard();
    this.#map.draw();
    this.#drawLayers(this.#pack.layers);
    // If the format id does not name the codec, the first read detects it.
    this.#browser.start(item).then(() => {
      if (!this.#isClosed) byId("codec").textContent = this.#pack.codec;
    });
    byId("pack-name").focus({ preventScroll: true });
    announce(`${this.#name} is open: ${plural(info.totalItems, "item")} in ${plural(info.recordCount, "record")}`);
    if (this.#local) this.#verify();
  }

  close() {
    this.#isClosed = true;
    this.#verifying?.abort();
    this.#pack.close();
  }

  /** The map as a slider over the records: the arrow keys move, Enter opens. */
  #operateByKeyboard() {
    const [canvas, pack] = [this.#canvas, this.#pack];
    const { recordCount, recordsSize } = pack.info;
    if (!recordsSize) return;
    let cursor = 0;
    /** @param {number} to */
    const move = (to) => {
      cursor = Math.min(Math.max(0, to), recordCount - 1);
      const record = pack.record(cursor);
      canvas.setAttribute("aria-valuenow", String(cursor));
      canvas.setAttribute(
        "aria-valuetext",
        `Record ${count(cursor)} of ${count(recordCount)}, ${bytes(record.size)}, from item ${count(record.firstItem)}`,
      );
      this.#map.cursor = document.activeElement === canvas ? this.#shares(record) : null;
      this.#map.draw();
    };
    for (const [name, value] of Object.entries({
      role: "slider",
      tabindex: "0",
      "aria-valuemin": "0",
      "aria-valuemax": String(recordCount - 1),
      "aria-label": `Records. ${describeFile(pack.info)}. Enter opens the record`,
    }))
      canvas.setAttribute(name, value);
    canvas.addEventListener("keydown", (event) => {
      const page = Math.max(1, Math.round(recordCount / 10));
      /** @type {Record<string, number>} */
      const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -page, PageUp: page };
      /** @type {Record<string, number>} */
      const ends = { Home: 0, End: recordCount - 1 };
      if (event.key in steps) move(cursor + (steps[event.key] ?? 0));
      else if (event.key in ends) move(ends[event.key] ?? 0);
      else if (event.key === "Enter" || event.key === " ") this.#browser.showRecord(cursor);
      else return;
      event.preventDefault();
    });
    for (const kind of ["focus", "blur"]) canvas.addEventListener(kind, () => move(cursor));
    canvas.setAttribute("aria-valuenow", "0");
    canvas.setAttribute("aria-valuetext", `Record 0 of ${count(recordCount)}`);
  }

  async #verify() {
    const run = (this.#verifying = new AbortController());
    const started = performance.now();
    this.start.hidden = true;
    this.cancel.hidden = false;
    this.verdict.replaceChildren();
    this.#map.bad = [];
    try {
      const workers = Math.min(4, Math.max(1, (navigator.hardwareConcurrency || 2) - 1));
      const report = await this.#pack.verify({
        signal: run.signal,
        workers,
        onProgress: ({ bytes: done, totalBytes }) => this.#advance(done, totalBytes, started),
      });
      if (this.#isClosed) return;
      this.#drawLayers(report.layers, report.failures);
      this.#showVerdict(report, (performance.now() - started) / 1000);
    } catch (error) {
      if (this.#isClosed) return;
      this.start.hidden = false;
      if (error.code === "aborted") {
        this.rate.textContent = "Cancelled: the rest of the file was not checked.";
        announce("Verifying was cancelled");
      } else {
        this.verdict.replaceChildren(h("div.notice.bad", h("p", error.message), h("p", advice(error) ?? "")));
      }
    } finally {
      if (this.#verifying === run) this.cancel.hidden = true;
    }
  }

  /**
   * Shows the progress of the verification.
   *
   * @param {number} done in bytes
   * @param {number} total in bytes
   * @param {number} started the time in milliseconds
   */
  #advance(done, total, started) {
    const share = total ? done / total : 1;
    this.progress.value = share;
    this.#map.checked = share;
    this.#map.draw();
    const elapsed = (performance.now() - started) / 1000;
    if (elapsed < 0.3 || share >= 1) return;
    this.rate.textContent = `${bytes(done)} of ${bytes(total)} · ${bytes(done / elapsed)}/s · ${seconds((elapsed / share) * (1 - share))} left`;
  }

  /**
   * @param {Report} report
   * @param {number} elapsed in seconds
   */
  #showVerdict(report, elapsed) {
    const { info } = this.#pack;
    this.progress.value = 1;
    this.#map.checked = 1;
    this.#map.bad = report.damaged.map(({ record }) => this.#shares(this.#pack.record(record)));
    this.#map.draw();
    this.start.hidden = false;
    this.start.textContent = "Verify again";
    this.rate.textContent = `${plural(info.recordCount, "record")}, ${bytes(info.fileSize)}, in ${elapsed < 1 ? `${Math.round(elapsed * 1000)} ms` : seconds(elapsed)}.`;
    const lines = report.ok
      ? verdictOf(report)
      : [isDamaged(report) ? "This pack is damaged." : "Not every record could be checked.", ...damageCount(report), ...new Set(report.failures.map(({ message }) => message))];
    this.verdict.replaceChildren(
      h(
        `div.notice.${report.ok ? "good" : "bad"}`,
        { id: "judgement" },
        h("p", h("strong", lines[0])),
        lines.slice(1).map((line) => h("p", line)),
      ),
    );
    announce(lines.join(" "));
  }

  /**
   * @param {Readonly<Partial<Record<LayerName, Verdict>>>} layers
   * @param {readonly LayerFailure[]} failures
   */
  #drawLayers(layers, failures = []) {
    this.layers.replaceChildren(
      ...LAYERS.map(([key, title, what]) => {
        const state = layers[key] ?? "pending";
        const failed = failures.find((failure) => failure.layer === key);
        const unprotected = key === "app_data" && state === "not_present" && this.#pack.info.appDataSize > 0;
        return h(
          "li",
          { className: state },
          h("span.mark", { "aria-hidden": "true" }, MARKS[state]),
          h("span.layer", `${title}: ${unprotected ? "not protected" : WORDS[state]}`),
          h("span.detail", failed?.message ?? (unprotected ? "this older file has no checksum for it" : what)),
        );
      }),
    );
  }

  /** @param {RecordPlace} record */
  #select(record) {
    this.#map.selected = this.#pack.info.recordsSize ? this.#shares(record) : null;
    this.#map.draw();
  }

  /**
   * Start and end of a record, as shares of all records' bytes.
   *
   * @param {RecordPlace} record
   * @returns {Shares}
   */
  #shares({ offset, size }) {
    const { recordsSize } = this.#pack.info;
    return [offset / recordsSize, (offset + size) / recordsSize];
  }
}

/** @param {Report} report */
const isDamaged = ({ layers }) => Object.values(layers).includes("failed");

/**
 * The number of damaged records, if it is more than one.
 *
 * @param {Report} report
 */
function damageCount({ damagedCount, recordCount }) {
  return damagedCount > 1 ? [`${count(damagedCount)} of ${count(recordCount)} records are damaged.`] : [];
}

/**
 * The number of the record that contains the byte at `offset`.
 *
 * @param {Pack} pack
 * @param {number} offset
 */
function recordAt(pack, offset) {
  let [low, high] = [0, pack.info.recordCount - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (pack.record(middle).offset <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** @param {Report} report */
function verdictOf({ layers }) {
  const unprotected =
    layers.content_hash !== "passed" &&
    layers.record_checksum !== "passed" &&
    layers.frame_checksum !== "passed";
  if (!unprotected) return ["This pack is intact.", "Every check that the file supports passed."];
  return [
    "No damage was found.",
    "But this file has no checksum over its items: a changed byte of an item would go unnoticed.",
  ];
}

/**
 * The ends of the records, as shares of all records' bytes, if there are few enough.
 *
 * @param {Pack} pack
 */
function borders(pack) {
  const { recordCount, recordsSize } = pack.info;
  if (recordCount > 300 || !recordsSize) return [];
  return Array.from({ length: recordCount }, (_, number) => pack.record(number).offset / recordsSize).slice(
    1,
  );
}

/** @param {PackInfo} info */
function describeFile({ recordCount, recordsSize, indexSize, appDataSize }) {
  const app = appDataSize ? `, ${bytes(appDataSize)} of app data` : "";
  return `The file: ${plural(recordCount, "record")} in ${bytes(recordsSize)}, then an index of ${bytes(indexSize)}${app}, then the trailer`;
}

/** @param {Pack} pack */
function facts(pack) {
  const { info } = pack;
  return h(
    "dl.facts",
    fact("Size", exactBytes(info.fileSize)),
    fact("Items", count(info.totalItems)),
    fact("Records", count(info.recordCount)),
    fact("Items per record", count(info.itemsPerRecord)),
    fact("Codec", h("span", { id: "codec" }, pack.codec)),
    fact("Format id", `${info.formatId}${info.formatName ? ` (${info.formatName})` : ""}`),
    fact("App data", info.appDataSize ? exactBytes(info.appDataSize) : "none"),
    fact(
      "Record checksum",
      info.recordChecksum ? "the whole record" : info.itemsPerRecord === 1 ? "none" : "item lengths only",
    ),
    pack.trustedBy && fact("Checked against", "the trusted root"),
    fact("Content hash", info.contentHash ? h("code", info.contentHash) : "none stored", true),
  );
}

function legend() {
  const parts = [
    ["records", "records"],
    ["verified", "verified"],
    ["index", "index"],
    ["app", "app data"],
    ["trailer", "trailer"],
  ];
  return h(
    "ul.map-key",
    { "aria-hidden": "true" },
    parts.map(([name, word]) => h("li", h(`span.swatch.${name}`), word)),
  );
}

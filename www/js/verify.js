// Verify: open a pack, show its properties, run every check, browse it.
import { open } from "sealpack";
import { announce, byId, fact, h, onDrop } from "./dom.js";
import { advice, bytes, count, exactBytes, nameOf, plural, seconds } from "./words.js";
import { visible } from "./dump.js";
import { FileMap } from "./map.js";
import { Browser } from "./browse.js";

const LAYERS = {
  structure: ["Structure", "the trailer, and whether the sections fit the file"],
  index: ["Offset index", "the location of each record"],
  app_data: ["App data", "the application's own bytes, and the names of the items"],
  record_checksum: ["Record checksums", "over the stored bytes of each record"],
  decoding: ["Decoding", "whether each payload can be decoded"],
  frame_checksum: ["Frame checksums", "of the codec, over the decoded bytes"],
  lengths: ["Item lengths", "whether they add up to the decoded size"],
  content_hash: ["Content hash", "SHA-256 over all items"],
};
const MARKS = { passed: "✓", failed: "✗", not_present: "–", not_checked: "?", pending: "…" };
const WORDS = {
  passed: "passed",
  failed: "failed",
  not_present: "not present",
  not_checked: "not checked: above a limit",
  pending: "not checked yet",
};

const SAMPLE = new URL("../sample.pack", import.meta.url);

export class VerifyView {
  #pack = null;
  #opening = null;
  #verifying = null;
  #map = null;
  #browser = null;
  #place = byId("pack");
  #changed;
  /** The URL, the root and the item that are shown, as in the address of the page. */
  #state = {};

  /** @param changed called when `state` has changed */
  constructor(changed) {
    this.#changed = changed;
    const drop = byId("verify-drop");
    const input = byId("verify-file");
    onDrop(drop, (files, folders) => this.#openFiles(files, folders));
    input.addEventListener("change", () => {
      this.#openFiles([...input.files], []);
      input.value = "";
    });
    byId("verify-url").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#openUrl(byId("url").value.trim(), byId("root").value.trim());
    });
    byId("verify-sample").addEventListener("click", () => this.#openUrl(SAMPLE.href, ""));
  }

  /** Opens the pack that the address of the page names, unless it is open already. */
  restore({ url, root = "", item }) {
    if (!url || (url === this.#state.url && root === (this.#state.root ?? ""))) return;
    byId("url").value = url;
    byId("root").value = root;
    byId("trust").open ||= root !== "";
    this.#openUrl(url, root, item);
  }

  get state() {
    return this.#state;
  }

  #setState(state) {
    this.#state = state;
    this.#changed();
  }

  #openUrl(url, root, item) {
    // The list is next to the pack: its name goes before a query.
    const digests = url.replace(/(?=[?#]|$)/, ".digests");
    const state = { url, ...(root && { root }) };
    this.open(url, nameOf(url), { trust: root && { digestRoot: root, digests }, state, item });
  }

  /** Opens a pack, with its digest list if given; refuses further files. */
  #openFiles(files, folders) {
    if (folders.length) {
      return this.#showError(`${visible(folders[0])} is a folder: drop the pack itself.`);
    }
    const lists = files.filter(({ name }) => name.endsWith(".digests"));
    const packs = files.filter((file) => !lists.includes(file));
    if (!files.length) return undefined;
    if (packs.length !== 1 || lists.length > 1) {
      return this.#showError("Open one pack at a time, with its digest list (.digests) if there is one.");
    }
    const root = byId("root").value.trim();
    if (Boolean(root) !== Boolean(lists.length)) {
      return this.#showError(
        root
          ? "With a trusted root, choose the pack together with its digest list (.digests)."
          : "A digest list needs the trusted root: enter it first.",
        true,
      );
    }
    return this.open(packs[0], packs[0].name, { trust: root && { digestRoot: root, digests: lists[0] } });
  }

  #showError(text, aboutTrust = false) {
    if (aboutTrust) byId("trust").open = true;
    byId("verify-error").replaceChildren(h("div.notice.bad", h("p", text)));
  }

  async open(source, given, { trust, state = {}, item } = {}) {
    const name = visible(given);
    this.#setState(state);
    this.#opening?.abort();
    this.#verifying?.abort();
    this.#pack?.close();
    this.#pack = null;
    const opening = (this.#opening = new AbortController());
    byId("verify-error").replaceChildren();
    this.#place.hidden = false;
    const cancel = h("button.quiet", { type: "button", onclick: () => opening.abort() }, "Cancel");
    this.#place.replaceChildren(h("div.sheet.title-row", h("p.hint", `Opening ${name} …`), cancel));
    try {
      const pack = await open(source, { signal: opening.signal, codec: "auto-or-none", ...trust });
      if (this.#opening !== opening) return void pack.close();
      this.#pack = pack;
      this.#show(name, source instanceof Blob, item);
    } catch (error) {
      if (this.#opening !== opening) return;
      this.#place.hidden = true;
      if (error.code !== "aborted") this.#refuse(name, error);
      else announce("Opening was cancelled");
    }
  }

  #refuse(name, error) {
    const advised = advice(error);
    byId("verify-error").replaceChildren(
      h(
        "div.notice.bad",
        h("p", h("strong", name), `: ${error.message}`),
        advised && h("p", advised),
        h("p", "Code: ", h("code", error.code ?? "internal")),
      ),
    );
  }

  #show(name, local, item) {
    const { info } = this.#pack;
    const canvas = h("canvas.map", { role: "img", "aria-label": describeFile(info) });
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
    this.#browser = new Browser(this.#pack, {
      name,
      local,
      selected: (record, position) => {
        this.#select(record);
        if (this.#state.url) this.#setState({ ...this.#state, item: String(position) });
      },
    });
    this.#place.replaceChildren(
      h(
        "section.sheet",
        { "aria-labelledby": "pack-name" },
        h("h2", { id: "pack-name", tabindex: "-1" }, h("bdi", name)),
        facts(this.#pack),
        canvas,
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
    );
    const { signal } = this.#opening;
    this.#map = new FileMap(canvas, info, {
      signal,
      pick: (share) => this.#browser.showRecord(recordAt(this.#pack, share * info.recordsSize)),
    });
    this.#operateByKeyboard(canvas);
    this.#map.bounds = borders(this.#pack);
    this.#map.draw();
    this.#drawLayers(this.#pack.layers);
    // If the format id does not name the codec, the first read detects it.
    const pack = this.#pack;
    const started = this.#browser.start(item === undefined ? undefined : Number(item));
    started.then(() => this.#pack === pack && (byId("codec").textContent = pack.codec));
    byId("pack-name").focus({ preventScroll: true });
    announce(`${name} is open: ${plural(info.totalItems, "item")} in ${plural(info.recordCount, "record")}`);
    if (local) this.#verify();
  }

  /** The map as a slider over the records: the arrow keys move, Enter opens. */
  #operateByKeyboard(canvas) {
    const pack = this.#pack;
    const { recordCount, recordsSize } = pack.info;
    if (!recordsSize) return;
    let cursor = 0;
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
      const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -page, PageUp: page };
      const ends = { Home: 0, End: recordCount - 1 };
      if (event.key in steps) move(cursor + steps[event.key]);
      else if (event.key in ends) move(ends[event.key]);
      else if (event.key === "Enter" || event.key === " ") this.#browser.showRecord(cursor);
      else return;
      event.preventDefault();
    });
    for (const kind of ["focus", "blur"]) canvas.addEventListener(kind, () => move(cursor));
    canvas.setAttribute("aria-valuenow", "0");
    canvas.setAttribute("aria-valuetext", `Record 0 of ${count(recordCount)}`);
  }

  async #verify() {
    const pack = this.#pack;
    const run = (this.#verifying = new AbortController());
    const started = performance.now();
    this.start.hidden = true;
    this.cancel.hidden = false;
    this.verdict.replaceChildren();
    this.#map.bad = [];
    try {
      const workers = Math.min(4, Math.max(1, (navigator.hardwareConcurrency || 2) - 1));
      const report = await pack.verify({
        signal: run.signal,
        workers,
        onProgress: ({ bytes: done, totalBytes }) => this.#advance(done, totalBytes, started),
      });
      if (this.#pack !== pack) return;
      this.#drawLayers(report.layers, report.failures);
      this.#showVerdict(report, (performance.now() - started) / 1000);
    } catch (error) {
      if (this.#pack !== pack) return;
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

  #advance(done, total, started) {
    const share = total ? done / total : 1;
    this.progress.value = share;
    this.#map.checked = share;
    this.#map.draw();
    const elapsed = (performance.now() - started) / 1000;
    if (elapsed < 0.3 || share >= 1) return;
    this.rate.textContent = `${bytes(done)} of ${bytes(total)} · ${bytes(done / elapsed)}/s · ${seconds((elapsed / share) * (1 - share))} left`;
  }

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

  #drawLayers(layers, failures = []) {
    this.layers.replaceChildren(
      ...Object.entries(LAYERS).map(([key, [title, what]]) => {
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

  #select(record) {
    this.#map.selected = this.#pack.info.recordsSize ? this.#shares(record) : null;
    this.#map.draw();
  }

  /** Start and end of a record, as shares of all records' bytes. */
  #shares({ offset, size }) {
    const { recordsSize } = this.#pack.info;
    return [offset / recordsSize, (offset + size) / recordsSize];
  }
}

const isDamaged = ({ layers }) => Object.values(layers).includes("failed");

/** The number of damaged records, if it is more than one. */
function damageCount({ damagedCount, recordCount }) {
  return damagedCount > 1 ? [`${count(damagedCount)} of ${count(recordCount)} records are damaged.`] : [];
}

/** The record that contains the byte at `offset`. */
function recordAt(pack, offset) {
  let [low, high] = [0, pack.info.recordCount - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (pack.record(middle).offset <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

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

/** The ends of the records, as shares of all records' bytes, if there are few enough. */
function borders(pack) {
  const { recordCount, recordsSize } = pack.info;
  if (recordCount > 300 || !recordsSize) return [];
  return Array.from({ length: recordCount }, (_, number) => pack.record(number).offset / recordsSize).slice(
    1,
  );
}

function describeFile({ recordCount, recordsSize, indexSize, appDataSize }) {
  const app = appDataSize ? `, ${bytes(appDataSize)} of app data` : "";
  return `The file: ${plural(recordCount, "record")} in ${bytes(recordsSize)}, then an index of ${bytes(indexSize)}${app}, then the trailer`;
}

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

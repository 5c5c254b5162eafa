// Build: files or lines in, a pack out.
import { create } from "sealpack";
import { announce, byId, checkbox, fact, field, h, onDrop, save } from "./dom.js";
import { chosenFolder, contentOf, droppedFolder, itemNames, onlyFolder, singleFiles } from "./inputs.js";
import { advice, bytes, count, exactBytes, plural } from "./words.js";
import { visible } from "./dump.js";

/** @import { Builder, Sealed } from "sealpack" */
/** @import { InputFile } from "./inputs.js" */

const NEWLINE = 10;
/** The number of bytes of a file that are read at a time. */
const CHUNK = 4 * 1024 * 1024;

export class BuildView {
  /** @type {InputFile[]} */
  #files = [];
  /** @type {AbortController | null} */
  #running = null;
  #inspect;

  /** @param {(blob: Blob, name: string) => void} inspect opens the finished pack in the other view */
  constructor(inspect) {
    this.#inspect = inspect;
    this.text = h("textarea", { rows: "6", spellcheck: "false", placeholder: "one item per line" });
    this.chosen = h("div");
    this.result = h("div", { id: "build-result" });
    this.perRecord = h("input", {
      type: "number",
      min: "1",
      max: "4294967295",
      value: "128",
      required: true,
    });
    this.codec = h("select", h("option", { value: "zstd" }, "zstd"), h("option", { value: "none" }, "none"));
    this.formatId = h("input", {
      type: "number",
      min: "0",
      max: "4294967295",
      placeholder: "default of the codec",
    });
    this.names = checkbox("Store the names of files", true);
    this.lines = checkbox("Each line of a file is an item");
    this.lines.input.addEventListener("change", () => {
      this.names.input.disabled = this.lines.input.checked; // lines have no names
    });
    this.hash = checkbox("Content hash", true);
    this.recordChecksum = checkbox("Checksum over whole records");
    this.start = h("button", { type: "submit", id: "build-start" }, "Build");
    this.cancel = h(
      "button.quiet",
      { type: "button", hidden: true, onclick: () => this.#running?.abort() },
      "Cancel",
    );
    this.form = this.#optionsForm();
    byId("build").append(
      h("div.open-row", this.#fileInputs(), h("div.url-form", field("Or write items", this.text))),
      this.chosen,
      this.form,
      this.result,
    );
  }

  /** Where files and folders are dropped or chosen. */
  #fileInputs() {
    const input = h("input.visually-hidden", { type: "file", id: "build-files", multiple: true });
    const folder = h("input", { type: "file", id: "build-folder", webkitdirectory: true, hidden: true });
    const drop = h(
      "label.drop",
      { id: "build-drop" },
      input,
      h("span.drop-title", "Drop files or folders here, or ", h("u", "choose files")),
      h("span.hint", "each file becomes an item, or each of its lines"),
    );
    input.addEventListener("change", () => {
      this.#add(singleFiles(Array.from(input.files ?? [])));
      input.value = "";
    });
    folder.addEventListener("change", () => {
      this.#add(chosenFolder(Array.from(folder.files ?? [])));
      folder.value = "";
    });
    onDrop(drop, (files, folders) => {
      if (files.length) this.#add(singleFiles(files));
      this.#addFolders(folders);
    });
    const choose = h("button.link", { type: "button", onclick: () => folder.click() }, "Choose a folder");
    return h("div.drop-column", drop, h("p.hint", choose), folder);
  }

  #optionsForm() {
    const form = h(
      "form.sheet",
      h(
        "fieldset.options",
        h("legend", "Options"),
        field("Items per record", this.perRecord, "more items compress better, fewer make single items faster to read"),
        field("Codec", this.codec),
        field("Format id", this.formatId),
        h("div.checks", this.names.element, this.lines.element, this.hash.element, this.recordChecksum.element),
      ),
      h("div.actions.below", this.start, this.cancel),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#build();
    });
    return form;
  }

  /**
   * Adds the files of folders; none of a folder that cannot be read as a whole.
   *
   * @param {FileSystemDirectoryEntry[]} folders
   */
  async #addFolders(folders) {
    for (const folder of folders) {
      this.start.disabled = true;
      try {
        const files = await droppedFolder(folder);
        this.#add(files);
        if (!files.length) this.#showProblem(`${visible(folder.name)} has no files.`);
      } catch (error) {
        this.#showProblem(error.message);
      } finally {
        this.start.disabled = false;
      }
    }
  }

  /** @param {string} text */
  #showProblem(text) {
    this.result.replaceChildren(h("div.notice.bad", { role: "alert" }, h("p", text)));
  }

  /** @param {InputFile[]} files */
  #add(files) {
    this.#files = [...this.#files, ...files];
    this.#showChosen();
  }

  #showChosen() {
    const size = this.#files.reduce((sum, { file }) => sum + file.size, 0);
    const clear = h(
      "button.quiet",
      {
        type: "button",
        onclick: () => {
          this.#files = [];
          this.#showChosen();
        },
      },
      "Clear",
    );
    const names = this.#files
      .slice(0, 8)
      .map(({ file, path }) => h("li", h("bdi", visible(path)), " ", h("span.hint", bytes(file.size))));
    const more = this.#files.length > 8 ? h("li", `and ${count(this.#files.length - 8)} more`) : null;
    this.chosen.replaceChildren(
      ...(this.#files.length
        ? [
            h(
              "div.sheet",
              h("div.title-row", h("h2", `${plural(this.#files.length, "file")}, ${bytes(size)}`), clear),
              h("ul", names, more),
            ),
          ]
        : []),
    );
    announce(`${plural(this.#files.length, "file")} chosen`);
  }

  /**
   * The items in order, and their names; at most one file is in memory.
   *
   * @param {(done: number, all: number) => void} report is called before each file
   * @returns {AsyncGenerator<{ item: Uint8Array, name?: string | undefined }>}
   */
  async *#items(report) {
    const encoder = new TextEncoder();
    const names = this.#hasNames ? itemNames(this.#files) : [];
    for (const [number, input] of this.#files.entries()) {
      report(number, this.#files.length);
      if (!this.lines.input.checked) yield { item: await contentOf(input), name: names[number] };
      else for await (const item of linesOf(input.file)) yield { item };
    }
    const text = this.text.value;
    if (text) for (const line of text.replace(/\n$/, "").split("\n")) yield { item: encoder.encode(line) };
  }

  get #hasNames() {
    return this.#files.length > 0 && this.names.input.checked && !this.lines.input.checked;
  }

  async #build() {
    if (!this.#files.length && !this.text.value) {
      this.result.replaceChildren(
        h("div.notice", { role: "alert" }, h("p", "Choose files or write some lines first.")),
      );
      return;
    }
    const run = (this.#running = new AbortController());
    const progress = h("progress", { max: "1", "aria-label": "Built" });
    this.start.disabled = true;
    this.cancel.hidden = false;
    this.result.replaceChildren(progress);
    const started = performance.now();
    /** @type {Builder | undefined} */
    let builder;
    try {
      builder = create({
        itemsPerRecord: Number(this.perRecord.value),
        codec: this.codec.value === "none" ? "none" : "zstd",
        formatId: this.formatId.value === "" ? undefined : Number(this.formatId.value),
        contentHash: this.hash.input.checked,
        recordChecksum: this.recordChecksum.input.checked,
        signal: run.signal,
      });
      /** @type {(done: number, all: number) => void} */
      const report = (done, all) => {
        progress.value = done / all;
      };
      const named = this.#hasNames ? this.#files.length : 0;
      for await (const { item, name } of this.#items(report)) await builder.append(item, { name });
      const sealed = await builder.finish();
      this.#show(sealed, named, (performance.now() - started) / 1000);
    } catch (error) {
      await builder?.abort().catch(() => {});
      if (error.code === "aborted") {
        this.result.replaceChildren(h("div.notice", h("p", "Cancelled: nothing was built.")));
        announce("Building was cancelled");
      } else {
        this.result.replaceChildren(
          h(
            "div.notice.bad",
            { role: "alert" },
            h("p", h("strong", "Not built: "), error.message),
            advice(error) && h("p", advice(error)),
          ),
        );
      }
    } finally {
      this.start.disabled = false;
      this.cancel.hidden = true;
    }
  }

  /** The name of the pack: that of the only file or folder. */
  get #packName() {
    const [onlyFile, secondFile] = this.#files;
    const only = onlyFile && !secondFile ? onlyFile.file : onlyFolder(this.#files);
    return only ? `${only.name}.pack` : "items.pack";
  }

  /**
   * @param {Sealed} sealed
   * @param {number} named the number of items with names
   * @param {number} elapsed in seconds
   */
  #show(sealed, named, elapsed) {
    const name = this.#packName;
    const blob = /** @type {Blob} */ (sealed.blob);
    const keep = h(
      "button",
      { type: "button", id: "build-save", onclick: () => save(blob, name) },
      `Save ${visible(name)}`,
    );
    const look = h(
      "button.quiet",
      { type: "button", id: "build-look", onclick: () => this.#inspect(blob, name) },
      "Verify and browse it",
    );
    this.result.replaceChildren(
      h(
        "section.sheet",
        { "aria-labelledby": "built" },
        h("div.title-row", h("h2", { id: "built", tabindex: "-1" }, "Sealed"), h("div.actions", keep, look)),
        ...sizeComparison(sealed),
        h(
          "dl.facts",
          fact("Items", `${count(sealed.totalItems)}, ${bytes(sealed.itemBytes)}`),
          fact("Pack", exactBytes(sealed.fileSize)),
          fact("Records", count(sealed.recordCount)),
          fact("Names", named ? count(named) : "none"),
          fact(
            "Built in",
            elapsed < 0.5
              ? `${Math.ceil(elapsed * 1000)} ms`
              : `${elapsed.toFixed(1)} s, ${bytes(sealed.itemBytes / elapsed)}/s`,
          ),
          fact("Content hash", sealed.contentHash ? h("code", sealed.contentHash) : "none", true),
        ),
      ),
    );
    byId("built").focus({ preventScroll: true });
    announce(`The pack is sealed: ${plural(sealed.totalItems, "item")}, ${bytes(sealed.fileSize)}`);
  }
}

/**
 * Compares the size of the pack with that of its items. A small pack is larger.
 *
 * @param {Sealed} sealed
 */
function sizeComparison({ itemBytes, fileSize, totalItems }) {
  if (!totalItems) return [h("p.big-number", "empty")];
  if (fileSize <= itemBytes) {
    const saved = Math.round((1 - fileSize / itemBytes) * 100);
    return [
      h("p.big-number", `${(itemBytes / fileSize).toFixed(2)} : 1`),
      h("p.hint", `The pack is ${saved}% smaller than its items.`),
    ];
  }
  return [
    h("p.big-number", `${bytes(fileSize - itemBytes)} more`),
    h(
      "p.hint",
      "The pack is larger than its items: index, names, checksums and trailer take some space, and small or incompressible items save none.",
    ),
  ];
}

/**
 * The lines of a file as bytes, without the newline but with the carriage
 * return, like `sealpack pack --lines`.
 *
 * @param {File} file
 */
async function* linesOf(file) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  let lineParts = [];
  for (let at = 0; at < file.size; at += CHUNK) {
    const chunk = new Uint8Array(await file.slice(at, at + CHUNK).arrayBuffer());
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const line = chunk.subarray(from, end);
      yield lineParts.length ? await joined([...lineParts, line]) : line;
      lineParts = [];
      from = end + 1;
    }
    if (from < chunk.length) lineParts.push(chunk.subarray(from));
  }
  if (lineParts.length) yield joined(lineParts);
}

/** @param {Uint8Array<ArrayBuffer>[]} pieces */
const joined = async (pieces) => new Uint8Array(await new Blob(pieces).arrayBuffer());

// Browse: the items, by position or by name; one item in hexadecimal, as text or JSON.
import { announce, byId, h, isUsable, save, setUsable } from "./dom.js";
import { advice, bytes, count, plural } from "./words.js";
import { asJson, hexDump, jsonDump, looksLikeText, preview, textDump } from "./dump.js";
import { fileName, nameText, positionsOfNamesWith, shortName } from "./names.js";

/** @import { ItemName, Names, Pack, RecordPlace, SealpackError } from "sealpack" */

const PAGE = 64;
/**
 * A page of items is previewed if its records take at most this many bytes:
 * others are read only when one of their items is opened.
 */
const MAX_PREVIEWED = { local: 8 * 1024 * 1024, remote: 512 * 1024 };
/** The filter is applied once nothing was typed for this long, in milliseconds. */
const TYPING = 150;
/** A longer name scrolls in the view of the item. */
const LONG_NAME = 300;
/** Below this width the item is under the list, as in style.css. */
const NARROW = "(max-width: 53.99rem)";

export class Browser {
  #pack;
  #packName;
  /** Begins the names of downloaded items. */
  #name;
  #selected;
  #maxPreviewed;
  /** @type {Names | null} null if the items have no names */
  #names = null;
  /** @type {number[] | null} the positions that match the filter, ascending; null without a filter */
  #matches = null;
  #filtering = new AbortController();
  /** The row of the page's first item, among the rows of all pages. */
  #first = 0;
  /** @type {{ position: number, name: ItemName | null, bytes: Uint8Array<ArrayBuffer>, record: RecordPlace } | null} */
  #item = null;
  #form = "auto";
  #request = 0;
  #pages = 0;

  /**
   * @param {Pack} pack
   * @param {{ name: string, local: boolean, selected: (record: RecordPlace, position: number) => void }} options
   *   `selected` is called with the item that is shown, and its record
   */
  constructor(pack, { name, local, selected }) {
    this.#pack = pack;
    this.#packName = name;
    this.#name = name.replace(/\.pack$/, "");
    this.#maxPreviewed = local ? MAX_PREVIEWED.local : MAX_PREVIEWED.remote;
    this.#selected = selected;
    this.list = h("ul.list", { "aria-label": "Items", onkeydown: (event) => this.#moveFocus(event) });
    this.where = h("span.where");
    this.previous = h(
      "button.quiet",
      { type: "button", onclick: () => isUsable(this.previous) && this.#turn(-PAGE) },
      "Previous",
    );
    this.next = h("button.quiet", { type: "button", onclick: () => isUsable(this.next) && this.#turn(PAGE) }, "Next");
    this.goto = h("input", {
      type: "number",
      id: "goto",
      min: "0",
      max: String(Math.max(0, pack.length - 1)),
      value: "0",
      inputmode: "numeric",
    });
    this.view = h("div", { id: "item" });
    this.filter = h("input", {
      type: "search",
      id: "filter",
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => this.#typed(),
      onkeydown: (event) => this.#toList(event),
    });
    this.search = h("div.filter", { hidden: true }, h("label", { for: "filter" }, "Filter by name"), this.filter);
    this.problem = h("div");
    const form = h(
      "form.field-row",
      {
        onsubmit: (event) => {
          event.preventDefault();
          this.show(Number(this.goto.value));
        },
      },
      h("div", h("label", { for: "goto" }, "Go to item"), this.goto),
      h("button.quiet", { type: "submit" }, "Go"),
    );
    this.element = h(
      "section.sheet",
      { "aria-labelledby": "items-title" },
      h("div.title-row", h("h2", { id: "items-title" }, "Items"), form),
      pack.length
        ? h(
            "div.browse",
            h("div", this.problem, this.search, this.list, h("div.pager", this.previous, this.where, this.next)),
            this.view,
          )
        : h("p.hint", "This pack has no items."),
    );
  }

  /**
   * Lists the items; shows the one at `position` if it is given.
   *
   * @param {number} [position]
   */
  async start(position) {
    if (!this.#pack.length) return;
    await this.#openNames();
    if (position === undefined) await this.#page(0);
    else await this.show(position);
  }

  async #openNames() {
    try {
      this.#names = await this.#pack.names();
    } catch (error) {
      this.#withoutNames(error);
    }
    this.search.hidden = !this.#names;
    this.list.classList.toggle("named", Boolean(this.#names));
  }

  /**
   * Lists the items without names. They can still be read by position if the names are damaged.
   *
   * @param {SealpackError} error
   */
  #withoutNames(error) {
    this.#names = null;
    this.#matches = null;
    this.search.hidden = true;
    if (["aborted", "closed"].includes(error.code)) return;
    // Only `open` has not been given the file.
    const isElsewhere = error.section === "names" && error.code === "invalid-argument";
    const notice = isElsewhere
      ? h("div.notice", h("p", "The names are in a file of their own: open ", h("bdi", this.#packName), " together with ", h("bdi", `${this.#packName}.names`), "."))
      : h("div.notice.bad", h("p", h("strong", "The names"), ` cannot be read: ${error.message}`));
    notice.setAttribute("role", "alert");
    this.problem.replaceChildren(notice);
  }

  /**
   * The name of an item; null if it has none.
   *
   * @param {number} position
   */
  #nameOf(position) {
    try {
      return this.#names?.get(position) ?? null;
    } catch (error) {
      this.#withoutNames(error);
      return null;
    }
  }

  // ---- the rows: all items, or those that match the filter

  get #rows() {
    return this.#matches ? this.#matches.length : this.#pack.length;
  }

  /** @param {number} row */
  #positionOf(row) {
    return this.#matches?.[row] ?? row;
  }

  /**
   * The row of an item; -1 if it does not match the filter.
   *
   * @param {number} position
   */
  #rowOf(position) {
    if (!this.#matches) return position;
    let [low, high] = [0, this.#matches.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#positionOf(middle) < position) low = middle + 1;
      else high = middle;
    }
    return this.#matches[low] === position ? low : -1;
  }

  async #typed() {
    this.#filtering.abort();
    const { signal } = (this.#filtering = new AbortController());
    await new Promise((resolve) => setTimeout(resolve, TYPING));
    const part = this.filter.value;
    if (signal.aborted) return;
    try {
      const matches = part && this.#names ? await positionsOfNamesWith(this.#names, part, signal) : null;
      if (signal.aborted) return;
      this.#matches = matches;
    } catch (error) {
      this.#withoutNames(error);
    }
    announce(this.#matches ? `${plural(this.#rows, "name")} found` : "All items are listed");
    await this.#page(0);
  }

  /**
   * A key in the filter: Enter opens the first item, the down arrow goes to the list.
   *
   * @param {KeyboardEvent} event
   */
  #toList(event) {
    const stop = this.#buttons().find((button) => button.tabIndex === 0);
    if (!stop || !["Enter", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    if (event.key === "Enter") stop.click();
    else stop.focus();
  }

  /** The buttons of the rows. */
  #buttons() {
    return Array.from(this.list.querySelectorAll("button"));
  }

  /** @param {number} number */
  showRecord(number) {
    this.show(this.#pack.record(number).firstItem);
  }

  /** @param {number} position */
  async show(position) {
    const shownPosition = Math.min(Math.max(0, Math.trunc(position) || 0), this.#pack.length - 1);
    const row = this.#rowOf(shownPosition);
    const isListed = row >= this.#first && row < this.#first + PAGE && this.list.children.length > 0;
    if (row >= 0 && !isListed) await this.#page(row - (row % PAGE));
    for (const button of this.#buttons()) {
      const current = Number(button.value) === shownPosition;
      button.toggleAttribute("aria-current", current);
      if (current) button.setAttribute("aria-current", "true");
      if (current) button.scrollIntoView({ block: "nearest" });
    }
    if (row >= 0) this.#stopAt(shownPosition);
    this.goto.value = String(shownPosition);
    const turn = (this.#request += 1);
    try {
      const item = await this.#pack.get(shownPosition);
      if (turn !== this.#request) return;
      const record = this.#pack.recordOf(shownPosition);
      this.#selected(record, shownPosition);
      this.#item = { position: shownPosition, name: this.#nameOf(shownPosition), bytes: item, record };
      this.#label(shownPosition, previewWithSize(item));
      this.#draw();
      announce(`Item ${count(shownPosition)} is shown after the list: ${plural(item.length, "byte")}`);
      if (matchMedia(NARROW).matches) this.view.scrollIntoView({ block: "start" });
    } catch (error) {
      if (turn === this.#request) this.view.replaceChildren(problem(`Item ${count(shownPosition)}`, error));
    }
  }

  /** @param {number} rows */
  async #turn(rows) {
    const turned = this.#page(this.#first + rows);
    announce(`Items ${this.where.textContent}`);
    await turned;
  }

  /**
   * Lists a page of items. Items of undamaged records are listed even if others are damaged.
   *
   * @param {number} first the row of the first item
   */
  async #page(first) {
    const rows = this.#rows;
    this.#first = Math.min(Math.max(0, first), Math.max(0, rows - 1));
    const end = Math.min(rows, this.#first + PAGE);
    const positions = Array.from({ length: end - this.#first }, (_, step) => this.#positionOf(this.#first + step));
    setUsable(this.previous, this.#first > 0);
    setUsable(this.next, end < rows);
    this.where.textContent = this.#place(this.#first, end);
    this.list.replaceChildren(...positions.map((position) => this.#row(position)));
    this.list.hidden = rows === 0;
    const turn = (this.#pages += 1);
    this.list.scrollTop = 0;
    const [firstPosition] = positions;
    if (firstPosition === undefined) return;
    this.#stopAt(firstPosition);
    if (this.#sizeOfRecords(positions) > this.#maxPreviewed) return;
    let previewed = 0;
    try {
      for await (const item of this.#itemsAt(positions)) {
        if (turn !== this.#pages) return;
        this.#label(positions[previewed] ?? firstPosition, previewWithSize(item));
        previewed += 1;
      }
    } catch (error) {
      if (turn !== this.#pages || ["aborted", "closed"].includes(error.code)) return;
      if (["checksum", "corrupt"].includes(error.code)) await this.#oneByOne(positions.slice(previewed), turn);
      else this.view.replaceChildren(problem("Some items of this page", error));
    }
  }

  /**
   * Where a page is among all rows.
   *
   * @param {number} first
   * @param {number} end
   */
  #place(first, end) {
    const rows = this.#rows;
    if (!this.#matches) return `${count(first)} to ${count(end - 1)} of ${count(rows)}`;
    if (!rows) return "No name contains this";
    return `${count(first + 1)} to ${count(end)} of ${plural(rows, "match", "matches")}`;
  }

  /** @param {number[]} positions */
  async *#itemsAt(positions) {
    if (this.#matches) yield* await this.#pack.getMany(positions);
    else yield* this.#pack.range(positions[0], (positions.at(-1) ?? -1) + 1);
  }

  /**
   * The stored bytes of the records of these items.
   *
   * @param {number[]} positions
   */
  #sizeOfRecords(positions) {
    const records = positions.map((position) => this.#pack.recordOf(position));
    const sizes = new Map(records.map(({ number, size }) => [number, size]));
    return Array.from(sizes.values()).reduce((sum, size) => sum + size, 0);
  }

  /**
   * Makes a row the only tab stop of the list.
   *
   * @param {number} position
   */
  #stopAt(position) {
    for (const button of this.#buttons()) {
      button.tabIndex = Number(button.value) === position ? 0 : -1;
    }
  }

  /**
   * Moves the focus in the list by keyboard, also across pages.
   *
   * @param {KeyboardEvent} event
   */
  async #moveFocus(event) {
    const from = Number(/** @type {Element} */ (event.target).closest("button")?.value);
    /** @type {Record<string, number>} */
    const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || Number.isNaN(from)) return;
    event.preventDefault();
    const last = this.#rows - 1;
    const [low, high] = [this.#first, Math.min(last, this.#first + PAGE - 1)];
    const withinPage = Math.abs(step) === Infinity;
    const to = Math.min(Math.max(this.#rowOf(from) + step, withinPage ? low : 0), withinPage ? high : last);
    const turned = to < low || to > high ? this.#page(to - (to % PAGE)) : null;
    const position = this.#positionOf(to);
    this.#stopAt(position);
    this.#button(position)?.focus();
    await turned;
  }

  /**
   * After damage: reads the items one by one, and marks those that are damaged.
   *
   * @param {number[]} positions
   * @param {number} turn
   */
  async #oneByOne(positions, turn) {
    for (const position of positions) {
      if (turn !== this.#pages) return;
      this.#label(position, await this.#pack.get(position).then(previewWithSize, () => "damaged"));
    }
  }

  /**
   * The button of an item, if it is on this page.
   *
   * @param {number} position
   */
  #button(position) {
    return this.#buttons().find((button) => Number(button.value) === position);
  }

  /**
   * @param {number} position
   * @param {string} text
   */
  #label(position, text) {
    const label = this.#button(position)?.lastChild;
    if (label) label.textContent = text;
  }

  /** @param {number} position */
  #row(position) {
    const name = this.#nameOf(position);
    const button = h(
      "button",
      { type: "button", value: String(position), tabindex: "-1", onclick: () => this.show(position) },
      h("span", count(position)),
      name !== null && h("bdi.name", shortName(name)),
      h("small", { dir: "auto" }, ""),
    );
    return h("li", button);
  }

  #save() {
    if (!this.#item) return;
    const { name, position, bytes: item } = this.#item;
    const numbered = `${this.#name}-${position}`;
    const savedName = name === null ? numbered : fileName(name, numbered);
    // A browser adds an ending to a file without a type; a stored name is complete.
    save(new Blob([item], { type: savedName === numbered ? "" : "application/octet-stream" }), savedName);
  }

  #draw() {
    if (!this.#item) return;
    const { position, name, bytes: item, record } = this.#item;
    const json = asJson(item);
    const forms = { hex: "Hex", text: "Text", ...(json === null ? {} : { json: "JSON" }) };
    const automatic =
      json !== null && /^[[{]/.test(json) ? "json" : looksLikeText(item) && item.length ? "text" : "hex";
    const form = this.#form in forms ? this.#form : automatic;
    /** @param {string} name */
    const choose = (name) => {
      this.#form = name;
      this.#draw();
      byId(`form-${name}`).focus();
    };
    const buttons = Object.entries(forms).map(([name, label]) =>
      h(
        "button.quiet",
        {
          type: "button",
          id: `form-${name}`,
          "aria-pressed": String(name === form),
          onclick: () => choose(name),
        },
        label,
      ),
    );
    const download = h(
      "button.quiet",
      { type: "button", onclick: () => this.#save() },
      "Download",
    );
    const dump = form === "hex" ? hexDump(item) : form === "text" ? textDump(item) : jsonDump(json ?? "");
    this.view.replaceChildren(
      ...[
        h(
          "div.title-row",
          h("h3", { id: "item-title" }, `Item ${count(position)}`),
          h("div.actions", { role: "group", "aria-label": "Shown as" }, buttons, download),
        ),
        name !== null && namePart(name),
        h(
          "p.hint",
          `${plural(item.length, "byte")} · in record ${count(record.number)}, ${bytes(record.size)} at ${count(record.offset)}`,
        ),
        ...dump,
      ].filter((part) => part instanceof Node),
    );
  }
}

/**
 * The whole name; a long one scrolls.
 *
 * @param {ItemName} name
 */
function namePart(name) {
  const text = nameText(name);
  const scrolls = text.length > LONG_NAME && { tabindex: "0", role: "group" };
  return h("p.item-name", { id: "item-name", "aria-label": scrolls ? "Name" : undefined, ...scrolls }, h("bdi", text));
}

/** @param {Uint8Array} item */
const previewWithSize = (item) => `${preview(item)} · ${bytes(item.length)}`;

/**
 * @param {string} what
 * @param {SealpackError} error
 */
function problem(what, error) {
  return h(
    "div.notice.bad",
    { role: "alert" },
    h("p", h("strong", what), ` cannot be read: ${error.message}`),
    advice(error) && h("p", advice(error)),
  );
}

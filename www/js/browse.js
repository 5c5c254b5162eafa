// Browse: records and their items; one item in hexadecimal, as text or JSON.
import { byId, h, save } from "./dom.js";
import { advice, bytes, count, plural } from "./words.js";
import { asJson, hexDump, jsonDump, looksLikeText, preview, textDump } from "./dump.js";

const PAGE = 64;
/**
 * A page of items is previewed if its records take at most this many bytes:
 * others are read only when one of their items is opened.
 */
const MAX_PREVIEWED = { local: 8 * 1024 * 1024, remote: 512 * 1024 };
/** Below this width the item is under the list, as in style.css. */
const NARROW = "(max-width: 53.99rem)";

export class Browser {
  #pack;
  #name;
  #selected;
  #maxPreviewed;
  #first = 0;
  #item = null;
  #form = "auto";
  #request = 0;
  #pages = 0;

  /**
   * @param {{ name: string, local: boolean, selected: (record: object, position: number) => void }} options
   *   `selected` is called with the item that is shown, and its record
   */
  constructor(pack, { name, local, selected }) {
    this.#pack = pack;
    this.#name = name.replace(/\.pack$/, "");
    this.#maxPreviewed = local ? MAX_PREVIEWED.local : MAX_PREVIEWED.remote;
    this.#selected = selected;
    this.list = h("ul.list", { "aria-label": "Items", onkeydown: (event) => this.#moveFocus(event) });
    this.where = h("span.where");
    this.previous = h(
      "button.quiet",
      { type: "button", onclick: () => this.#page(this.#first - PAGE) },
      "Previous",
    );
    this.next = h("button.quiet", { type: "button", onclick: () => this.#page(this.#first + PAGE) }, "Next");
    this.goto = h("input", {
      type: "number",
      id: "goto",
      min: "0",
      max: String(Math.max(0, pack.length - 1)),
      value: "0",
      inputmode: "numeric",
    });
    this.view = h("div", { id: "item" });
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
            h("div", this.list, h("div.pager", this.previous, this.where, this.next)),
            this.view,
          )
        : h("p.hint", "This pack has no items."),
    );
  }

  async start() {
    if (this.#pack.length) await this.#page(0);
  }

  showRecord(number) {
    this.show(this.#pack.record(number).firstItem);
  }

  async show(position) {
    const shownPosition = Math.min(Math.max(0, Math.trunc(position) || 0), this.#pack.length - 1);
    if (shownPosition < this.#first || shownPosition >= this.#first + PAGE || !this.list.children.length) {
      await this.#page(shownPosition - (shownPosition % PAGE));
    }
    for (const button of this.list.querySelectorAll("button")) {
      const current = Number(button.value) === shownPosition;
      button.toggleAttribute("aria-current", current);
      if (current) button.setAttribute("aria-current", "true");
      if (current) button.scrollIntoView({ block: "nearest" });
    }
    this.#stopAt(shownPosition);
    this.goto.value = String(shownPosition);
    const turn = (this.#request += 1);
    try {
      const item = await this.#pack.get(shownPosition);
      if (turn !== this.#request) return;
      const record = this.#pack.recordOf(shownPosition);
      this.#selected(record, shownPosition);
      this.#item = { position: shownPosition, bytes: item, record };
      this.#label(shownPosition, previewWithSize(item));
      this.#draw();
      if (matchMedia(NARROW).matches) this.view.scrollIntoView({ block: "start" });
    } catch (error) {
      if (turn === this.#request) this.view.replaceChildren(problem(`Item ${count(shownPosition)}`, error));
    }
  }

  /** A page of items; items of undamaged records are listed even if others are damaged. */
  async #page(first) {
    const last = this.#pack.length;
    this.#first = Math.min(Math.max(0, first), Math.max(0, last - 1));
    const end = Math.min(last, this.#first + PAGE);
    this.previous.disabled = this.#first === 0;
    this.next.disabled = end >= last;
    this.where.textContent = `${count(this.#first)} to ${count(end - 1)} of ${count(last)}`;
    this.list.replaceChildren(
      ...Array.from({ length: end - this.#first }, (_, step) => this.#row(this.#first + step)),
    );
    const turn = (this.#pages += 1);
    this.list.scrollTop = 0;
    this.#stopAt(this.#first);
    if (this.#sizeOfRecords(this.#first, end) > this.#maxPreviewed) return;
    let position = this.#first;
    try {
      for await (const item of this.#pack.range(this.#first, end)) {
        if (turn !== this.#pages) return;
        this.#label(position, previewWithSize(item));
        position += 1;
      }
    } catch (error) {
      if (turn !== this.#pages || ["aborted", "closed"].includes(error.code)) return;
      if (["checksum", "corrupt"].includes(error.code)) await this.#oneByOne(position, end, turn);
      else this.view.replaceChildren(problem("Some items of this page", error));
    }
  }

  /** The stored bytes of the records of these items. */
  #sizeOfRecords(first, end) {
    const from = this.#pack.recordOf(first);
    const to = this.#pack.recordOf(end - 1);
    return to.offset + to.size - from.offset;
  }

  /** Makes a row the only tab stop of the list. */
  #stopAt(position) {
    for (const button of this.list.querySelectorAll("button")) {
      button.tabIndex = Number(button.value) === position ? 0 : -1;
    }
  }

  /** Moves the focus in the list by keyboard, also across pages. */
  async #moveFocus(event) {
    const from = Number(event.target.closest("button")?.value);
    const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || Number.isNaN(from)) return;
    event.preventDefault();
    const last = this.#pack.length - 1;
    const [low, high] = [this.#first, Math.min(last, this.#first + PAGE - 1)];
    const withinPage = Math.abs(step) === Infinity;
    const to = Math.min(Math.max(from + step, withinPage ? low : 0), withinPage ? high : last);
    const turned = to < low || to > high ? this.#page(to - (to % PAGE)) : null;
    this.#stopAt(to);
    this.list.querySelector(`button[value="${to}"]`)?.focus();
    await turned;
  }

  /** After damage: marks the damaged items, and lists their neighbours. */
  async #oneByOne(first, end, turn) {
    for (let position = first; position < end && turn === this.#pages; position += 1) {
      this.#label(position, await this.#pack.get(position).then(previewWithSize, () => "damaged"));
    }
  }

  #label(position, text) {
    const row = this.list.querySelector(`button[value="${position}"]`);
    if (row) row.lastChild.textContent = text;
  }

  #row(position) {
    const button = h(
      "button",
      { type: "button", value: String(position), tabindex: "-1", onclick: () => this.show(position) },
      h("span", count(position)),
      h("small", { dir: "auto" }, ""),
    );
    return h("li", button);
  }

  #draw() {
    const { position, bytes: item, record } = this.#item;
    const json = asJson(item);
    const forms = { hex: "Hex", text: "Text", ...(json === null ? {} : { json: "JSON" }) };
    const automatic =
      json !== null && /^[[{]/.test(json) ? "json" : looksLikeText(item) && item.length ? "text" : "hex";
    const form = this.#form in forms ? this.#form : automatic;
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
      { type: "button", onclick: () => save(new Blob([item]), `${this.#name}-${position}`) },
      "Download",
    );
    const dump = form === "hex" ? hexDump(item) : form === "text" ? textDump(item) : jsonDump(json);
    this.view.replaceChildren(
      ...[
        h(
          "div.title-row",
          h("h3", { id: "item-title" }, `Item ${count(position)}`),
          h("div.actions", { role: "group", "aria-label": "Shown as" }, buttons, download),
        ),
        h(
          "p.hint",
          `${plural(item.length, "byte")} · in record ${count(record.number)}, ${bytes(record.size)} at ${count(record.offset)}`,
        ),
        ...dump,
      ].filter(Boolean),
    );
  }
}

const previewWithSize = (item) => `${preview(item)} · ${bytes(item.length)}`;

function problem(what, error) {
  return h(
    "div.notice.bad",
    { role: "alert" },
    h("p", h("strong", what), ` cannot be read: ${error.message}`),
    advice(error) && h("p", advice(error)),
  );
}

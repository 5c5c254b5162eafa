// The file, drawn to scale: records, index, app data, trailer. The records are
// coloured while they are verified.

/** @import { PackInfo } from "sealpack" */
/** @typedef {[from: number, to: number]} Shares a part of the records, in shares (0 to 1) of their bytes */
/** @typedef {Record<"ink" | "paper" | "accent" | "bad" | "index" | "tint" | "good" | "amber", string>} Colours */

export class FileMap {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {PackInfo} info
   * @param {{ pick: (share: number) => void, signal: AbortSignal }} options `pick` is called with the share of
   *   the records' bytes that was clicked; `signal` is aborted once another file is shown
   */
  constructor(canvas, info, { pick, signal }) {
    this.canvas = canvas;
    this.info = info;
    this.checked = 0;
    /** @type {Shares[]} the damaged records */
    this.bad = [];
    /** @type {Shares | null} */
    this.selected = null;
    /** @type {number[]} where records begin, in shares of the records' bytes */
    this.bounds = [];
    /** @type {Shares | null} the record under the keyboard's cursor */
    this.cursor = null;
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      const { records } = this.#widths(box.width);
      const x = event.clientX - box.left;
      if (x < records) pick(x / records);
    });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw(), { signal });
    matchMedia("(forced-colors: active)").addEventListener("change", () => this.draw(), { signal });
    addEventListener("themechange", () => this.draw(), { signal });
  }

  /**
   * The widths of the sections. Every section is visible, even if it is tiny compared with the records.
   *
   * @param {number} width
   */
  #widths(width) {
    const { recordsSize, indexSize, appDataSize, trailerSize, fileSize } = this.info;
    const least = Math.min(14, width / 16);
    const small = [indexSize, appDataSize, trailerSize].map((size) =>
      size === 0 ? 0 : Math.max(least, (size / fileSize) * width),
    );
    const spare = width - (recordsSize ? least : 0);
    const sum = small.reduce((a, b) => a + b, 0);
    const [index = 0, app = 0, trailer = 0] = sum > spare ? small.map((part) => (part * spare) / sum) : small;
    return { records: width - index - app - trailer, index, app, trailer };
  }

  draw() {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const { width, height } = canvas.getBoundingClientRect();
    if (!width) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const brush = canvas.getContext("2d");
    if (!brush) return;
    brush.scale(ratio, ratio);
    const colour = colours(canvas);
    const { records, index, app, trailer } = this.#widths(width);
    brush.fillStyle = colour.tint;
    brush.fillRect(0, 0, records, height);
    brush.fillStyle = colour.good;
    brush.fillRect(0, 0, records * this.checked, height);
    this.#recordLines(brush, records, height, colour);
    brush.fillStyle = colour.bad;
    for (const [from, to] of this.bad) {
      brush.fillRect(Math.min(records - 4, from * records), 0, Math.max(4, (to - from) * records), height);
    }
    for (const { place, dash } of [
      { place: this.selected, dash: [] },
      { place: this.cursor, dash: [4, 3] },
    ]) {
      if (!place) continue;
      const [from, to] = place;
      brush.strokeStyle = colour.ink;
      brush.lineWidth = 2;
      brush.setLineDash(dash);
      brush.strokeRect(from * records + 1, 1, Math.max(4, (to - from) * records - 2), height - 2);
      brush.setLineDash([]);
    }
    let x = records;
    for (const { part, fill } of [
      { part: index, fill: colour.index },
      { part: app, fill: colour.amber },
      { part: trailer, fill: colour.ink },
    ]) {
      brush.fillStyle = fill;
      if (part) brush.fillRect(x + 2, 0, Math.max(1, part - 2), height);
      x += part;
    }
  }

  /**
   * The borders of the records, if they are far enough apart.
   *
   * @param {CanvasRenderingContext2D} brush
   * @param {number} width
   * @param {number} height
   * @param {Colours} colour
   */
  #recordLines(brush, width, height, colour) {
    const { recordCount } = this.info;
    if (recordCount < 2 || width / recordCount < 4 || !this.bounds.length) return;
    brush.fillStyle = colour.paper;
    for (const share of this.bounds) brush.fillRect(share * width - 0.5, 0, 1, height);
  }
}

/** @param {HTMLElement} element */
function colours(element) {
  const probe = document.createElement("span");
  probe.className = "probe";
  element.after(probe);
  /** @param {string} name */
  const read = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  /** @type {Colours} */
  const found = {
    ink: read("--ink"),
    paper: read("--paper"),
    accent: read("--accent"),
    bad: read("--bad"),
    index: read("--map-index"),
    tint: read("--map-open"),
    good: read("--map-good"),
    amber: read("--map-app"),
  };
  probe.remove();
  return found;
}

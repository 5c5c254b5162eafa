// The file, drawn to scale: records, index, app data, trailer. The records are
// coloured while they are verified.

export class FileMap {
  /**
   * @param info `pack.info`
   * @param pick called with the share (0 to 1) of the records' bytes that was clicked
   * @param signal aborted once another file is shown
   */
  constructor(canvas, info, { pick, signal }) {
    this.canvas = canvas;
    this.info = info;
    this.checked = 0;
    /** Damaged records, as `[from, to]` in shares of the records' bytes. */
    this.bad = [];
    this.selected = null;
    this.bounds = [];
    /** The record under the keyboard's cursor, as a share `[from, to]`. */
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

  /** Every section is visible, even if it is tiny next to the records. */
  #widths(width) {
    const { recordsSize, indexSize, appDataSize, trailerSize, fileSize } = this.info;
    const least = Math.min(14, width / 16);
    const small = [indexSize, appDataSize, trailerSize].map((size) =>
      size === 0 ? 0 : Math.max(least, (size / fileSize) * width),
    );
    const spare = width - (recordsSize ? least : 0);
    const sum = small.reduce((a, b) => a + b, 0);
    const [index, app, trailer] = sum > spare ? small.map((part) => (part * spare) / sum) : small;
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
    for (const [place, dash] of [
      [this.selected, []],
      [this.cursor, [4, 3]],
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
    for (const [part, fill] of [
      [index, colour.index],
      [app, colour.amber],
      [trailer, colour.ink],
    ]) {
      brush.fillStyle = fill;
      if (part) brush.fillRect(x + 2, 0, Math.max(1, part - 2), height);
      x += part;
    }
  }

  /** The borders of the records, if they are far enough apart. */
  #recordLines(brush, width, height, colour) {
    const { recordCount } = this.info;
    if (recordCount < 2 || width / recordCount < 4 || !this.bounds.length) return;
    brush.fillStyle = colour.paper;
    for (const share of this.bounds) brush.fillRect(share * width - 0.5, 0, 1, height);
  }
}

function colours(element) {
  const probe = document.createElement("span");
  probe.className = "probe";
  element.parentNode.append(probe);
  const read = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const found = {};
  for (const name of ["ink", "paper", "accent", "bad"]) found[name] = read(`--${name}`);
  for (const [name, variable] of [
    ["index", "--map-index"],
    ["tint", "--map-open"],
    ["good", "--map-good"],
    ["amber", "--map-app"],
  ])
    found[name] = read(variable);
  probe.remove();
  return found;
}

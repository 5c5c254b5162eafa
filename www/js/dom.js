// Creates elements without innerHTML, so that the content of a pack is text, never markup.

/**
 * Attributes, properties, and handlers of events.
 *
 * @typedef {{
 *   onclick?: (event: MouseEvent) => void,
 *   oninput?: (event: Event) => void,
 *   onkeydown?: (event: KeyboardEvent) => void,
 *   onsubmit?: (event: SubmitEvent) => void,
 *   [attribute: string]: unknown,
 * }} Attributes
 */
/** @typedef {Attributes | Node | string | number | false | null | undefined} ElementPart */
/**
 * @template {string} T
 * @typedef {T extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[T] : HTMLElement} ElementOfTag
 */
/**
 * @template {string} N a tag followed by classes, each after a dot
 * @typedef {N extends `${infer T}.${string}` ? ElementOfTag<T> : ElementOfTag<N>} ElementNamed
 */

/**
 * h("p.hint", { title: "…" }, "text", child)
 *
 * @template {string} N
 * @param {N} name
 * @param {...(ElementPart | readonly ElementPart[] | readonly ElementPart[][])} rest
 */
export function h(name, ...rest) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const part of /** @type {ElementPart[]} */ (rest.flat(Infinity))) {
    if (part === null || part === undefined || part === false) continue;
    if (typeof part === "string" || typeof part === "number" || part instanceof Node) element.append(/** @type {string | Node} */ (part));
    else for (const [key, value] of Object.entries(part)) set(element, key, value);
  }
  return /** @type {ElementNamed<N>} */ (element);
}

/**
 * @param {HTMLElement} element
 * @param {string} key
 * @param {unknown} value
 */
function set(element, key, value) {
  if (value === undefined || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), /** @type {EventListener} */ (value));
  else if (key === "className" || (key in element && typeof value !== "string")) Object.assign(element, { [key]: value });
  else element.setAttribute(key, value === true ? "" : String(value));
}

/**
 * The elements of index.html whose properties are used.
 *
 * @typedef {{
 *   "root": HTMLInputElement,
 *   "theme": HTMLButtonElement,
 *   "trust": HTMLDetailsElement,
 *   "url": HTMLInputElement,
 *   "verify-file": HTMLInputElement,
 * }} PageElements
 */

/**
 * @template {string} I
 * @param {I} id
 */
export function byId(id) {
  return /** @type {I extends keyof PageElements ? PageElements[I] : HTMLElement} */ (document.getElementById(id));
}

/**
 * Announces text to screen readers, without moving the focus.
 *
 * @param {string} text
 */
export function announce(text) {
  byId("status").textContent = text;
}

/**
 * Whether a button does anything now. Unlike a disabled one it keeps the focus.
 *
 * @param {HTMLElement} button
 * @param {boolean} usable
 */
export const setUsable = (button, usable) => button.setAttribute("aria-disabled", String(!usable));

/** @param {HTMLElement} button */
export const isUsable = (button) => button.getAttribute("aria-disabled") !== "true";

/**
 * A term and its value, for lists of facts.
 *
 * @param {string} term
 * @param {ElementPart} value
 */
export function fact(term, value, wide = false) {
  return h(wide ? "div.wide" : "div", h("dt", term), h("dd", value));
}

let ids = 0;
/**
 * A labelled field; the input gets an id of its own.
 *
 * @param {string} label
 * @param {HTMLElement} input
 * @param {string} [hint]
 */
export function field(label, input, hint) {
  input.id ||= `field-${(ids += 1)}`;
  const note = hint && h("p.hint", { id: `${input.id}-hint` }, hint);
  if (note) input.setAttribute("aria-describedby", note.id);
  return h("div", h("label", { for: input.id }, label), input, note);
}

/** @param {string} label */
export function checkbox(label, checked = false) {
  const input = h("input", { type: "checkbox" });
  input.checked = checked;
  return { input, element: h("label.check", input, h("span", label)) };
}

/**
 * Takes files dropped on `target`, and highlights it while they hover.
 *
 * @param {HTMLElement} target
 * @param {(files: File[], folders: FileSystemDirectoryEntry[]) => void} take is called with the files and the folders
 */
export function onDrop(target, take) {
  /** @type {(on: boolean) => (event: DragEvent) => void} */
  const over = (on) => (event) => {
    event.preventDefault();
    target.classList.toggle("over", on);
  };
  target.addEventListener("dragover", over(true));
  target.addEventListener("dragleave", over(false));
  target.addEventListener("drop", (event) => {
    over(false)(event);
    event.stopPropagation();
    const all = Array.from(event.dataTransfer?.files ?? []);
    const entries = Array.from(event.dataTransfer?.items ?? [], (item) => item.webkitGetAsEntry?.());
    const folders = entries.flatMap((entry) => (entry?.isDirectory ? [/** @type {FileSystemDirectoryEntry} */ (entry)] : []));
    const files = all.filter((_, at) => !entries[at]?.isDirectory);
    if (files.length || folders.length) take(files, folders);
  });
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

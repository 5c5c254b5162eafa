// Creates elements without innerHTML, so that the content of a pack is text, never markup.

/** h("p.hint", { title: "…" }, "text", child) */
export function h(name, ...rest) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const part of rest.flat(Infinity)) {
    if (part === null || part === undefined || part === false) continue;
    if (typeof part === "string" || typeof part === "number" || part instanceof Node) element.append(part);
    else for (const [key, value] of Object.entries(part)) set(element, key, value);
  }
  return element;
}

function set(element, key, value) {
  if (value === undefined || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key === "className" || (key in element && typeof value !== "string")) element[key] = value;
  else element.setAttribute(key, value === true ? "" : value);
}

export const byId = (id) => document.getElementById(id);

/** Announces text to screen readers, without moving the focus. */
export function announce(text) {
  byId("status").textContent = text;
}

/** A term and its value, for lists of facts. */
export function fact(term, value, wide = false) {
  return h(wide ? "div.wide" : "div", h("dt", term), h("dd", value));
}

let ids = 0;
/** A labelled field; the input gets an id of its own. */
export function field(label, input, hint) {
  input.id ||= `field-${(ids += 1)}`;
  return h("div", h("label", { for: input.id }, label), input, hint && h("p.hint", hint));
}

export function checkbox(label, checked = false) {
  const input = h("input", { type: "checkbox" });
  input.checked = checked;
  return { input, element: h("label.check", input, h("span", label)) };
}

/**
 * Takes files dropped on `target`, and highlights it while they hover.
 *
 * @param {(files: File[], folders: string[]) => void} take `folders` are the names of dropped folders
 */
export function onDrop(target, take) {
  const over = (on) => (event) => {
    event.preventDefault();
    target.classList.toggle("over", on);
  };
  target.addEventListener("dragover", over(true));
  target.addEventListener("dragleave", over(false));
  target.addEventListener("drop", (event) => {
    over(false)(event);
    event.stopPropagation();
    const { files: all = [], items = [] } = event.dataTransfer ?? {};
    const entries = Array.from(items, (item) => item.webkitGetAsEntry?.());
    const folders = entries.filter((entry) => entry?.isDirectory).map(({ name }) => name);
    const files = Array.from(all).filter((file, at) => !entries[at]?.isDirectory);
    if (files.length || folders.length) take(files, folders);
  });
}

export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

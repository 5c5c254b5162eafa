// Verify: open a pack, show its properties, run every check, browse it.
import { open } from "sealpack";
import { announce, byId, h, onDrop } from "./dom.js";
import { advice, nameOf } from "./words.js";
import { visible } from "./dump.js";
import { PackView } from "./pack-view.js";

/** @import { SealpackError } from "sealpack" */
/** @typedef {{ url?: string, root?: string, item?: string }} PackState the shown pack and item, in the address of the page */
/**
 * What to open next to the pack, and the trusted root.
 *
 * @typedef {{ digestRoot?: string, digests?: string | File | undefined, names?: File | undefined }} FilesOptions
 */

const SAMPLE = new URL("../sample.pack", import.meta.url);

export class VerifyView {
  /** @type {PackView | null} */
  #view = null;
  /** @type {AbortController | null} */
  #opening = null;
  #place = byId("pack");
  #changed;
  /** @type {PackState} */
  #state = {};

  /** @param {() => void} changed called when `state` has changed */
  constructor(changed) {
    this.#changed = changed;
    const drop = byId("verify-drop");
    const input = byId("verify-file");
    onDrop(drop, (files, folders) => this.#openFiles(files, folders));
    input.addEventListener("change", () => {
      this.#openFiles(Array.from(input.files ?? []), []);
      input.value = "";
    });
    byId("verify-url").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#openUrl(byId("url").value.trim(), byId("root").value.trim());
    });
    byId("verify-sample").addEventListener("click", () => this.#openUrl(SAMPLE.href, ""));
  }

  /**
   * Opens the pack that the address of the page names, unless it is open already.
   *
   * @param {PackState} state
   */
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

  /** @param {PackState} state */
  #setState(state) {
    this.#state = state;
    this.#changed();
  }

  /**
   * @param {string} url
   * @param {string} root empty without trust
   * @param {string} [item] the position of the item to show
   */
  #openUrl(url, root, item) {
    // The list is next to the pack: its name goes before a query.
    const digests = url.replace(/(?=[?#]|$)/, ".digests");
    const state = { url, ...(root && { root }) };
    this.open(url, nameOf(url), { files: root ? { digestRoot: root, digests } : {}, state, item });
  }

  /**
   * Opens a pack, with its digest list and its names file if given; refuses further files.
   *
   * @param {File[]} files
   * @param {{ name: string }[]} folders dropped folders
   */
  #openFiles(files, folders) {
    const [folder] = folders;
    if (folder !== undefined) {
      return this.#showError(`${visible(folder.name)} is a folder: drop the pack itself.`);
    }
    const lists = files.filter(({ name }) => name.endsWith(".digests"));
    const namesFiles = files.filter(({ name }) => name.endsWith(".names"));
    const packs = files.filter((file) => !lists.includes(file) && !namesFiles.includes(file));
    if (!files.length) return undefined;
    const [pack, secondPack] = packs;
    const [names, secondNames] = namesFiles;
    if (!pack && names && !secondNames) {
      return this.#showError(`${visible(names.name)} has the names of a pack: choose it together with its pack.`);
    }
    if (!pack || secondPack || lists.length > 1 || secondNames) {
      return this.#showError(
        "Open one pack at a time, with its digest list (.digests) and its names (.names) if it has such files.",
      );
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
    const trust = root ? { digestRoot: root, digests: lists[0] } : {};
    return this.open(pack, pack.name, { files: { ...trust, names } });
  }

  /** @param {string} text */
  #showError(text, aboutTrust = false) {
    if (aboutTrust) byId("trust").open = true;
    byId("verify-error").replaceChildren(h("div.notice.bad", h("p", text)));
  }

  /**
   * @param {string | Blob} source
   * @param {string} given its name
   * @param {{ files?: FilesOptions, state?: PackState, item?: string | undefined }} [options]
   */
  async open(source, given, { files = {}, state = {}, item } = {}) {
    const name = visible(given);
    this.#setState(state);
    this.#opening?.abort();
    this.#view?.close();
    this.#view = null;
    const opening = (this.#opening = new AbortController());
    byId("verify-error").replaceChildren();
    this.#place.hidden = false;
    const cancel = h("button.quiet", { type: "button", onclick: () => opening.abort() }, "Cancel");
    this.#place.replaceChildren(h("div.sheet.title-row", h("p.hint", `Opening ${name} …`), cancel));
    try {
      const pack = await open(source, { signal: opening.signal, codec: "auto-or-none", ...files });
      if (this.#opening !== opening) return void pack.close();
      this.#view = new PackView(pack, {
        name,
        local: source instanceof Blob,
        signal: opening.signal,
        selected: (position) => {
          if (this.#state.url) this.#setState({ ...this.#state, item: String(position) });
        },
      });
      this.#place.replaceChildren(...this.#view.elements);
      this.#view.open(item === undefined ? undefined : Number(item));
    } catch (error) {
      if (this.#opening !== opening) return;
      this.#place.hidden = true;
      if (error.code !== "aborted") this.#refuse(name, error);
      else announce("Opening was cancelled");
    }
  }

  /**
   * @param {string} name
   * @param {SealpackError} error
   */
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
}

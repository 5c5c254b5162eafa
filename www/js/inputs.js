// The files that become items: which ones a folder contains, their order and their names.
import { visible } from "./dump.js";

/**
 * A file to pack; `folder` is where it was found, one object for each chosen folder.
 *
 * @typedef {{ file: File, path: string, folder: { readonly name: string } | null }} InputFile
 */

const encoder = new TextEncoder();

/**
 * Files that were chosen or dropped one by one.
 *
 * @param {File[]} files
 * @returns {InputFile[]}
 */
export const singleFiles = (files) => files.map((file) => ({ file, path: file.name, folder: null }));

/**
 * All files of a folder that was chosen.
 *
 * @param {File[]} files
 */
export function chosenFolder(files) {
  const folder = { name: files[0]?.webkitRelativePath.split("/")[0] ?? "" };
  return inOrder(files.map((file) => ({ file, path: file.webkitRelativePath, folder })));
}

/**
 * All files below a folder that was dropped.
 *
 * @param {FileSystemDirectoryEntry} folder
 */
export async function droppedFolder(folder) {
  /** @type {InputFile[]} */
  const found = [];
  /** @type {FileSystemEntry[]} */
  const pending = [folder];
  for (let entry = pending.pop(); entry; entry = pending.pop()) {
    const path = entry.fullPath.replace(/^\//, "");
    try {
      if (!entry.isDirectory) found.push({ file: await fileOf(entry), path, folder });
      else for (const child of await childrenOf(entry)) pending.push(child);
    } catch (error) {
      throw unreadable(path, error);
    }
  }
  return inOrder(found);
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<File>}
 */
const fileOf = (entry) => new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));

/** @param {FileSystemEntry} entry */
async function childrenOf(entry) {
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {FileSystemEntry[]} */
  const children = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return children;
    for (const child of some) children.push(child);
  }
}

/**
 * Sorts by the bytes of the paths, like `sealpack pack FOLDER`.
 *
 * @param {InputFile[]} files
 */
function inOrder(files) {
  const keyed = files.map((file) => ({ file, key: encoder.encode(file.path) }));
  return keyed.sort((a, b) => compare(a.key, b.key)).map(({ file }) => file);
}

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
function compare(a, b) {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return (a[at] ?? -1) - (b[at] ?? -1);
}

/**
 * The folder that all files are from, if there is one.
 *
 * @param {InputFile[]} files
 */
export function onlyFolder(files) {
  const [first] = files;
  return first?.folder && files.every(({ folder }) => folder === first.folder) ? first.folder : null;
}

/**
 * The names of items: paths relative to the only folder, or the paths as they are.
 *
 * @param {InputFile[]} files
 */
export function itemNames(files) {
  const folder = onlyFolder(files);
  return files.map(({ path }) => (folder ? path.slice(folder.name.length + 1) : path));
}

/**
 * The content of a file.
 *
 * @param {InputFile} input
 */
export async function contentOf({ file, path }) {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * @param {string} path
 * @param {any} error
 */
const unreadable = (path, error) => new Error(`${visible(path)} cannot be read: ${error.message}`, { cause: error });

// What `open` accepts, turned into one thing: { size(), read(), tail?(), close?() }.
import { invalidArgument } from "../errors.js";
import { describe, isBytes, toBytes } from "../bytes.js";
import { MemorySource } from "./memory.js";
import { BlobSource } from "./blob.js";
import { CustomSource, answered } from "./custom.js";
import { HttpSource } from "./http.js";

export async function sourceFrom(input, options = {}) {
  if (typeof input === "string" || input instanceof URL) return new HttpSource(String(input), options);
  if (typeof Request === "function" && input instanceof Request) return new HttpSource(input, options);
  if (typeof Blob === "function" && input instanceof Blob) return new BlobSource(input);
  if (isBytes(input)) return new MemorySource(toBytes(input));
  if (typeof input?.getFile === "function") {
    return new BlobSource(await answered(() => input.getFile(), "getFile()"));
  }
  if (typeof input?.size === "function" && typeof input?.read === "function") return new CustomSource(input);
  throw invalidArgument(
    `a pack is opened from a URL, Request, Blob, ArrayBuffer, Uint8Array or { size(), read() }, not from ${describe(input)}`,
  );
}

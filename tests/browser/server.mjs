// A file server with ranges that imitates the quirks of real servers. The query
// names a quirk: /folder/file.pack?quirk=range-ignored
//
//   range-ignored     responds with 200 and the whole file
//   head-refused      405 for HEAD, like a URL signed for GET
//   head-gzip         HEAD sends the length of the gzipped file, with Content-Encoding
//   head-gzip-silent  the same, without Content-Encoding
//   head-empty        HEAD sends a length of 0
//   no-suffix         416 for bytes=-n
//   suffix-misread    reads bytes=-n as bytes=0-n
//   no-validators     neither ETag nor Last-Modified
//   changes           another version of the file, from the second range on
//   changes-silently  the same, without validators
//   redirect          302 to the plain file
//   redirect-away     302 to the other origin
//   flaky             503 for the first two requests of each kind
//   broken            always 503
//   cut               sends half of a range, once, and drops the connection
//   slow              sends one byte, and then nothing
//   wrong-range       206 with other bytes than requested
//   too-long          206 whose body is longer than requested
//   no-length         chunked, without Content-Length
//   hidden            with CORS, but no header exposed
import { createServer } from "node:http";
import { createReadStream, statSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import path from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".pack": "application/octet-stream",
};

/**
 * @param {Record<string, string>} mounts URL prefix → folder
 * @param {{ headers?: Record<string, string>, aliases?: Record<string, Buffer> }} options
 *   `aliases` are files in memory, by URL path
 */
export async function serve(mounts, { headers = {}, aliases = {} } = {}) {
  const state = { log: [], seen: new Map(), other: null, aliases, open: new Set() };
  const server = createServer((request, response) => respond(request, response, { mounts, headers, state }));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  return {
    url: `http://127.0.0.1:${port}`,
    // another origin to a browser, the same server
    otherUrl: `http://localhost:${port}`,
    log: state.log,
    aliases,
    /** The requests since the last call, of one path or all, as `METHOD range`. */
    requests(pathname) {
      const all = state.log.splice(0).filter(({ url }) => !pathname || url === pathname);
      return all.map((entry) => `${entry.method} ${entry.range ?? "-"}`);
    },
    forget() {
      state.log.length = 0;
      state.seen.clear();
    },
    openConnections: () => state.open.size,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(resolve);
      }),
  };
}

function load(pathname, mounts, aliases) {
  if (aliases[pathname]) return { bytes: aliases[pathname], type: TYPES[path.extname(pathname)] };
  for (const [prefix, folder] of Object.entries(mounts)) {
    if (!pathname.startsWith(prefix)) continue;
    let file = path.join(folder, path.normalize(pathname.slice(prefix.length)));
    if (!file.startsWith(path.normalize(folder))) return null;
    try {
      if (statSync(file).isDirectory()) file = path.join(file, "index.html");
      return { file, size: statSync(file).size, type: TYPES[path.extname(file)] };
    } catch {
      continue;
    }
  }
  return null;
}

/** The number of requests of this kind for this URL, including this one. */
function count(state, kind, url) {
  const key = `${kind} ${url}`;
  state.seen.set(key, (state.seen.get(key) ?? 0) + 1);
  return state.seen.get(key);
}

function respond(request, response, { mounts, headers, state }) {
  const url = new URL(request.url, "http://server");
  const quirk = url.searchParams.get("quirk") ?? "";
  const { range } = request.headers;
  state.log.push({ method: request.method, range, url: url.pathname, quirk });
  state.open.add(response);
  response.on("close", () => state.open.delete(response));
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader("access-control-allow-origin", "*");
  if (request.method === "OPTIONS") {
    // Refused, so that a test fails if the package causes a preflight.
    response.writeHead(403).end();
    return;
  }
  if (quirk !== "hidden" && !quirk.endsWith("silent")) {
    response.setHeader("access-control-expose-headers", "ETag, Content-Range");
  }
  const found = load(decodeURIComponent(url.pathname), mounts, state.aliases);
  if (!found) return void response.writeHead(404).end("not found");
  misbehave(request, response, { url, quirk, found, state });
}

function misbehave(request, response, { url, quirk, found, state }) {
  const turn = count(state, request.method, url.href);
  const redirect = (to) => response.writeHead(302, { location: to }).end();
  switch (quirk) {
    case "head-refused":
      if (request.method === "HEAD") return void response.writeHead(405).end();
      break;
    case "redirect":
      return void redirect(url.pathname);
    case "redirect-away":
      return void redirect(`http://localhost:${request.socket.localPort}${url.pathname}`);
    case "flaky":
      if (turn <= 2) return void response.writeHead(503).end("later");
      break;
    case "broken":
      return void response.writeHead(503, { "retry-after": "0" }).end("never");
    case "changes":
    case "changes-silently": {
      const ranges = request.headers.range ? count(state, "range", url.href) : 0;
      const second = state.aliases[`${url.pathname}.next`];
      if (second && ranges >= Number(url.searchParams.get("after") ?? 2)) {
        return void send(request, response, {
          quirk,
          found: { bytes: second },
          tag: '"second"',
          state,
          turn,
        });
      }
      break;
    }
  }
  send(request, response, { quirk, found, tag: '"first"', state, turn });
}

function send(request, response, { quirk, found, tag, turn }) {
  const size = found.bytes?.length ?? found.size;
  const silent = quirk === "no-validators" || quirk === "changes-silently" || quirk === "hidden";
  if (!silent) response.setHeader("etag", tag);
  if (found.type) response.setHeader("content-type", found.type);
  response.setHeader("accept-ranges", "bytes");
  if (request.method === "HEAD" && quirk.startsWith("head-gzip")) {
    const packed = gzipSync(found.bytes ?? readFileSync(found.file)).length;
    if (quirk === "head-gzip") response.setHeader("content-encoding", "gzip");
    return void response.writeHead(200, { "content-length": packed }).end();
  }
  if (request.method === "HEAD" && quirk === "head-empty") {
    return void response.writeHead(200, { "content-length": 0 }).end();
  }
  const part = quirk === "range-ignored" ? null : parseRange(request.headers.range, size, quirk);
  if (part === "unsatisfiable") {
    return void response.writeHead(416, { "content-range": `bytes */${size}` }).end();
  }
  const { start, end } = part ?? { start: 0, end: size };
  const length = end - start;
  const lengths = quirk === "no-length" ? {} : { "content-length": length };
  if (part) {
    response.writeHead(206, {
      ...lengthFor(quirk, length, lengths),
      "content-range": `bytes ${start}-${end - 1}/${size}`,
    });
  } else {
    response.writeHead(200, lengths);
  }
  if (request.method === "HEAD") return void response.end();
  body(response, { quirk, found, start, end, turn, ranged: Boolean(part) });
}

function lengthFor(quirk, length, lengths) {
  return quirk === "too-long" ? { "content-length": length + 64 } : lengths;
}

function body(response, { quirk, found, start, end, turn, ranged }) {
  const bytes = () => (found.bytes ?? readFileSync(found.file)).subarray(start, end);
  if (ranged && quirk === "slow" && turn > 1) return void response.write(bytes().subarray(0, 1));
  if (ranged && quirk === "cut" && turn % 2 === 1) {
    response.write(bytes().subarray(0, Math.floor((end - start) / 2)), () => response.destroy());
    return;
  }
  if (ranged && quirk === "too-long") return void response.end(Buffer.concat([bytes(), Buffer.alloc(64)]));
  if (found.bytes) return void response.end(found.bytes.subarray(start, end));
  if (start === end) return void response.end();
  createReadStream(found.file, { start, end: end - 1 })
    .on("error", () => response.destroy())
    .pipe(response);
}

function parseRange(header, size, quirk) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return null;
  if (match[1] === "") {
    if (quirk === "no-suffix") return "unsatisfiable";
    if (quirk === "suffix-misread") return { start: 0, end: Math.min(size, Number(match[2]) + 1) };
    if (size === 0) return "unsatisfiable";
    return { start: Math.max(0, size - Number(match[2])), end: size };
  }
  const start = Number(match[1]);
  if (start >= size) return "unsatisfiable";
  const end = match[2] === "" ? size : Math.min(size, Number(match[2]) + 1);
  if (quirk === "wrong-range" && start > 0) return { start: start - 1, end };
  return { start, end };
}

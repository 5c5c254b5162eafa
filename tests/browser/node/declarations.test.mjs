// TypeScript programs that use the package compile, with TypeScript 5 and 7 and
// the strict flags, for browsers and for Node without the types of the DOM.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const tests = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const wasm = path.join(tests, "..", "..", "wasm");
const run = promisify(execFile);
let folder;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "users-"));
  const installed = path.join(folder, "node_modules", "sealpack");
  await mkdir(path.join(installed, "js"), { recursive: true });
  await cp(path.join(wasm, "package.json"), path.join(installed, "package.json"));
  await cp(path.join(wasm, "js", "index.d.ts"), path.join(installed, "js", "index.d.ts"));
  await mkdir(path.join(folder, "node_modules", "@types"));
  for (const name of ["@types/node", "undici-types"]) {
    await symlink(path.join(tests, "node_modules", name), path.join(folder, "node_modules", name));
  }
});
after(() => rm(folder, { recursive: true }));

const DOM = { lib: ["es2022", "dom", "dom.iterable", "dom.asynciterable"], types: [] };
const NODE = { lib: ["es2022"], types: ["node"] };

const PROGRAMS = {
  "items go into a Blob, a Response and a digest": [
    DOM,
    `import { open } from "sealpack";
    const pack = await open("x");
    const item = await pack.get(0);
    new Blob([item, await pack.appData(), ...(await pack.getMany([1]))]);
    new Response(item);
    await crypto.subtle.digest("SHA-256", item);
    for await (const each of pack.range()) new Blob([each]);
    await pack.stream().pipeTo(new WritableStream<Uint8Array<ArrayBuffer>>());`,
  ],
  "optional options may be undefined, and signals null": [
    DOM,
    `import { create, open, type OpenOptions } from "sealpack";
    export const reading = (signal?: AbortSignal | null, size?: number) => open("x", { signal, size });
    export const building = (signal?: AbortSignal, appData?: Uint8Array) => create({ signal, appData });
    export const options: OpenOptions = { codec: undefined, fetch: undefined, onProgress: undefined };`,
  ],
  "names are strings or bytes": [
    NODE,
    `import { open, type ItemName, type Names } from "sealpack";
    const pack = await open("x");
    const names: Names | null = await pack.names();
    const show = (name: ItemName) => (typeof name === "string" ? name : name.byteLength);
    for (const [position, name] of names ?? []) if (name !== null) show(name) ?? position;
    for (const [, name] of names?.range(0, 10) ?? []) name?.at(0);
    const first: ItemName | null | undefined = names?.get(0);
    for (const position of await pack.find(first ?? "a", { signal: null })) await pack.get(position);`,
  ],
  "names of items that are packed": [
    DOM,
    `import { create, open, type AppendOptions, type ItemName } from "sealpack";
    export async function copied(file: File, names: Map<number, ItemName | null>) {
      const builder = create({ namesLimit: 1 << 20 });
      const options: AppendOptions = { name: file.webkitRelativePath };
      await builder.append(await file.arrayBuffer(), options);
      const pack = await open("x");
      for (const [position, name] of names) await builder.append(await pack.get(position), { name });
      return builder.finish();
    }
    // @ts-expect-error a name is no number
    create().append(new Uint8Array(), { name: 1 });`,
  ],
  "inputs and destinations of a browser": [
    DOM,
    `import { create, open } from "sealpack";
    export async function files(handle: FileSystemFileHandle, file: File) {
      await Promise.all([open(handle), open(file), open(new Request("x"), { validators: false, cacheSize: 0 })]);
      create({ to: handle });
      create({ to: await handle.createWritable() });
      create({ to: new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>().writable });
      create({ to: { write(part, offset) { return part.length + offset; } } });
    }`,
  ],
  "errors and reports as plain data": [
    DOM,
    `import { SealpackError, open, type ErrorData, type Report } from "sealpack";
    export async function damage(): Promise<number | undefined> {
      const report: Report = await (await open("x")).verify({ workers: 1 });
      for (const { layer, code, message } of report.failures) if (code === "checksum") return layer.length + message.length;
      try { return report.damaged[0]?.record; } catch (error) {
        if (!(error instanceof SealpackError)) throw error;
        const data: ErrorData = error.toJSON();
        return SealpackError.from(data).record;
      }
    }
    using pack = await open("x");
    pack.length;`,
  ],
  "Node without the types of the DOM": [
    NODE,
    `import { createWriteStream, openAsBlob } from "node:fs";
    import { open as openFile } from "node:fs/promises";
    import { PassThrough } from "node:stream";
    import { create, init, open } from "sealpack";
    const pack = await open(await openAsBlob("x"));
    const item = await pack.get(0);
    new Blob([item]);
    Buffer.from(item).toString("hex");
    await open(await openFile("x"));
    create({ to: createWriteStream("x") });
    create({ to: new PassThrough() });
    create({ to: await openFile("x", "w") });
    await init();`,
  ],
};

const STRICT = {
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  target: "es2022",
  module: "nodenext",
  moduleResolution: "nodenext",
};

for (const version of ["typescript-5", "typescript"]) {
  for (const [name, [types, text]] of Object.entries(PROGRAMS)) {
    test(`${version}: ${name}`, async () => {
      const project = await mkdtemp(path.join(folder, "project-"));
      await writeFile(path.join(project, "main.ts"), text);
      await writeFile(path.join(project, "package.json"), '{ "type": "module" }');
      const compilerOptions = { ...STRICT, ...types };
      await writeFile(path.join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
      const tsc = path.join(tests, "node_modules", version, "bin", "tsc");
      await run(process.execPath, [tsc, "--project", project]).catch(({ stdout, message }) =>
        assert.fail(stdout || message),
      );
    });
  }
}

// What differs between a browser and Node, which puts its own in (index.node.js).

export const platform = {
  startWorker: () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
  newController: () => new AbortController(),
};

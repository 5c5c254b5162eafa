// Debian's Chromium, driven by playwright-core.
import { readdir, readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** A page with the package, served under /package/, and a file input. */
export const FILE_PAGE = Buffer.from(
  `<input type="file"><script type="module">
    import * as sealpack from "/package/js/index.js";
    globalThis.sealpack = sealpack;
  </script>`,
);

/** @param args further arguments of Chromium */
export function launch({ args = [] } = {}) {
  return chromium.launch({ executablePath, args: ["--no-sandbox", ...args] });
}

/** The private memory of the browsers that this process started, in bytes (Linux). */
export async function browserMemory() {
  return sum((await processTree(process.pid)).filter((pid) => pid !== process.pid).map(ownMemory));
}

/** The processor time of those browsers, user and system, in seconds (Linux). */
export async function browserTime() {
  return sum((await processTree(process.pid)).filter((pid) => pid !== process.pid).map(ownTime));
}

const sum = async (numbers) => (await Promise.all(numbers)).reduce((all, number) => all + number, 0);

/** A process and its descendants. */
async function processTree(root) {
  const parents = new Map();
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const parent = /^PPid:\s+(\d+)/m.exec(await statusOf(pid))?.[1];
    parents.set(Number(pid), Number(parent));
  }
  const isInTree = (pid) => pid === root || (parents.has(pid) && isInTree(parents.get(pid)));
  return [...parents.keys()].filter(isInTree);
}

/** Empty for a process that ended meanwhile. */
const statusOf = (pid) => readFile(`/proc/${pid}/status`, "utf8").catch(() => "");

/** Without memory mapped from files, which belongs to the page cache. */
async function ownMemory(pid) {
  const status = await statusOf(pid);
  const kilobytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return 1024 * (kilobytes("RssAnon") + kilobytes("RssShmem"));
}

/** Zero for a process that ended meanwhile. */
async function ownTime(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // the name may contain spaces
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
}

/** A page that collects its errors and the violations of its policy in `loggedErrors`. */
export async function newPage(context) {
  const page = await context.newPage();
  const loggedErrors = [];
  page.on("pageerror", (error) => loggedErrors.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource/.test(message.text()))
      loggedErrors.push(message.text());
  });
  page.loggedErrors = loggedErrors;
  return page;
}

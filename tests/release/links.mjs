// Finds the links of a folder of static pages that lead nowhere.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";

const ATTRIBUTE = /<(\w+)[^>]*?\s(href|src|action)="([^"]*)"/g;

/** Returns every page of a folder, as paths from the folder. */
export function pagesOf(folder) {
  const files = readdirSync(folder, { recursive: true }).map(String);
  return files.filter((file) => file.endsWith(".html")).map((file) => file.replaceAll(path.sep, "/"));
}

const decoded = (text) => text.replaceAll("&amp;", "&").replaceAll("&#x27;", "'").replaceAll("&quot;", '"');

/** Returns the links of a page: the element, and its target. */
export function linksOf(html) {
  const markup = html.replace(/<script[^>]*>[\s\S]*?<\/script>/g, (script) => script.slice(0, script.indexOf(">") + 1));
  return Array.from(markup.matchAll(ATTRIBUTE), ([, element, , target]) => ({ element, target: decoded(target) }));
}

function anchorsOf(html) {
  return new Set(Array.from(html.matchAll(/\s(?:id|name)="([^"]+)"/g), ([, id]) => decoded(id)));
}

/** Returns the links to files or headings that do not exist, as `page: target`. */
export function brokenLinks(folder) {
  const broken = [];
  for (const page of pagesOf(folder)) {
    const html = readFileSync(path.join(folder, page), "utf8");
    for (const { target } of linksOf(html)) {
      if (/^[a-z]+:/.test(target) || target === "#" || target === "") continue;
      const [to, anchor] = target.split("#");
      let file = path.join(folder, path.dirname(page), decodeURIComponent(to.split("?")[0]));
      if (to === "") file = path.join(folder, page);
      if (existsSync(file) && statSync(file).isDirectory()) file = path.join(file, "index.html");
      const leads = existsSync(file) && (!anchor || !file.endsWith(".html") || inPage(file, anchor));
      if (!leads) broken.push(`${page}: ${target}`);
    }
  }
  return broken;
}

function inPage(file, anchor) {
  const anchors = anchorsOf(readFileSync(file, "utf8"));
  // The playground's views: `#verify` shows the element `view-verify`.
  return anchors.has(decodeURIComponent(anchor)) || anchors.has(`view-${anchor}`);
}

/** Returns what pages load from other hosts; a page that works offline loads nothing. */
export function loadedFromElsewhere(folder) {
  return pagesOf(folder).flatMap((page) => {
    const html = readFileSync(path.join(folder, page), "utf8");
    const loads = linksOf(html).filter(({ element, target }) => element !== "a" && /^(https?:)?\/\//.test(target));
    return loads.map(({ element, target }) => `${page}: ${element} ${target}`);
  });
}

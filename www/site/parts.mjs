// Parts of Markdown documents, for the chapters of the site.

/** Splits a document into its lines, and finds its headings outside of code. */
export function documentOf(text) {
  const lines = text.split("\n");
  const headings = [];
  let inCode = false;
  lines.forEach((line, index) => {
    if (line.startsWith("```")) inCode = !inCode;
    const heading = inCode ? null : /^(#+) (.+)$/.exec(line);
    if (heading) headings.push({ index, level: heading[1].length, title: heading[2] });
  });
  return { lines, headings };
}

/** Returns the anchor of a heading, as GitHub and mdBook make it. */
export function anchorOf(title) {
  const text = title.replace(/[`*]/g, "").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  return text.toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, "").trim().replaceAll(" ", "-");
}

/** Returns the lines of the section with a heading, the heading first. */
function sectionOf(text, from) {
  const { lines, headings } = documentOf(text);
  const anchor = from.split("#")[1];
  const at = headings.findIndex(({ title }) => anchorOf(title) === anchor);
  if (at === -1) throw new Error(`${from}: no such heading`);
  const { index, level } = headings[at];
  const next = headings.slice(at + 1).find((heading) => heading.level <= level);
  return { lines: lines.slice(index, next?.index ?? lines.length), level };
}

/** Moves headings so that those of `level` become those of level 2. */
function shifted(lines, level) {
  const text = lines.join("\n");
  const document = documentOf(text);
  for (const heading of document.headings)
    document.lines[heading.index] = `${"#".repeat(Math.max(2, heading.level - level + 2))} ${heading.title}`;
  return document.lines.join("\n").trim();
}

/** Returns the first block of code, with the lines before and after it. */
function aroundCode(lines) {
  const start = lines.findIndex((line) => line.startsWith("```"));
  const length = lines.slice(start + 1).findIndex((line) => line === "```") + 2;
  return { before: lines.slice(1, start), code: lines.slice(start, start + length), after: lines.slice(start + length) };
}

/** The parts of a document that a chapter can include. */
const PARTS = {
  whole: (text) => text,
  /** The text before the second heading, without the first heading. */
  start(text) {
    const { lines, headings } = documentOf(text);
    return lines.slice(headings[0].index + 1, headings[1]?.index).join("\n").trim();
  },
  rest(text) {
    const { lines, headings } = documentOf(text);
    return lines.slice(headings[1].index).join("\n").trim();
  },
  section(text, from) {
    const { lines, level } = sectionOf(text, from);
    return shifted(lines, level);
  },
  body(text, from) {
    const { lines, level } = sectionOf(text, from);
    return shifted(lines.slice(1), level + 1);
  },
  "before-code": (text, from) => aroundCode(sectionOf(text, from).lines).before.join("\n").trim(),
  code: (text, from) => aroundCode(sectionOf(text, from).lines).code.join("\n").trim(),
  "after-code": (text, from) => aroundCode(sectionOf(text, from).lines).after.join("\n").trim(),
};

/** Returns a part of a document; `from` is `FILE` or `FILE#ANCHOR`. */
export function part(kind, text, from) {
  if (!PARTS[kind]) throw new Error(`no such part of a document: ${kind}`);
  return PARTS[kind](text, from);
}

// The page as people see it: narrow and wide, light and dark, enlarged, in forced
// colours.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export const APPEARANCES = {
  "1280 light": { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  "1280 dark": { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  "375 light": { viewport: { width: 375, height: 740 }, colorScheme: "light" },
  "375 dark": { viewport: { width: 375, height: 740 }, colorScheme: "dark" },
  // Twice the size: half the pixels for the page.
  "1280 at 200%": { viewport: { width: 640, height: 450 }, deviceScaleFactor: 2 },
  "forced colours": { viewport: { width: 1280, height: 900 }, forcedColors: "active" },
};

/**
 * axe has no findings, and nothing is wider than the window. With SCREENSHOTS=FOLDER
 * the page is saved there, to be looked at.
 */
export async function looksRight(page, name) {
  await page.evaluate(await readFile(axe, "utf8"));
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(", ")}`);
  assert.deepEqual(found, []);
  const [contentWidth, visibleWidth] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(contentWidth <= visibleWidth, `${contentWidth} on ${visibleWidth}`);
  if (process.env.SCREENSHOTS) {
    await mkdir(process.env.SCREENSHOTS, { recursive: true });
    const file = path.join(process.env.SCREENSHOTS, `${name.replaceAll(/\W+/g, "-")}.png`);
    await writeFile(file, await page.screenshot({ fullPage: true }));
  }
}

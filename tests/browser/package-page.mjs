// A page in Chromium that loads the package from its own server.
import { launch, newPage } from "./browser.mjs";
import { serve } from "./server.mjs";

/** Loads the package as `globalThis.sealpack`. */
export const IMPORT = 'import * as sealpack from "/package/js/index.js"; globalThis.sealpack = sealpack;';

/**
 * Serves the folders and aliases, opens `/page.html` and waits for its package.
 *
 * @param folders the served folders; that of the package is at `/package/`
 * @param aliases further contents by path, among them `/page.html`
 * @param args further arguments of Chromium
 */
export async function openPackagePage(folders, aliases, args = []) {
  const server = await serve(folders, { aliases });
  const browser = await launch({ args });
  const page = await newPage(await browser.newContext());
  await page.goto(`${server.url}/page.html`);
  await page.waitForFunction(() => globalThis.sealpack);
  return {
    server,
    page,
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

// The current view and the theme of the page.
import { announce, byId } from "./dom.js";
import { VerifyView } from "./verify.js";
import { BuildView } from "./build.js";
import { StepView } from "./step.js";

/** @typedef {"verify" | "build" | "step"} ViewName */

const TITLES = { verify: "Verify", build: "Build", step: "Step" };

/**
 * @param {string} name
 * @returns {name is ViewName}
 */
function isView(name) {
  return name in TITLES;
}


const verify = new VerifyView(() => keepState());
const views = {
  verify,
  build: new BuildView((blob, name) => show("verify", () => verify.open(blob, name))),
  step: new StepView(),
};

/**
 * `#verify&url=…&item=…` as the view and its state.
 *
 * @returns {{ name: ViewName, state: import("./verify.js").PackState }}
 */
function addressState() {
  const [name = "", ...rest] = location.hash.slice(1).split("&");
  return { name: isView(name) ? name : "verify", state: Object.fromEntries(new URLSearchParams(rest.join("&"))) };
}

/** Writes the state of the view into the address, for reloads and bookmarks. */
function keepState() {
  if (addressState().name !== "verify") return;
  const state = new URLSearchParams(verify.state).toString();
  const hash = state ? `#verify&${state}` : "#verify";
  if (location.hash !== hash && (state || location.hash)) history.replaceState(null, "", hash);
}

/**
 * @param {ViewName} name
 * @param {() => void} then
 */
function show(name, then) {
  if (location.hash !== `#${name}`) history.pushState(null, "", `#${name}`);
  route();
  then();
}

function route() {
  const { name, state } = addressState();
  for (const other of Object.keys(TITLES)) {
    byId(`view-${other}`).hidden = other !== name;
    const link = document.querySelector(`nav a[href="#${other}"]`);
    if (other === name) link?.setAttribute("aria-current", "page");
    else link?.removeAttribute("aria-current");
  }
  document.title = `${TITLES[name]} · sealpack`;
  if (name === "step") views.step.shown();
  if (name === "verify") {
    if (state.url) verify.restore(state);
    else keepState();
  }
}

addEventListener("hashchange", () => {
  route();
  byId("main").focus({ preventScroll: true });
  scrollTo(0, 0);
});
addEventListener("popstate", route);

// A file dropped next to a drop zone must not replace the page.
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  const text = "Drop files on the marked area: nothing was opened.";
  byId("missed").textContent = text;
  byId("missed").hidden = false;
  announce(text);
  setTimeout(() => (byId("missed").hidden = true), 6000);
});

/** The themes, and how a screen reader announces them. */
const THEMES = new Map([
  ["auto", "as the system"],
  ["light", "light"],
  ["dark", "dark"],
]);
const themeButton = byId("theme");

/** @param {string} theme */
function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  themeButton.textContent = `Theme: ${theme}`;
  themeButton.value = theme;
  dispatchEvent(new Event("themechange"));
}

function storedTheme() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null; // storage can be switched off
  }
}

themeButton.addEventListener("click", () => {
  const names = Array.from(THEMES.keys());
  const next = names[(names.indexOf(themeButton.value) + 1) % names.length] ?? "auto";
  setTheme(next);
  announce(`Theme: ${THEMES.get(next)}`);
  try {
    localStorage.setItem("theme", next);
  } catch {
    // the theme then lasts as long as the page
  }
});

const stored = storedTheme();
setTheme(stored !== null && THEMES.has(stored) ? stored : "auto");
route();

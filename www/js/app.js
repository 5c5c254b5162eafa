// The frame of the page: the current view and the theme.
import { announce, byId } from "./dom.js";
import { VerifyView } from "./verify.js";
import { BuildView } from "./build.js";
import { StepView } from "./step.js";

const TITLES = { verify: "Verify", build: "Build", step: "Step" };

const verify = new VerifyView();
const views = {
  verify,
  build: new BuildView((blob, name) => show("verify", () => verify.open(blob, name))),
  step: new StepView(),
};

function show(name, then) {
  if (location.hash !== `#${name}`) history.pushState(null, "", `#${name}`);
  route();
  then?.();
}

function route() {
  const asked = location.hash.slice(1);
  const name = asked in TITLES ? asked : "verify";
  for (const other of Object.keys(TITLES)) {
    byId(`view-${other}`).hidden = other !== name;
    const link = document.querySelector(`nav a[href="#${other}"]`);
    if (other === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${TITLES[name]} · sealpack`;
  views[name].shown?.();
}

addEventListener("hashchange", () => {
  route();
  byId("main").focus({ preventScroll: true });
  scrollTo(0, 0);
});
addEventListener("popstate", route);

// A file dropped next to the drop zone must not replace the page.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());

const THEMES = {
  auto: ["Theme: auto", "as the system"],
  light: ["Theme: light", "light"],
  dark: ["Theme: dark", "dark"],
};
const themeButton = byId("theme");

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const [label] = THEMES[theme];
  themeButton.textContent = label;
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
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(themeButton.value) + 1) % names.length];
  setTheme(next);
  announce(`Theme: ${THEMES[next][1]}`);
  try {
    localStorage.setItem("theme", next);
  } catch {
    // the theme then lasts as long as the page
  }
});

const stored = storedTheme();
setTheme(stored in THEMES ? stored : "auto");
route();

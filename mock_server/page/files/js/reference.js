// The API reference: the contract of one model, of all, or of the control API, in the theme of the system.

const dark = matchMedia("(prefers-color-scheme: dark)");
const CONTROL = "control";
const reference = document.querySelector("rapi-doc");
const choice = document.getElementById("model");

const COLOURS = {
  light: { "bg-color": "#ffffff", "text-color": "#1a2130", "nav-bg-color": "#f7f7f5", "nav-text-color": "#3a4354", "nav-hover-bg-color": "#eef2fb", "nav-hover-text-color": "#1a2130", "primary-color": "#2456c8" },
  dark: { "bg-color": "#1a1e26", "text-color": "#e8ebf1", "nav-bg-color": "#12151b", "nav-text-color": "#c3cad7", "nav-hover-bg-color": "#232a37", "nav-hover-text-color": "#ffffff", "primary-color": "#8fb3ff" },
};
const follow = () => {
  const theme = dark.matches ? "dark" : "light";
  reference.setAttribute("theme", theme);
  for (const [attribute, colour] of Object.entries(COLOURS[theme])) reference.setAttribute(attribute, colour);
};
dark.addEventListener("change", follow);
follow();

// What the library leaves without a name is named, in each of its shadow trees as it comes.
const watched = new WeakSet();

function watch(root) {
  if (!root || watched.has(root)) return;
  watched.add(root);
  new MutationObserver(() => name(root)).observe(root, { childList: true, subtree: true });
  name(root);
}

function name(root) {
  for (const input of root.querySelectorAll("input:not([aria-label]), textarea:not([aria-label]), select:not([aria-label])")) {
    const says = input.dataset.pname ?? input.dataset.name ?? input.placeholder ?? input.getAttribute("part");
    if (says) input.setAttribute("aria-label", says);
  }
  root.querySelector("nav:not([aria-label])")?.setAttribute("aria-label", "Operations");
  const title = root.querySelector("#api-title:not([role])");
  if (title) { title.setAttribute("role", "heading"); title.setAttribute("aria-level", "1"); }
  for (const one of root.querySelectorAll("*")) if (one.shadowRoot) watch(one.shadowRoot);
}

customElements.whenDefined("rapi-doc").then(() => watch(reference.shadowRoot));

// Any key is right where the mock was not given one.
reference.addEventListener("spec-loaded", ({ detail }) => {
  for (const { securitySchemeId } of detail.securitySchemes ?? []) {
    // The control API has a token of its own, which the browser sends where there is one.
    if (securitySchemeId === "bearer") reference.setApiKey(securitySchemeId, "test-key");
  }
});

function show(model) {
  choice.value = model;
  if (model === CONTROL) showControl();
  else reference.setAttribute("spec-url", model ? `openapi/${model}.json` : "openapi.json");
}

async function showControl() {
  const document = await (await fetch("_mock/openapi.json")).json();
  reference.removeAttribute("spec-url");
  reference.loadSpec(plain(document));
}

/** Of each value that may be of several kinds the first one: the library combines them all, for hours. */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const { anyOf, ...rest } = value;
  const one = Array.isArray(anyOf) ? { ...anyOf[0], ...rest } : rest;
  if (one.type === "array") one.items ??= { type: "string" };
  return Object.fromEntries(Object.entries(one).map(([name, part]) => [name, plain(part)]));
}

choice.append(new Option("all of them", ""), new Option("the control API", CONTROL));
const { data } = await (await fetch("v1/models")).json();
choice.append(...data.map(({ id }) => new Option(id, id)));
choice.addEventListener("change", () => {
  history.replaceState(null, "", choice.value ? `?model=${encodeURIComponent(choice.value)}` : location.pathname);
  show(choice.value);
});
show(new URLSearchParams(location.search).get("model") ?? data[0].id);

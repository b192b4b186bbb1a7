// The API reference: the contract of one model, of all, or of the control API, in the theme of the system.

const dark = matchMedia("(prefers-color-scheme: dark)");
const CONTROL = "control";
const reference = document.querySelector("rapi-doc");
const choice = document.getElementById("model");

const follow = () => reference.setAttribute("theme", dark.matches ? "dark" : "light");
dark.addEventListener("change", follow);
follow();

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

// The API reference: the contract of one model, or of all, in the theme of the system.

const dark = matchMedia("(prefers-color-scheme: dark)");
const reference = document.querySelector("rapi-doc");
const choice = document.getElementById("model");

const follow = () => reference.setAttribute("theme", dark.matches ? "dark" : "light");
dark.addEventListener("change", follow);
follow();

// Any key is right where the mock was not given one.
reference.addEventListener("spec-loaded", ({ detail }) => {
  for (const { securitySchemeId } of detail.securitySchemes ?? []) reference.setApiKey(securitySchemeId, "test-key");
});

function show(model) {
  choice.value = model;
  reference.setAttribute("spec-url", model ? `openapi/${model}.json` : "openapi.json");
}

choice.append(new Option("all of them", ""));
const { data } = await (await fetch("v1/models")).json();
choice.append(...data.map(({ id }) => new Option(id, id)));
choice.addEventListener("change", () => {
  history.replaceState(null, "", choice.value ? `?model=${encodeURIComponent(choice.value)}` : location.pathname);
  show(choice.value);
});
show(new URLSearchParams(location.search).get("model") ?? data[0].id);

// A request as a command or a program that sends it again. Keys are hidden in what the page knows:
// the program takes one from the environment.

const OWN = new Set(["host", "content-length", "connection", "accept-encoding", "transfer-encoding", "authorization"]);
const KEY = "AIMLAPI_API_KEY";

/** `{method, url, headers, body}` in each language. */
export const LANGUAGES = { curl, "Python (requests)": requests, "Python (httpx)": httpx, JavaScript: javascript };

export function requestOf(exchange, origin) {
  const headers = Object.entries(exchange.request.headers).filter(([name]) => !OWN.has(name.toLowerCase()));
  const keyed = Object.keys(exchange.request.headers).some((name) => name.toLowerCase() === "authorization");
  const query = exchange.query ? `?${exchange.query}` : "";
  return { method: exchange.method, url: origin + exchange.path + query, headers, keyed, body: exchange.request.body };
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl({ method, url, headers, keyed, body }) {
  const lines = [`curl -sS -X ${method} ${quoted(url)}`];
  if (keyed) lines.push(`-H "Authorization: Bearer \${${KEY}:-any}"`);
  for (const [name, value] of headers) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body) lines.push(`--data-raw ${quoted(body)}`);
  return lines.join(" \\\n  ");
}

function python({ method, url, headers, keyed, body }, library) {
  const rows = headers.map(([name, value]) => `        ${JSON.stringify(name)}: ${JSON.stringify(value)},`);
  if (keyed) rows.unshift(`        "Authorization": "Bearer " + os.environ.get("${KEY}", "any"),`);
  const content = library === "requests" ? "data" : "content";
  return [
    "import os", "", `import ${library}`, "",
    `response = ${library}.request(`,
    `    ${JSON.stringify(method)},`, `    ${JSON.stringify(url)},`,
    "    headers={", ...rows, "    },",
    ...(body ? [`    ${content}=${JSON.stringify(body)}.encode(),`] : []),
    ")", "print(response.status_code, response.text)",
  ].join("\n");
}

function requests(request) {
  return python(request, "requests");
}

function httpx(request) {
  return python(request, "httpx");
}

function javascript({ method, url, headers, keyed, body }) {
  const rows = headers.map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},`);
  if (keyed) rows.unshift(`    Authorization: \`Bearer \${process.env.${KEY} ?? "any"}\`,`);
  return [
    `const response = await fetch(${JSON.stringify(url)}, {`, `  method: ${JSON.stringify(method)},`,
    "  headers: {", ...rows, "  },", ...(body ? [`  body: ${JSON.stringify(body)},`] : []),
    "});", "console.log(response.status, await response.text());",
  ].join("\n");
}

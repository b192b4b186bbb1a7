"""Makes `control.ts` of a server's OpenAPI document: `python make_control.py [FILE|URL] > control.ts`."""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
WORD = re.compile(r"[A-Za-z_]\w*")
JSON = "application/json"
HEAD = """\
// Made by make_control.py from the control API's OpenAPI document (/_mock/openapi.json): do not edit.

"""
CLASS = """\
/** An answer of the control API that is an error. */
export class ControlError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

type Query = Record<string, string | number | readonly string[] | undefined>;

/** What a test does with a mock: `url` is that of the server, or of a workspace (`…/@NAME`). */
export class Control {
  constructor(readonly url: string, private readonly token?: string) {}

  private async ask(method: string, path: string, query: Query = {}, body?: unknown): Promise<Response> {
    const words = Object.entries(query)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]);
    const asked = words.length > 0 ? `?${new URLSearchParams(words)}` : "";
    const headers: Record<string, string> = { Accept: "application/json" };
    if (this.token !== undefined) headers["Authorization"] = `Bearer ${this.token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const target = `${this.url.replace(/\\/+$/, "")}${path}${asked}`;
    const answer = await fetch(target, { method, headers, ...sent });
    if (answer.ok) return answer;
    const text = await answer.text();
    let message = text;
    try {
      message = (JSON.parse(text) as Failure).message;
    } catch {
      // A page of something in between.
    }
    throw new ControlError(answer.status, message);
  }
"""


def typed(schema: Schema | bool) -> str:
    """A schema as a type."""
    if schema is True or not schema:
        return "unknown"
    assert isinstance(schema, dict)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return "Failure" if name == "Error" else name
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " | ".join(dict.fromkeys(typed(part) for part in schema[word]))
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return " | ".join(SCALARS[kind] for kind in kinds)
    if kinds == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(typed(item) for item in schema['prefixItems'])}]"
        inner = typed(schema.get("items", True))
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if kinds == "object":
        return record(schema)
    return SCALARS[kinds] if kinds else "unknown"


def record(schema: Schema, indent: str = "") -> str:
    """An object as a type."""
    fields = schema.get("properties", {})
    if not fields:
        inner = schema.get("additionalProperties", True)
        return f"Record<string, {typed(inner) if inner is not False else 'never'}>"
    needed = schema.get("required", [])
    parts = [
        f"{name if WORD.fullmatch(name) else json.dumps(name)}{'' if name in needed else '?'}: {typed(field)}"
        for name, field in fields.items()
    ]
    return f"{{ {'; '.join(parts)} }}"


def interface(name: str, schema: Schema) -> str:
    """A named schema."""
    fields = schema.get("properties")
    shown = "Failure" if name == "Error" else name
    if not fields:
        return f"export type {shown} = {typed(schema)};\n"
    needed = schema.get("required", [])
    lines = [f"export interface {shown} {{"]
    for field, described in fields.items():
        if isinstance(described, dict) and described.get("description"):
            lines.append(f"  /** {described['description'].replace('*/', '')} */")
        lines.append(f"  {field}{'' if field in needed else '?'}: {typed(described)};")
    return "\n".join([*lines, "}"]) + "\n"


def methods(document: Schema) -> Iterator[str]:
    """A method per operation; streams and other media are given as the answer itself."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield _method(path, method.upper(), operation)


def _method(path: str, method: str, operation: Schema) -> str:
    arguments, query = [], []
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            arguments.append(f"{parameter['name']}: {typed(parameter['schema'])}")
        elif parameter["name"] != "format":
            # The typed answer is the one in JSON.
            query.append(f"{parameter['name']}?: {typed(parameter['schema'])}")
    target = re.sub(r"\{(\w+)\}", r"${encodeURIComponent(\1)}", path)
    said = [json.dumps(method), f"`{target}`"]
    if "requestBody" in operation:
        arguments.append(f"body: {typed(operation['requestBody']['content'][JSON]['schema'])}")
    if query:
        arguments.append(f"query: {{ {'; '.join(query)} }} = {{}}")
    said += ["query" if query else "{}"] if query or "requestBody" in operation else []
    said += ["body"] if "requestBody" in operation else []
    content = operation["responses"]["200"]["content"]
    gives = typed(content[JSON]["schema"]) if JSON in content else "Response"
    ask = f"await this.ask({', '.join(said)})"
    give = f"return (await ({ask}).json()) as {gives};" if JSON in content else f"return {ask};"
    return f"""
  /** {operation["summary"]} */
  async {operation["operationId"]}({", ".join(arguments)}): Promise<{gives}> {{
    {give}
  }}
"""


def control(document: Schema) -> str:
    """The whole file."""
    shapes = [interface(name, schema) for name, schema in document["components"]["schemas"].items()]
    return HEAD + "\n".join(shapes) + "\n" + CLASS + "".join(methods(document)) + "}\n"


def read(source: str) -> Schema:
    """The document of a server, or of a file."""
    if source.startswith("http"):
        with urllib.request.urlopen(source, timeout=30) as answer:
            found: Schema = json.load(answer)
            return found
    document: Schema = json.loads(Path(source).read_text(encoding="utf-8"))
    return document


if __name__ == "__main__":
    print(control(read((sys.argv[1:] or ["http://127.0.0.1:8000/_mock/openapi.json"])[0])), end="")

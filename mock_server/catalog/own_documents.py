"""A user's own documents: a folder of OpenAPI files, each made into the form that vendored ones have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import SpecError
from .catalogue import COMPONENTS, Catalog
from .documents import check_document
from .files import create_schemas, resolved_file
from .upgrade import DIALECT, upgraded
from .variants import CREATE_PATH, CURRENT_PATHS, Variant, sound_of, variant_of

__all__ = ["Own", "document_files", "models_of", "read_folder"]

NOT_DOCUMENTS = frozenset({"prices.json", "sync.json"})
"""Files of such a folder that hold something else."""
UNKNOWN_TIMES: Mapping[str, Any] = {
    "generation_seconds": [{"clip_seconds": None, "seconds": 120.0}],
    "documented": False,
    "derived_from": "Nothing is known of this model: two minutes.",
    "output": [],
    "usage": [],
}
_REFUSALS = {
    "400": "InvalidRequest",
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "NotFound",
    "413": "TooLarge",
    "429": "TooManyRequests",
    "500": "ServerError",
    "502": "BadGateway",
    "503": "Unavailable",
    "504": "GatewayTimeout",
}
_HEADERS = {
    "x-inference-id": "InferenceId",
    "x-client-request-id": "ClientRequestId",
    "x-aimlapi-credits-used": "CreditsUsed",
    "x-aimlapi-usd-spent": "UsdSpent",
}


class Own(NamedTuple):
    """One model that a user's own document describes."""

    variant: Variant
    document: dict[str, Any]
    facts: Mapping[str, Any] | None
    """Its row of facts; None where the catalogue has one."""


class _Create(NamedTuple):
    """One create of one model: its path, the schema of its body, and the answers that its document tells."""

    path: str
    schema: dict[str, Any]
    answers: Mapping[str, tuple[str, Any]]
    """By method, the status of success and the schema of the answer."""


def document_files(folder: Path) -> list[Path]:
    """The files of a folder that may be documents; raises SpecError where it is no folder, or holds none."""
    if not folder.is_dir():
        what = "a file" if folder.exists() else "nothing there"
        raise SpecError(f"{folder}: expected a folder of OpenAPI documents, received {what}.")
    try:
        found = sorted(folder.rglob("*.json"))
    except OSError as error:
        raise SpecError(f"{folder} cannot be read: {error.strerror}.") from None
    if not found:
        raise SpecError(f"{folder}: expected OpenAPI documents (*.json), received a folder without any.")
    return [path for path in found if path.name not in NOT_DOCUMENTS]


def read_folder(folder: Path, catalog: Catalog) -> list[Own]:
    """Every model that the documents of a folder describe; `catalog` is what is known beside it.

    Raises SpecError, with the file and the place, for a document that cannot be used, and for two of one
    model.
    """
    found: dict[str, Own] = {}
    for path in document_files(folder):
        for own in _read(path, catalog):
            for name in (own.variant.model, *own.variant.aliases):
                if name in found:
                    both = f"{found[name].variant.file} and {own.variant.file}"
                    raise SpecError(f"{both} both describe {name}: expected one document of a model.")
                found[name] = own
    return list({own.variant.model: own for own in found.values()}.values())


def _read(path: Path, catalog: Catalog) -> Iterator[Own]:
    try:
        resolved = resolved_file(path)
        if "paths" not in resolved and "components" in resolved:
            return  # What other documents refer to.
        document, _ = upgraded(resolved)
        check_document(document, path.name)
        creates = dict(_creates_by_model(document, catalog))
        _check(creates)
    except SpecError as error:
        says = str(error) if str(error).startswith(str(path)) else f"{path}: {error}"
        raise SpecError(says, place=error.place, keyword=error.keyword) from None
    except (AttributeError, KeyError, TypeError) as error:
        raise SpecError(f"{path} is not an OpenAPI document: {error!r}.") from None
    for names, made in creates.items():
        file = path.as_posix() + (f"#{names[0]}" if len(creates) > 1 else "")
        yield _own(file, names, document, made, catalog)


def models_of(schema: Mapping[str, Any]) -> list[str]:
    """The models that a create body names."""
    model = schema.get("properties", {}).get("model", {})
    listed = [model["const"]] if "const" in model else model.get("enum", [])
    return [name for name in listed if isinstance(name, str)]


def _creates_by_model(
    document: Mapping[str, Any], catalog: Catalog
) -> Iterator[tuple[tuple[str, ...], list[_Create]]]:
    """The creates of each model of a document; ids that are known to mean one model stand together."""
    found: dict[str, list[_Create]] = {}
    names: dict[str, list[str]] = {}
    paths = list(create_schemas(document))
    if not paths:
        raise SpecError("no POST takes a JSON body, so there is nothing to create.")
    about = document.get("x-variant", {})
    for path, body in paths:
        options = [body, *body.get("oneOf", ()), *body.get("anyOf", ())]
        if not any(models_of(option) for option in options):
            raise SpecError(f"POST {path}: `model` does not name its models in an enum.")
        answers = _answers(document["paths"][path])
        for option in options:
            made: set[str] = set()
            for name in models_of(option):
                known = catalog.get(name)
                same = name in (about.get("model"), *about.get("aliases", ()))
                key = about["model"] if same else known.model if known is not None else name
                called = names.setdefault(key, [])
                called.extend([name] if name not in called else [])
                if key not in made:
                    made.add(key)
                    found.setdefault(key, []).append(_Create(path, option, answers))
    for key, creates in found.items():
        # The id that the catalogue knows it by comes first.
        yield tuple(sorted(names[key], key=lambda name: name != key)), creates


def _answers(item: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    found: dict[str, tuple[str, Any]] = {}
    for method in ("post", "get"):
        for status, answer in item.get(method, {}).get("responses", {}).items():
            schema = answer.get("content", {}).get("application/json", {}).get("schema")
            if status.startswith("2") and method not in found:
                found[method] = (status, schema)
    return found


def _check(creates: Mapping[tuple[str, ...], list[_Create]]) -> None:
    """Refuse what is no JSON Schema, with the place."""
    from jsonschema_rs import ValidationError, meta

    for made in creates.values():
        for one in made:
            try:
                meta.validate({key: value for key, value in one.schema.items() if key != "x-rules"})
            except ValidationError as error:
                place = "/".join(str(step) for step in error.instance_path)
                keyword = str(error.instance_path[-1]) if error.instance_path else ""
                says = f"POST {one.path} body at {place or 'its root'}: not a JSON Schema: {error.message}."
                raise SpecError(says, place=place, keyword=keyword) from None


def _own(
    file: str, names: tuple[str, ...], document: Mapping[str, Any], creates: list[_Create], catalog: Catalog
) -> Own:
    given = document.get("x-variant", {})
    model, *aliases = names
    known = catalog.get(model)
    current = next((one for one in creates if one.path in CURRENT_PATHS), creates[0])
    older = next((one for one in creates if one.path not in CURRENT_PATHS), None)
    sound, sound_default = sound_of(current.schema.get("properties", {}))
    if known is not None:
        sound, sound_default = known.sound, known.sound_default
    info = document.get("info", {})
    about = {
        "model": model,
        "aliases": aliases,
        "vendor": given.get("vendor") or (known.vendor if known else catalog.vendors.of_model(model)),
        "updated": str(given.get("updated") or _date(info.get("version"))),
        "sound": given.get("sound", sound),
        "sound_default": given.get("sound_default", sound_default),
        "answers": list(given.get("answers", known.answers if known else ())),
    }
    made = _form(file, about, current, older, [one for one in creates if one.path in CURRENT_PATHS], names)
    facts = given.get("facts") or (None if known is not None else UNKNOWN_TIMES)
    return Own(variant_of(file, made), made, facts)


def _date(version: Any) -> str:
    """A version that is a date; empty for any other."""
    return version if isinstance(version, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", version) else ""


def _form(
    file: str,
    about: dict[str, Any],
    current: _Create,
    older: _Create | None,
    paths: list[_Create],
    names: tuple[str, ...],
) -> dict[str, Any]:
    """The document in the form of the vendored ones; it refers to what they share."""
    shared = "../" * file.partition("#")[0].count("/") + COMPONENTS
    schemas: dict[str, Any] = {"Create": _narrowed(current.schema, names)}
    items = {CREATE_PATH: _item(shared, "Create", current, schemas)}
    items |= {one.path: _item(shared, "Create", one, schemas) for one in paths}
    if older is not None:
        schemas["LegacyCreate"] = _narrowed(older.schema, names)
        items[older.path] = _item(shared, "LegacyCreate", older, schemas)
    model = about["model"]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": model,
            "version": about["updated"] or "1",
            "description": f"The contract of the model {model}, from a document of one's own.",
        },
        "jsonSchemaDialect": DIALECT,
        "servers": [{"url": "https://api.aimlapi.com", "description": "The API itself."}],
        "security": [{"bearer": []}],
        "x-variant": about,
        "paths": items,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": _link(shared, "securitySchemes", "bearer")},
        },
    }


def _narrowed(schema: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """A create body of this model alone, with what every one has."""
    fields = schema.get("properties", {})
    model = {key: value for key, value in fields["model"].items() if key not in ("const", "enum")}
    required = list(schema.get("required", ()))
    return {
        **schema,
        "properties": {**fields, "model": {**model, "enum": list(names)}},
        "required": required if "model" in required else ["model", *required],
    }


def _item(shared: str, body: str, create: _Create, schemas: dict[str, Any]) -> dict[str, Any]:
    """The create and the poll of one path."""
    request_id = _link(shared, "parameters", "ClientRequestId")
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}}
    post = {
        "operationId": "create",
        "summary": "Make a job.",
        "parameters": [request_id],
        "requestBody": {"required": True, "description": "The job to make.", "content": content},
        "responses": _responses(shared, f"{body}Answer", create.answers.get("post"), schemas),
    }
    get = {
        "operationId": "poll",
        "summary": "Read how a job stands.",
        "parameters": [_link(shared, "parameters", "GenerationId"), request_id],
        "responses": _responses(shared, "PollAnswer", create.answers.get("get"), schemas),
    }
    return {"post": post, "get": get}


def _responses(
    shared: str, name: str, answer: tuple[str, Any] | None, schemas: dict[str, Any]
) -> dict[str, Any]:
    status, schema = answer or ("200", None)
    refusals = {code: _link(shared, "responses", kind) for code, kind in _REFUSALS.items()}
    if not isinstance(schema, dict):
        return {status: _link(shared, "responses", "Job"), **refusals}
    schemas[name] = schema
    success = {
        "description": "The job as it stands.",
        "headers": {header: _link(shared, "headers", kind) for header, kind in _HEADERS.items()},
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
    }
    return {status: success, **refusals}


def _link(shared: str, kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"{shared}#/components/{kind}/{name}"}

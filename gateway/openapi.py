"""Completes OpenAPI: which problems each operation answers, by what it takes (ADR 0004)."""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from http import HTTPStatus
from operator import not_
from typing import Any

import orjson
from fastapi import FastAPI
from pydantic import Field

from gateway.problems import APART, MEDIA_TYPE, STATUS
from kernel.errors import ShuyuanError
from kernel.wire import Wire

CHANGING = frozenset({"post", "put", "patch", "delete"})
HOT = "/records"
# What belongs to a thing that the query names, and documents of which it names a page.
NAMING = frozenset({"/v1/receipts", "/catalog.ttl", "/catalog.jsonld"})
DELIVERED = (
    "/uploads",
    "/preview",
    "/snapshots",
    "/snapshots/{snapshot_id}",
    "/content",
    "/files",
    "/files/{file_id}",
    ".{suffix}",
)
NAMED = frozenset(HTTPStatus)
DRY_RUN = "/validate"
FRAMEWORK = ("HTTPValidationError", "ValidationError")
REF = "#/components/{}/{}"


class ProblemError(Wire):
    """One reason why one value is refused; `index` is the record's place in its batch.

    `allowed` are the values of a choice, at most a hundred.
    """

    path: str
    code: str
    message: str
    index: int | None = None
    allowed: list[str] = Field(default=[], exclude_if=not_)


class Problem(Wire):
    """RFC 9457; `code` is stable. Some codes add facts of their own, such as `allowed`."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    correlation_id: str
    errors: list[ProblemError] = Field(default=[], description="the first 100")
    error_count: int = Field(default=0, description="of all errors")


class Described(FastAPI):
    """FastAPI whose OpenAPI is complete and true for refusals, too."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - FastAPI's own
        super().__init__(openapi_url=None, **settings)
        self._writing = asyncio.Lock()
        self._written = b""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _complete(super().openapi())
        return self.openapi_schema

    async def written(self) -> bytes:
        """Return the document, written when it is first asked for.

        That takes seconds: a thread's, so that no other request waits for it (P11), and not those
        of every start.
        """
        async with self._writing:
            if not self._written:
                self._written = await asyncio.to_thread(lambda: orjson.dumps(self.openapi()))
        return self._written


def _complete(schema: dict[str, Any]) -> dict[str, Any]:
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in FRAMEWORK:
        schemas.pop(name, None)
    schemas |= _without_doubles(schemas, _schemas())
    codes = _codes()
    components["responses"] = {
        _name(status): _response(codes.get(status, [])) for status in sorted({*codes, 500})
    }
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _describe(operation, set(_statuses(path, method, operation)))
    return schema


def _schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template=REF.format("schemas", "{model}"))
    # Facts of single codes come beside the common members.
    schema["additionalProperties"] = True
    return {**schema.pop("$defs"), "Problem": schema}


def _without_doubles(known: Mapping[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    """Return the added schemas; ValueError where a model of requests or answers has such a name."""
    same = ProblemError.__name__  # the one model of refusals that answers use, too
    if doubles := known.keys() & added.keys() - {same}:
        raise ValueError(f"two schemas are named {', '.join(sorted(doubles))}")
    return added


def _codes() -> Mapping[int, list[str]]:
    """Return the codes of each status, of every error class that the project has."""
    found: dict[int, set[str]] = {}
    for error in _classes(ShuyuanError):
        if hasattr(error, "code") and hasattr(error, "category"):
            status = APART.get(error.code, STATUS[error.category])
            found.setdefault(status, set()).add(error.code)
    return {status: sorted(codes) for status, codes in found.items()}


def _classes(base: type[ShuyuanError]) -> Iterator[type[ShuyuanError]]:
    for each in base.__subclasses__():
        yield each
        yield from _classes(each)


def _response(codes: list[str]) -> dict[str, Any]:
    listed = ", ".join(f"`{code}`" for code in codes) or "`internal_error`"
    return {"description": listed, "content": {MEDIA_TYPE: _schema()}}


def _schema() -> dict[str, Any]:
    return {"schema": {"$ref": REF.format("schemas", "Problem")}}


def _name(status: int) -> str:
    # A protocol may have statuses of its own (tus 1.0: 460).
    return HTTPStatus(status).phrase.replace(" ", "") if status in NAMED else f"Status{status}"


def _statuses(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[int]:
    """Yield the statuses that an operation can refuse with, by what it asks for."""
    parameters = operation.get("parameters", [])
    headers = {each["name"].lower() for each in parameters if each["in"] == "header"}
    yield from (400, 500, 503)
    if "security" in operation and not path.startswith("/oauth"):
        yield from (401, 403)
    if path in NAMING or any(each["in"] == "path" for each in parameters):
        yield 404
    if "requestBody" in operation:
        yield from (404, 413, 415, 422)
    if method in CHANGING:
        yield 409
    if "if-match" in headers:
        yield from (412, 428)
    if "idempotency-key" in headers:
        # Used before with another body.
        yield 422
    if path.endswith(DRY_RUN):
        yield 429
    if path.endswith(HOT):
        yield from (410, 429)
    yield from _of_files(path, headers)


def _of_files(path: str, headers: Collection[str]) -> Iterator[int]:
    """Yield the statuses of uploads and downloads."""
    if "tus-resumable" in headers:
        yield from (412, 413, 415, 429)
    if "upload-checksum" in headers:
        yield 460
    if path.endswith(DELIVERED):
        # Metered, made by a job, and sent in ranges.
        yield from (409, 410, 416, 422, 429)


def _describe(operation: dict[str, Any], statuses: set[int]) -> None:
    responses: dict[str, Any] = operation["responses"]
    if _is_framework(responses.get("422", {})):
        del responses["422"]
    for status in sorted(statuses):
        described = responses.get(str(status))
        if described is None:
            responses[str(status)] = {"$ref": REF.format("responses", _name(status))}
        elif status < HTTPStatus.INTERNAL_SERVER_ERROR:
            described.setdefault("content", {})[MEDIA_TYPE] = _schema()


def _is_framework(response: Mapping[str, Any]) -> bool:
    content = response.get("content", {}).get("application/json", {})
    return bool(content.get("schema", {}).get("$ref", "").endswith(FRAMEWORK[0]))

"""Completes OpenAPI: which problems each operation answers, by what it takes (ADR 0004)."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from http import HTTPStatus
from operator import not_
from typing import Any

import orjson
from fastapi import FastAPI
from pydantic import Field
from starlette.routing import BaseRoute

from auth.principal import Scope
from gateway.field_words import describe
from gateway.openapi_examples import show_body
from gateway.openapi_names import operation_id, renamed, schema_names
from gateway.openapi_unions import merge_unions
from gateway.operation_words import in_both
from gateway.problems import APART, MEDIA_TYPE, STATUS
from gateway.routing import Operation, api_routes
from kernel.errors import ShuyuanError
from kernel.wire import Wire

CHANGING = frozenset({"post", "put", "patch", "delete"})
HOT = "/records"
KEPT = ("/result", "/v1/events")
# What belongs to a thing that the query names, and documents of which it names a page.
NAMING = frozenset({"/v1/catalogue/tree", "/v1/receipts", "/catalog.ttl", "/catalog.jsonld"})
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
_SCOPES = {
    Scope.CATALOG_READ: "读取目录与本部门业务 / read the catalogue and one's own business",
    Scope.CATALOG_WRITE: "编制目录、提供数据 / write the catalogue, act as a provider",
    Scope.APPLICATIONS_WRITE: "申请与使用数据 / act as a consumer",
    Scope.RECORDS_PUBLISH: "上报记录与文件 / publish records and files",
    Scope.RECORDS_READ: "按授权取得数据 / read what was granted",
    Scope.AUDIT_READ: "读取审计日志 / read the audit log",
    Scope.ADMIN: "系统管理与安全管理 / administer",
}
_TOKENS = {"tokenUrl": "/oauth/token", "scopes": {str(k): said for k, said in _SCOPES.items()}}
# Of application systems, and of people who sign in.
FLOWS = {
    "clientCredentials": _TOKENS,
    "authorizationCode": {
        "authorizationUrl": "/oauth/authorize", "refreshUrl": "/oauth/token", **_TOKENS,
    },
}  # fmt: skip


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
            self.openapi_schema = _named(_complete(super().openapi(), _scopes(self.routes)))
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


def _complete(schema: dict[str, Any], scopes: Mapping[str, list[str]]) -> dict[str, Any]:
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in FRAMEWORK:
        schemas.pop(name, None)
    schemas |= _without_doubles(schemas, _schemas())
    for each in schemas.values():
        for name, field in each.get("properties", {}).items():
            describe(name, field)
    codes = _codes()
    components["responses"] = {
        _name(status): _response(codes.get(status, [])) for status in sorted({*codes, 500})
    }
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _describe(operation, set(_statuses(path, method, operation)))
            _let_flows(operation, scopes.get(f"{method} {path}", []))
            given = operation.get("operationId", "")
            name = operation["operationId"] = operation_id(method, path, given)
            operation["description"] = in_both(name, operation.get("description", ""))
            show_body(operation)
    components.setdefault("securitySchemes", {})["oauth2"] = {"type": "oauth2", "flows": FLOWS}
    return schema


def _named(schema: dict[str, Any]) -> dict[str, Any]:
    """Give schemas their own names, without those of modules."""
    schemas = schema["components"]["schemas"]
    names = schema_names(schemas)
    schema["components"]["schemas"] = {names[name]: said for name, said in schemas.items()}
    whole: dict[str, Any] = renamed(schema, names, REF.format("schemas", ""))
    merge_unions(whole)
    return whole


def _scopes(routes: Iterable[BaseRoute]) -> dict[str, list[str]]:
    """Return the scopes that operations want, by method and path."""
    return {
        f"{method.lower()} {route.path_format}": sorted(map(str, Operation(route, "").scopes))
        for route in api_routes(routes)
        for method in route.methods or ()
    }


def _let_flows(operation: dict[str, Any], scopes: list[str]) -> None:
    """Say that a token of OAuth is what an operation with a bearer wants."""
    if {"bearer": []} in operation.get("security", []):
        operation["security"].append({"oauth2": scopes})


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
    if path.endswith(KEPT):
        # Not there yet, or past its term.
        yield from (409, 410)
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

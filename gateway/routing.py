"""Which operation a request asks for, known before FastAPI runs, and the parameters it takes."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.routing import APIRoute
from starlette.datastructures import Headers, QueryParams
from starlette.routing import BaseRoute, Match

from auth.principal import Role, Scope
from gateway import validation
from kernel.errors import BadRequest, FieldError

_WHOLE: Final = re.compile(r"[+-]?\d{1,19}", re.ASCII)


@dataclass(frozen=True)
class Operation:
    """One method of one address; `act` is its method and its template."""

    route: APIRoute
    act: str

    @cached_property
    def dependants(self) -> tuple[Dependant, ...]:
        return tuple(_flat(self.route.dependant))

    @cached_property
    def scopes(self) -> frozenset[Scope]:
        """The scopes that it wants of a token."""
        declared = (getattr(each.call, "wanted_scope", None) for each in self.dependants)
        return frozenset(scope for scope in declared if scope is not None)

    @cached_property
    def roles(self) -> tuple[Role, ...]:
        """The roles one of which a creation wants; none where nothing is created."""
        for each in self.dependants:
            roles: tuple[Role, ...] = getattr(each.call, "wanted_roles", ())
            if roles:
                return roles
        return ()

    @cached_property
    def wants_revision(self) -> bool:
        """Whether it wants an If-Match."""
        return any(getattr(each.call, "wants_revision", False) for each in self.dependants)

    @cached_property
    def takes_json(self) -> bool:
        """Whether its body is read by FastAPI from JSON."""
        return self.route.body_field is not None

    @cached_property
    def _query(self) -> Mapping[str, Any]:
        fields = (field for each in self.dependants for field in each.query_params)
        return {field.alias: field for field in fields}

    @cached_property
    def _whole(self) -> frozenset[str]:
        fields = (
            field
            for each in self.dependants
            for field in (*each.query_params, *each.path_params)
            if _is_whole(field.field_info.annotation)
        )
        return frozenset(field.alias for field in fields)

    def check_query(self, query_string: bytes, path_params: Mapping[str, Any]) -> None:
        """Raise BadRequest for a parameter that is unknown, doubled or no whole number.

        FastAPI alone passes over the first two, and takes `1.0` for a 1.
        """
        pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
        errors, seen = [], set()
        for name, value in pairs:
            if name not in self._query:
                errors.append(validation.unknown_parameter(name))
            elif name in seen:
                errors.append(
                    FieldError(name, "duplicate", "参数只能出现一次", "stands more than once")
                )
            elif name in self._whole and not _WHOLE.fullmatch(value):
                errors.append(_not_whole(name))
            seen.add(name)
        wrong = {name for name in path_params if not _WHOLE.fullmatch(str(path_params[name]))}
        errors += [_not_whole(name) for name in wrong & self._whole]
        if errors:
            listed = ", ".join(dict.fromkeys(error.path for error in errors))
            raise BadRequest(
                f"查询参数不正确：{listed}", f"Parameters are not valid: {listed}", errors=errors
            )

    def path_errors(self, path_params: Mapping[str, Any]) -> list[FieldError]:
        """Return what is wrong with the path: what it names cannot be there."""
        errors: list[Any] = []
        for each in self.dependants:
            errors += request_params_to_args(each.path_params, path_params)[1]
        return [validation.field_error(error) for error in errors]

    def parameter_errors(self, query_string: bytes, headers: Headers) -> list[FieldError]:
        """Return what FastAPI finds wrong with query and headers."""
        query = QueryParams(query_string)
        errors: list[Any] = []
        for each in self.dependants:
            errors += request_params_to_args(each.query_params, query)[1]
            errors += request_params_to_args(each.header_params, headers)[1]
        return [validation.field_error(error) for error in errors]


class Operations:
    """All operations of an application, by the beginning of their address."""

    def __init__(self, routes: Callable[[], Iterable[BaseRoute]]) -> None:
        self._routes = routes

    @cached_property
    def _by_noun(self) -> Mapping[str, list[tuple[APIRoute, tuple[Operation, ...]]]]:
        routes: dict[str, list[tuple[APIRoute, tuple[Operation, ...]]]] = {}
        for route in api_routes(self._routes()):
            operations = tuple(
                Operation(route, f"{method} {route.path}") for method in sorted(route.methods or ())
            )
            routes.setdefault(_noun(route.path), []).append((route, operations))
        return routes

    def find(self, scope: MutableMapping[str, Any]) -> tuple[Operation, Mapping[str, Any]] | None:
        """Return the operation with the parameters of its path; None for what no route answers."""
        for route, operations in self._by_noun.get(_noun(scope["path"]), ()):
            match, child = route.matches(dict(scope))
            if match is Match.FULL:
                act = f"{scope['method']} {route.path}"
                operation = next(each for each in operations if each.act == act)
                return operation, child["path_params"]
        return None

    def all(self) -> list[Operation]:
        return [each for found in self._by_noun.values() for _, them in found for each in them]


def api_routes(routes: Iterable[BaseRoute]) -> Iterator[APIRoute]:
    """Yield the operations of an application, those of the routers that it includes too."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        else:
            included = getattr(route, "original_router", None)
            yield from api_routes(getattr(included, "routes", ()))


def _noun(path: str) -> str:
    return "/".join(path.split("/", 3)[:3])


def _flat(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for needed in dependant.dependencies:
        yield from _flat(needed)


def _is_whole(annotation: object) -> bool:
    return annotation in (int, int | None)


def _not_whole(name: str) -> FieldError:
    return FieldError(name, "wrong_type", "须为整数", "must be a whole number")

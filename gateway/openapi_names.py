"""Names in OpenAPI: operations are verbs of the field, schemas nouns without modules; pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

_PARAMETER: Final = re.compile(r"\{\w+\}")
_VERB: Final = re.compile(r"[a-z]+(?:[A-Z][a-z]+)+")
_OF_METHOD: Final = {"get": "get", "put": "set", "patch": "change", "delete": "delete"}
# Words that have no other form for one of them, or are one thing.
_ONE: Final = frozenset({"stats", "networks", "notices", "metrics", "jwks", "status", "items"})
# Where method and address do not make the verb that people of the field use.
_SAID: Final[Mapping[tuple[str, str], str]] = {
    ("get", "/.well-known/oauth-authorization-server"): "getAuthorizationServer",
    ("get", "/oauth/jwks"): "getKeys",
    ("get", "/oauth/authorize"): "showSignIn",
    ("post", "/oauth/authorize"): "signIn",
    ("post", "/oauth/device_authorization"): "authorizeDevice",
    ("get", "/oauth/device"): "showDevice",
    ("post", "/oauth/device"): "confirmDevice",
    ("get", "/oauth/logout"): "showSignOut",
    ("post", "/oauth/logout"): "signOut",
    ("post", "/oauth/token"): "getToken",
    ("post", "/oauth/introspect"): "introspectToken",
    ("post", "/oauth/revoke"): "revokeToken",
    ("post", "/v1/me/password"): "changePassword",
    ("post", "/v1/me/explain"): "explainRefusal",
    ("post", "/v1/departments/{uscc}/merge-into"): "mergeDepartment",
    ("post", "/v1/departments/{uscc}/changes/{change_id}/cancel"): "cancelDepartmentChange",
    ("post", "/v1/people"): "createPerson",
    ("get", "/v1/people"): "listPeople",
    ("get", "/v1/people/{person_id}"): "getPerson",
    ("patch", "/v1/people/{person_id}"): "changePerson",
    ("post", "/v1/elements/{code}/sources"): "claimSource",
    ("get", "/v1/code-lists/{code}/items"): "listCodes",
    ("post", "/v1/imports/catalogue"): "importCatalogue",
    ("post", "/v1/imports/elements"): "importElements",
    ("post", "/v1/imports/code-lists"): "importCodeLists",
    ("get", "/v1/exports/catalogue.xlsx"): "exportCatalogue",
    ("get", "/v1/exports/elements.xlsx"): "exportElements",
    ("get", "/v1/exports/code-lists.xlsx"): "exportCodeLists",
    ("get", "/v1/templates/catalogue.xlsx"): "getCatalogueTemplate",
    ("post", "/v1/resources/{resource_id}/change-notice"): "noticeChange",
    ("post", "/v1/resources/{resource_id}/change-notice/extend"): "extendChangeNotice",
    ("post", "/v1/resources/{resource_id}/change-notice/consent"): "consentChangeNotice",
    ("post", "/v1/resources/{resource_id}/yearly-review"): "reviewResource",
    ("post", "/v1/resources/{resource_id}/file-change"): "fileResourceChange",
    ("post", "/v1/resources/{resource_id}/validate"): "validateRecords",
    ("post", "/v1/catalogue/similar"): "findSimilar",
    ("get", "/v1/catalogue/tree"): "getCatalogueTree",
    ("get", "/v1/resources/{resource_id}/similar"): "listSimilarResources",
    ("post", "/v1/applications/{application_id}/request-supplement"): "requestSupplement",
    ("post", "/v1/applications/{application_id}/consent-extension"): "consentExtension",
    ("post", "/v1/applications/{application_id}/deny-extension"): "denyExtension",
    ("post", "/v1/subscriptions/{subscription_id}/disposal"): "reportDisposal",
    ("post", "/v1/subscriptions/{id}/query"): "queryRecords",
    ("post", "/v1/subscriptions/{id}/verify"): "verifyRecord",
    ("get", "/v1/subscriptions/{id}/records/{key}"): "findRecord",
    ("get", "/v1/subscriptions/{id}/call/{operation}"): "callService",
    ("post", "/v1/subscriptions/{id}/call/{operation}"): "callServiceWithBody",
    ("post", "/v1/subscriptions/{subscription_id}/file-termination"): "fileTermination",
    ("post", "/v1/subscriptions/{subscription_id}/accept-version"): "acceptVersion",
    ("post", "/v1/subscriptions/{subscription_id}/object"): "objectToVersion",
    ("post", "/v1/subscriptions/{subscription_id}/file-change"): "fileSubscriptionChange",
    ("options", "/v1/resources/{id}/files"): "getUploadOptions",
    ("patch", "/v1/resources/{id}/files/{file_id}"): "continueUpload",
    ("get", "/v1/resources/{id}/quarantine"): "listQuarantine",
    ("delete", "/v1/resources/{id}/quarantine/{entry_id}"): "discardQuarantineEntry",
    ("get", "/v1/stats/indicators.xlsx"): "exportIndicators",
    ("get", "/v1/stats/violations.xlsx"): "exportViolations",
    ("get", "/v1/stats/flows.xlsx"): "exportFlows",
    ("get", "/v1/audit"): "listAuditEvents",
    ("get", "/healthz"): "getLiveness",
    ("get", "/readyz"): "getReadiness",
    ("get", "/metrics"): "getMetrics",
    ("get", "/open"): "listOpenEntries",
    ("get", "/open/{entry_id}"): "getOpenEntry",
    ("get", "/open/{entry_id}.{suffix}"): "downloadOpenEntry",
}
# Parts of modules that name no thing.
_PLAIN: Final = frozenset({"states", "kinds", "formats", "api"})


def operation_id(method: str, path: str, given: str) -> str:
    """Return the name of an operation: the one that it was given, if that is a verb."""
    if _VERB.fullmatch(given):
        return given
    return _SAID.get((method, path)) or _made(method, path)


def _made(method: str, path: str) -> str:
    parts = [part for part in path.strip("/").split("/") if part != "v1"]
    *owners, thing = [part for part in parts if not _PARAMETER.fullmatch(part)]
    above, many = [_singular(each) for each in owners], _singular(thing) != thing
    if method == "post" and not many:
        act, *rest = thing.split("-")
        return act + _joined([*rest, *above[-1:]])
    if method == "post":
        return "create" + _joined([*above, _singular(thing)])
    if method == "get" and many and parts[-1] == thing:
        return "list" + _joined([*above, thing])
    return _OF_METHOD[method] + _joined([*above, _singular(thing)])


def _singular(word: str) -> str:
    if word in _ONE or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return word.removesuffix("ies") + "y"
    return word.removesuffix("s")


def _joined(words: list[str]) -> str:
    parts = [part for word in words for part in re.split(r"[-_.]", word) if part]
    return "".join(part[:1].upper() + part[1:] for part in parts)


def schema_names(names: Iterable[str]) -> dict[str, str]:
    """Return new names of schemas, by the old ones; ValueError where two would be the same."""
    found = {name: _schema_name(name) for name in names}
    doubled = sorted(name for name, count in Counter(found.values()).items() if count > 1)
    if doubled:
        raise ValueError(f"schemas of the same name: {', '.join(doubled)}")
    return found


def _schema_name(name: str) -> str:
    *modules, noun = name.split("__")
    noun = noun.replace("-Input", "In").replace("-Output", "Out").replace("_", "")
    things = [each for each in modules if each not in _PLAIN]
    if not things:
        return noun
    return _joined([_singular(things[-1].removesuffix("_shapes"))]) + noun


def renamed(told: Any, names: Mapping[str, str], prefix: str) -> Any:  # noqa: ANN401 - any JSON
    """Return a document in which every reference to a schema has its new name."""
    if isinstance(told, dict):
        return {key: renamed(value, names, prefix) for key, value in told.items()}
    if isinstance(told, list):
        return [renamed(each, names, prefix) for each in told]
    if isinstance(told, str) and told.startswith(prefix):
        return prefix + names.get(told.removeprefix(prefix), told.removeprefix(prefix))
    return told

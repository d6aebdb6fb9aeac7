"""How OpenAPI describes the OAuth endpoints, which read forms that FastAPI does not parse."""

from typing import Any

from auth.oauth.public_client import DEVICE_CODE

FORM = "application/x-www-form-urlencoded"
TEXT = {"type": "string"}


def _form(required: list[str], **fields: dict[str, Any]) -> dict[str, Any]:
    client = {
        name: {**TEXT, "description": "private_key_jwt"}
        for name in ("client_assertion_type", "client_assertion")
    }
    schema = {
        "type": "object",
        "required": required,
        "properties": {**fields, "client_id": TEXT, **client},
    }
    body = {"required": True, "content": {FORM: {"schema": schema}}}
    # Beside the header that the route names: an assertion in the form, or the public client.
    return {"requestBody": body, "security": [{}]}


def _answer(description: str, required: list[str], **fields: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": fields}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


REFUSED: dict[int | str, dict[str, Any]] = {
    status: _answer(description, ["error"], error=TEXT, error_description=TEXT, detail=TEXT)
    for status, description in (
        (400, "RFC 6749 section 5.2"),
        (401, "invalid_client"),
        (429, "Too many wrong secrets of the client from one address; Retry-After"),
    )
}
TOKEN = _form(
    ["grant_type"],
    grant_type={
        "type": "string",
        "enum": ["client_credentials", "authorization_code", "refresh_token", DEVICE_CODE],
    },
    scope={**TEXT, "description": "omitted: everything that is registered"},
    resource={**TEXT, "description": "RFC 8707"},
    code=TEXT,
    redirect_uri=TEXT,
    code_verifier=TEXT,
    refresh_token=TEXT,
    device_code=TEXT,
)
TOKEN_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: _answer(
        "A token",
        ["access_token", "token_type", "expires_in", "scope"],
        access_token=TEXT,
        token_type=TEXT,
        expires_in={"type": "integer"},
        scope=TEXT,
        refresh_token={**TEXT, "description": "for people; each is used once"},
    ),
    **REFUSED,
}
INTROSPECT = _form(["token"], token=TEXT, token_type_hint=TEXT)
INTROSPECT_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: _answer(
        "RFC 7662",
        ["active"],
        active={"type": "boolean"},
        scope=TEXT,
        client_id=TEXT,
        sub=TEXT,
        dept=TEXT,
        exp={"type": "integer"},
        iat={"type": "integer"},
        iss=TEXT,
        aud=TEXT,
        jti=TEXT,
        token_type=TEXT,
    ),
    **REFUSED,
}
REVOKE = _form(["token"], token=TEXT, token_type_hint=TEXT)
REVOKE_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The token has ended, or was none of the client's"},
    **REFUSED,
}
AUTHORIZE_NEEDED = ("response_type", "client_id", "redirect_uri", "code_challenge")
AUTHORIZE_FIELDS = (
    *AUTHORIZE_NEEDED, "code_challenge_method", "scope", "state", "resource", "ui_locales",
)  # fmt: skip
PAGE = {"content": {"text/html": {"schema": TEXT}}}
TO_CLIENT = {
    "description": "To redirect_uri with code, state, iss; or with error",
    "headers": {"Location": {"schema": TEXT}},
}
AUTHORIZE = {
    "parameters": [
        {"name": name, "in": "query", "required": name in AUTHORIZE_NEEDED, "schema": TEXT}
        for name in AUTHORIZE_FIELDS
    ]
}
AUTHORIZE_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The sign-in form", **PAGE},
    303: {**TO_CLIENT, "description": "To redirect_uri with error, state, iss"},
    400: {"description": "Unknown client or redirect_uri: nobody is sent there", **PAGE},
}
SIGN_IN = _form(
    list(AUTHORIZE_NEEDED),
    username=TEXT,
    password={"type": "string", "format": "password"},
    ticket={**TEXT, "description": "of the page that replaces a temporary password"},
    new_password={"type": "string", "format": "password"},
    new_password_again={"type": "string", "format": "password"},
    **{name: TEXT for name in AUTHORIZE_FIELDS if name != "client_id"},
)
del SIGN_IN["security"]
DEVICE = _form(
    ["client_id"],
    scope={**TEXT, "description": "omitted: everything that staff may have"},
    resource={**TEXT, "description": "RFC 8707"},
)
DEVICE["security"] = [{}]
DEVICE_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: _answer(
        "RFC 8628 section 3.2",
        ["device_code", "user_code", "verification_uri", "expires_in", "interval"],
        device_code=TEXT,
        user_code=TEXT,
        verification_uri=TEXT,
        verification_uri_complete=TEXT,
        expires_in={"type": "integer"},
        interval={"type": "integer"},
    ),
    **REFUSED,
}
DEVICE_PAGE = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": TEXT}
        for name in ("user_code", "ui_locales")
    ]
}
DEVICE_PAGE_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The sign-in form with a field for the code", **PAGE}
}
DEVICE_FORM = _form(
    ["user_code"],
    user_code=TEXT,
    username=TEXT,
    password={"type": "string", "format": "password"},
    ticket={**TEXT, "description": "of the page that replaces a temporary password"},
    new_password={"type": "string", "format": "password"},
    new_password_again={"type": "string", "format": "password"},
    token={**TEXT, "description": "of the page that asks for the decision"},
    decision={"type": "string", "enum": ["allow", "deny"]},
)
del DEVICE_FORM["security"]
DEVICE_FORM_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "What is asked for, or that it is decided", **PAGE},
    400: {"description": "Not a form of this exchange's own page", **PAGE},
    401: {"description": "The same form again", **PAGE},
    422: {"description": "The code is unknown, was used or has ended: the form again", **PAGE},
    429: {"description": "Too many failures; Retry-After", **PAGE},
    503: {"description": "Too many sign-ins at once; Retry-After", **PAGE},
}
SIGN_OUT_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A form with one button", **PAGE}
}
SIGN_OUT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {"type": "object", "required": ["token"], "properties": {"token": TEXT}}
            }
        },
    }
}
SIGN_OUT_ANSWERS: dict[int | str, dict[str, Any]] = {
    303: {"description": "Signed out: to `/`", "headers": {"Location": {"schema": TEXT}}},
    400: {"description": "The form is not one of this browser's", **PAGE},
}
SIGN_IN_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "A temporary password: the form that asks for another one", **PAGE},
    303: TO_CLIENT,
    400: AUTHORIZE_ANSWERS[400],
    401: {"description": "The same form again", **PAGE},
    422: {"description": "The new password is not one that is taken: the same form", **PAGE},
    429: {"description": "Too many failures; Retry-After", **PAGE},
    503: {"description": "Too many sign-ins at once; Retry-After", **PAGE},
}

"""The two public clients: the command line tool, and the console of the exchange itself; pure."""

import re

from auth.principal import Scope

CLIENT_ID = "shuyuan-cli"
CONSOLE_ID = "shuyuan-console"
IDS = frozenset({CLIENT_ID, CONSOLE_ID})
# RFC 8252 section 7.3: the loopback address with any port, and nothing else.
REDIRECT = re.compile(r"http://127\.0\.0\.1:([1-9][0-9]{0,4})/callback", re.ASCII)
PORT_MAX = 65_535
# The console's own page, below the address of the platform.
CONSOLE_CALLBACK = "/console/signed-in"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
RECORDS = frozenset({Scope.RECORDS_PUBLISH, Scope.RECORDS_READ})
SCOPES = frozenset(Scope) - RECORDS


def may_redirect(uri: str) -> bool:
    """Whether the command line tool may be sent there."""
    match = REDIRECT.fullmatch(uri)
    return match is not None and int(match[1]) <= PORT_MAX


def is_registered(client_id: str, uri: str, issuer: str) -> bool:
    """Whether `client_id` may be sent to `uri`."""
    if client_id == CONSOLE_ID:
        return uri == f"{issuer}{CONSOLE_CALLBACK}"
    return client_id == CLIENT_ID and may_redirect(uri)

"""The one public client: the command line tool of the exchange itself; pure."""

import re

from auth.principal import Scope

CLIENT_ID = "shuyuan-cli"
# RFC 8252 section 7.3: the loopback address with any port, and nothing else.
REDIRECT = re.compile(r"http://127\.0\.0\.1:([1-9][0-9]{0,4})/callback", re.ASCII)
PORT_MAX = 65_535
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
RECORDS = frozenset({Scope.RECORDS_PUBLISH, Scope.RECORDS_READ})
SCOPES = frozenset(Scope) - RECORDS


def may_redirect(uri: str) -> bool:
    match = REDIRECT.fullmatch(uri)
    return match is not None and int(match[1]) <= PORT_MAX

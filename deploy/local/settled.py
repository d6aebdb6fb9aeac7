"""Which external servers a platform was set up with: a later shell must not move it elsewhere."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from deploy.local.files import read_json, write_json
from deploy.local.wording import LocalError

FILE = "external.json"
NONE: Mapping[str, str] = MappingProxyType({})
OPTIONS = {
    "postgres": (
        "SHUYUAN_DATABASE_TLS",
        "SHUYUAN_DATABASE_TLS_CA_FILE",
        "SHUYUAN_DATABASE_TLS_CERT_FILE",
        "SHUYUAN_DATABASE_TLS_KEY_FILE",
    ),
    "kafka": (
        "SHUYUAN_KAFKA_SECURITY_PROTOCOL",
        "SHUYUAN_KAFKA_SASL_MECHANISM",
        "SHUYUAN_KAFKA_SASL_USERNAME",
        "SHUYUAN_KAFKA_SASL_PASSWORD_FILE",
        "SHUYUAN_KAFKA_CA_FILE",
        "SHUYUAN_KAFKA_CERT_FILE",
        "SHUYUAN_KAFKA_KEY_FILE",
    ),
}
"""How external servers are reached, beside their address."""


def settled_external(state_dir: Path, named: Mapping[str, str]) -> dict[str, str]:
    """Return the external servers to use, "" for a part of our own.

    What the environment names counts the first time; afterwards it may be left out, or name the
    same server with other credentials. LocalError where it names another one.
    """
    if not (state_dir / FILE).exists():
        return dict(named)
    known = {part: str(read_json(state_dir / FILE).get(part, "")) for part in named}
    for part, address in named.items():
        if address and _server(address) != _server(known[part]):
            raise _moved(part, known[part], address, state_dir)
    return {part: named[part] or known[part] for part in named}


def settled_options(
    state_dir: Path, external: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, str]:
    """Return how the external servers are reached, as named now or before.

    A part of our own is reached without: whatever the environment says is empty for it.
    """
    known = read_json(state_dir / FILE)
    return {
        name: (environment.get(name) or str(known.get(name, ""))) if external[part] else ""
        for part, names in OPTIONS.items()
        for name in names
    }


def remember_external(
    state_dir: Path, external: Mapping[str, str], options: Mapping[str, str] = NONE
) -> None:
    """Write down, for the owner's eyes only, what the platform is set up with."""
    write_json(state_dir / FILE, {**external, **options})


def _server(address: str) -> str:
    """Return what tells one server from another: no user, no password, no options."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    return f"{parts.hostname}:{parts.port or 5432}{parts.path}"


def _moved(part: str, known: str, named: str, state_dir: Path) -> LocalError:
    here = _server(known) if known else ""
    return LocalError(
        f"{state_dir} 中的平台使用{here or '本机自带'}的 {part}，而环境变量指定了"
        f" {_server(named)}：请取消该环境变量，或用 SHUYUAN_LOCAL_DIR 指定另一个目录。",
        f"The platform in {state_dir} uses {here or 'its own'} {part}, and the environment names "
        f"{_server(named)}: unset that variable, or name another SHUYUAN_LOCAL_DIR.",
    )

"""Rules of the project that ruff does not know, each a look at the syntax tree."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("kernel", "auth", "catalog", "exchange", "gateway", "deploy", "loadtests", "client")
# The one commit of the project, and that of alembic's own connection.
COMMITTERS = frozenset({"kernel/database.py", "deploy/migrations/env.py"})
# The agent's lock is in a department's own database, where no part of the platform takes any.
LOCKS = frozenset({"kernel/locks.py", "client/src/shuyuan_client/agent/postgresql.py"})
GUARDED = frozenset({"status", "state"})
# What asks the broker: objects by their name, and single methods of others.
BROKER_OBJECTS = frozenset(
    {"reader", "tail", "topics", "writers", "lanes", "events", "gatherer", "puller"}
)
BROKER_METHODS = frozenset(
    {"positions.lag", "positions.lags", "positions.rewind", "publisher.publish", "bus.alive"}
)
# What takes a tenth of a second of a thread that others wait for.
HASHING = frozenset(
    {"passwords.digest", "passwords.digest_of_fair", "passwords.fits", "people.prepared"}
)
SESSION_BLOCKS = frozenset({"transaction", "reading", "snapshot", "single"})
SESSION_TYPES = frozenset({"Reading", "Writing", "Creating", "ReadSession", "WriteSession"})


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    what: str


Lint = Callable[[str, ast.Module], Iterator[Finding]]


def findings(root: Path, lint: Lint) -> list[Finding]:
    """Return what the lint finds in the product packages under a root."""
    paths = sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))
    found: list[Finding] = []
    for path in paths:
        name = path.relative_to(root).as_posix()
        found += lint(name, ast.parse(path.read_text(encoding="utf-8"), name))
    return found


def commits(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Find `anything.commit()` outside kernel/database.py (ADR 0002).

    A commit with arguments is another word: that of a position in the log.
    """
    if path in COMMITTERS:
        return
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr == "commit" and not (node.args or node.keywords):
            yield Finding(path, node.lineno, "commit() outside kernel/database.py")


def assigned_states(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Find assignments to `.status` or `.state` outside the `move` of a store module.

    An object's own field, set once in its `__init__`, is no transition.
    """
    allowed = _lines_of_moves(tree) if _is_store(path) else set()
    own = _own_fields(tree)
    for node in ast.walk(tree):
        for name, line in _assigned(node):
            if line not in allowed and (name, line) not in own:
                yield Finding(path, line, f".{name} assigned outside a store's move()")


def advisory_locks(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Find advisory locks taken outside kernel/locks.py: two parts once shared one number (I13).

    A look at pg_locks asks for the lock type by its bare name and is found as well.
    """
    if path in LOCKS:
        return
    for node in ast.walk(tree):
        for name in _words(node):
            if "advisory" in name and name not in _docstrings(tree):
                yield Finding(
                    path, getattr(node, "lineno", 0), "advisory lock outside kernel/locks.py"
                )


def _words(node: ast.AST) -> Iterator[str]:
    """Yield what a node may name a function of PostgreSQL by: text, attribute, name."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id


def _docstrings(tree: ast.Module) -> set[str]:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    found = (
        ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, kinds)
    )
    return {text for text in found if text}


def _is_store(path: str) -> bool:
    return path.endswith("/store.py") or "/store/" in path


def _lines_of_moves(tree: ast.Module) -> set[int]:
    moves = (node for node in _functions(tree) if node.name.lstrip("_").startswith("move"))
    return {line for node in moves for line in range(node.lineno, (node.end_lineno or 0) + 1)}


def _own_fields(tree: ast.Module) -> set[tuple[str, int]]:
    return {
        (target.attr, target.lineno)
        for function in _functions(tree)
        if function.name == "__init__"
        for node in ast.walk(function)
        for target in _targets(node)
        if isinstance(target.value, ast.Name) and target.value.id == "self"
    }


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _assigned(node: ast.AST) -> Iterator[tuple[str, int]]:
    for target in _targets(node):
        if target.attr in GUARDED:
            yield target.attr, target.lineno
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
        name = node.args[1] if len(node.args) > 1 else None
        if isinstance(name, ast.Constant) and name.value in GUARDED:
            yield str(name.value), node.lineno


def _targets(node: ast.AST) -> Iterator[ast.Attribute]:
    """Yield the attributes that a statement assigns to, those of unpacked tuples included."""
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    else:
        return
    for target in targets:
        for part in ast.walk(target):
            if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
                yield part


def broker_in_session(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Find the broker asked while a database session is open: it holds a connection for seconds.

    A session is open in `async with database.transaction()` and its like, and in a function that is
    given one. Functions of the same module that ask the broker are followed by their names.
    """
    if path.partition("/")[0] not in {"exchange", "gateway"}:
        return
    asking = _asking_functions(tree)
    lines = {
        call.lineno
        for block in _session_blocks(tree)
        for call in _awaited_calls(block)
        if _asks_broker(call) or _own_name(call) in asking
    }
    for line in sorted(lines):
        yield Finding(path, line, "the broker is asked within a database session")


def hashing_in_session(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Find a password hashed while a database session is open: eight such held the whole pool."""
    lines = {
        call.lineno
        for block in _session_blocks(tree)
        for call in _awaited_calls(block)
        if ".".join(_receiver_and_name(call)) in HASHING
    }
    for line in sorted(lines):
        yield Finding(path, line, "a password is hashed within a database session")


def dropped_files(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Find a file removed in an `except`: its row may stand where the answer to a commit was lost.

    `Blobs.keeping` tells the cases apart.
    """
    if path == "kernel/blobs.py":
        return
    for handler in ast.walk(tree):
        if not isinstance(handler, ast.ExceptHandler):
            continue
        for call in _awaited_calls(handler):
            if _receiver_and_name(call) == ("blobs", "drop"):
                yield Finding(path, call.lineno, "a file is removed in an except: Blobs.keeping")


# What opens connections; kernel/outbound tests the address that it connects to.
DIALLING = frozenset(
    {"open_connection", "create_connection", "open_unix_connection", "create_datagram_endpoint"}
)
HTTP_CLIENTS = frozenset(
    {"aiohttp", "httpx", "requests", "urllib3", "http.client", "urllib.request", "smtplib"}
)
# They call what the operator's settings name, and nobody else can: scanner, mail, own address; the
# clients and tools are no part of the platform.
DIALLERS = frozenset(
    {
        "kernel/outbound/client.py", "kernel/scanning.py", "kernel/steps.py",
        "exchange/notices/mail.py", "gateway/diagnosis/needs.py",
        "gateway/diagnosis/certificates.py",
    }
)  # fmt: skip


def dialling(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Find connections opened past kernel/outbound: a name could be another address there."""
    is_platform = path.partition("/")[0] in {"kernel", "auth", "catalog", "exchange", "gateway"}
    if not is_platform or path in DIALLERS:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {node.module or ""}
        else:
            names = set()
        if names & HTTP_CLIENTS or _receiver_and_name(node)[1] in DIALLING:
            line = getattr(node, "lineno", 0)
            yield Finding(path, line, "a connection is opened past kernel/outbound")


def _session_blocks(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncWith):
            opened = [item.context_expr for item in node.items]
            if any(_receiver_and_name(each)[1] in SESSION_BLOCKS for each in opened):
                yield node
    for function in _functions(tree):
        arguments = function.args
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        if any(_names(each.annotation) & SESSION_TYPES for each in given if each.annotation):
            yield function


def _names(annotation: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}


def _awaited_calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls within awaited expressions, those that are gathered included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Await):
            for part in ast.walk(node.value):
                if isinstance(part, ast.Call):
                    yield part


def _asking_functions(tree: ast.Module) -> set[str]:
    """Return the names of functions that ask the broker, themselves or by one another."""
    calls = {node.name: list(_awaited_calls(node)) for node in _functions(tree)}
    asking: set[str] = set()
    while True:
        more = {
            name
            for name, made in calls.items()
            if any(_asks_broker(call) or _own_name(call) in asking for call in made)
        }
        if more <= asking:
            return asking
        asking |= more


def _asks_broker(call: ast.Call) -> bool:
    receiver, name = _receiver_and_name(call)
    return receiver in BROKER_OBJECTS or f"{receiver}.{name}" in BROKER_METHODS


def _own_name(call: ast.Call) -> str:
    """Return the name of a function of the module, or of the object's own, that is called."""
    receiver, name = _receiver_and_name(call)
    return name if receiver in {"", "self"} else ""


def _receiver_and_name(call: ast.AST) -> tuple[str, str]:
    """Return the last name of what a method is called on, and the method's, without underscores."""
    if not isinstance(call, ast.Call):
        return "", ""
    function = call.func
    if isinstance(function, ast.Name):
        return "", function.id
    if not isinstance(function, ast.Attribute):
        return "", ""
    value = function.value
    receiver = value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")
    return receiver.lstrip("_"), function.attr

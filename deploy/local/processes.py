"""Long-lived children: started in their own session, known by pid and start, stopped to the last.

A pid file names the process by pid and start mark, so that a recycled pid is never signalled; a
token in the environment finds what a killed parent left behind.
"""

import contextlib
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

import psutil

from deploy.local.files import private_folder, read_json, write_json
from deploy.local.rotation import is_long, previous
from deploy.local.wording import StartFailed

RUN_TOKEN = "SHUYUAN_LOCAL_RUN"  # noqa: S105 -- the name of a mark, not a secret
POLL_SECONDS = 0.05
KILL_PATIENCE_SECONDS = 10.0
TAIL_BYTES = 4096
# What a process writes is for its owner alone: records lie in the broker's files.
PRIVATE_UMASK = 0o077

# Popen objects of our own children: kept until they are reaped, so that none becomes a zombie.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Command:
    """A program with the surroundings it runs in."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    user: int | None = None
    group: int | None = None


@dataclass(frozen=True)
class Record:
    """What the pid file says: which process, and by which mark it is recognised."""

    pid: int
    mark: str
    run: str
    started_at: float


@dataclass(frozen=True)
class ProcessStatus:
    """One line of `status`; `state` is running, unready, dead, stopped or external."""

    name: str
    state: str
    pid: int | None = None
    port: int | None = None
    started_at: float | None = None
    cpu_seconds: float | None = None
    memory_bytes: int | None = None
    log: Path | None = None


class Service:
    """One long-lived child of a state directory: pid file, log file, readiness probe."""

    def __init__(
        self,
        name: str,
        state_dir: Path,
        *,
        ready: Callable[[], bool],
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_seconds: float = 20.0,
    ) -> None:
        self.name = name
        self.log = state_dir / "logs" / f"{name}.log"
        self._pid_file = state_dir / "run" / f"{name}.json"
        self._ready = ready
        self._stop_signal = stop_signal
        self._grace_seconds = grace_seconds
        self._log_start = 0

    def running(self) -> Record | None:
        """Return the record of the process if it lives and is the one that was started."""
        record = self._record()
        return record if record and start_mark(record.pid) == record.mark else None

    def is_ready(self) -> bool:
        return self.running() is not None and self._ready()

    def start(self, command: Command, *, within_seconds: float) -> None:
        """Start the process, unless it runs already, and wait until it is ready."""
        if self.running() is None:
            self.stop()  # what a killed parent left behind
            self._spawn(command)
        self._await_ready(within_seconds)

    def stop(self) -> None:
        """End the process and everything it left: asked first, killed as the last resort."""
        record = self._record()
        if record is None:
            return
        family = _family(record)
        if start_mark(record.pid) == record.mark:
            # It may end by itself between the look and the signal.
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                os.kill(record.pid, signal.SIGCONT)
                os.kill(record.pid, self._stop_signal)
                _wait([psutil.Process(record.pid)], self._grace_seconds)
        _end(family + _family(record))
        self._pid_file.unlink(missing_ok=True)

    def kill(self, number: int) -> None:
        """Send a signal to the process itself; after SIGKILL wait until it is gone."""
        record = self.running()
        if record is None:
            return
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            process = psutil.Process(record.pid)
            os.kill(record.pid, number)
            if number == signal.SIGKILL:
                _wait([process], KILL_PATIENCE_SECONDS)

    def listens_on(self, port: int) -> bool:
        """Tell whether the process or a child of it holds the port, and not some stranger."""
        record = self.running()
        return record is not None and any(_listens(member, port) for member in _family(record))

    def status(self, port: int | None) -> ProcessStatus:
        """Say how the process is, with the processor time and memory of its whole family."""
        record = self.running()
        if record is None:
            state = "dead" if self._record() else "stopped"
            return ProcessStatus(self.name, state, port=port, log=self.log)
        seconds, memory = _usage(_family(record))
        state = "running" if self._ready() else "unready"
        return ProcessStatus(
            self.name, state, record.pid, port, record.started_at, seconds, memory, self.log
        )

    def tail(self) -> str:
        """Return the last line of the log, for a message."""
        lines = [line.strip() for line in self.recent().splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def recent(self) -> str:
        """Return the end of what the process last started has logged."""
        try:
            with self.log.open("rb") as stream:
                size = self.log.stat().st_size
                start = self._log_start if self._log_start <= size else 0  # rotated meanwhile
                stream.seek(max(start, size - TAIL_BYTES))
                return stream.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def _record(self) -> Record | None:
        value = read_json(self._pid_file)
        try:
            return Record(**value) if value else None
        except TypeError:
            return None

    def _spawn(self, command: Command) -> None:
        run = uuid.uuid4().hex
        with _log_stream(self.log) as log:
            self._log_start = log.tell()
            child = subprocess.Popen(  # noqa: S603 -- arguments are our own, no shell is involved
                command.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **command.environment, RUN_TOKEN: run},
                cwd=command.directory,
                user=command.user,
                group=command.group,
                extra_groups=None if command.user is None else [],
                start_new_session=True,
                umask=PRIVATE_UMASK,
            )
        _children[child.pid] = child
        record = Record(child.pid, start_mark(child.pid) or "ended", run, time.time())
        write_json(self._pid_file, asdict(record))

    def _await_ready(self, within_seconds: float) -> None:
        deadline = time.monotonic() + within_seconds
        while self.running() is not None:
            if self._ready():
                return
            if time.monotonic() > deadline:
                raise self._failed(
                    f"{within_seconds:.0f} 秒内未就绪", f"is not ready after {within_seconds:.0f} s"
                )
            time.sleep(POLL_SECONDS)
        raise self._failed("启动后退出", "ended after it was started")

    def _failed(self, chinese: str, english: str) -> StartFailed:
        tail = self.tail()
        return StartFailed(
            f"{self.name} {chinese}：{tail}（详见日志 {self.log}；可先 make down 再重试）",
            f"{self.name} {english}: {tail} (see {self.log}; `make down`, then retry)",
        )


def gateway_workers(pid: int) -> list[int]:
    """Return the pids of a gateway's living workers: children of the process that forks them.

    None where one process is the whole gateway; raises psutil.NoSuchProcess where it has ended.
    """
    found: list[int] = []
    for child in psutil.Process(pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [worker.pid for worker in child.children()]
    return found


def start_mark(pid: int) -> str | None:
    """Return what tells this process from another with the same pid; None when it is gone."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
        return None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return _portable_mark(pid)
    # Our own dead child is gone only when it is reaped; a stranger's is left to its parent.
    if fields[0] in "ZX" and child is None and not _has_threads(pid):
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}:{fields[19]}"


def _has_threads(pid: int) -> bool:
    """Tell whether threads outlive the first one, which already shows as a zombie (Java exit)."""
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except OSError:
        return False


def _portable_mark(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


def _family(record: Record) -> list[psutil.Process]:
    """Return the process, its descendants, and what a dead parent left in its session."""
    members: list[psutil.Process] = []
    if start_mark(record.pid) == record.mark:
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(record.pid)
            members = [parent, *parent.children(recursive=True)]
    known = {member.pid for member in members}
    return members + [p for p in _session(record) if p.pid not in known]


def _session(record: Record) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getsid(process.pid) != record.pid:
                continue
            if process.environ().get(RUN_TOKEN) == record.run:
                yield process


def _end(family: Sequence[psutil.Process]) -> None:
    """Ask what is left to end, then kill it."""
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.terminate()
    for member in _wait(family, KILL_PATIENCE_SECONDS / 5):
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    _wait(family, KILL_PATIENCE_SECONDS)


def _wait(family: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait for the processes; return those that live on."""
    deadline = time.monotonic() + seconds
    while alive := [member for member in family if _lives(member)]:
        if time.monotonic() > deadline:
            return alive
        time.sleep(POLL_SECONDS)
    return []


def _lives(process: psutil.Process) -> bool:
    return start_mark(process.pid) is not None and process.is_running()


def _listens(process: psutil.Process, port: int) -> bool:
    with contextlib.suppress(psutil.Error):
        connections = process.net_connections("tcp")
        return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections)
    return False


def _usage(family: Sequence[psutil.Process]) -> tuple[float, int]:
    seconds, memory = 0.0, 0
    for member in family:
        with contextlib.suppress(psutil.Error):
            times = member.cpu_times()
            seconds += times.user + times.system
            memory += member.memory_info().rss
    return seconds, memory


def _log_stream(path: Path) -> IO[bytes]:
    """Open the log for appending; one that has grown too long becomes the previous one."""
    private_folder(path.parent)
    if is_long(path):
        path.replace(previous(path))
    stream = path.open("ab")
    path.chmod(0o600)
    return stream

"""Where the campaign plays: servers and programs of its own, that can be killed and frozen."""

import http.client
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from deploy.local import kafka, postgres
from deploy.local.processes import Command, Service
from deploy.local.stack import Stack
from deploy.migrations.run import upgrade
from tests.faults.campaign.disk import SmallDisk
from tests.faults.campaign.wire import Address
from tests.support import processes

WORKERS = 2
START_SECONDS = 90.0
BEAT_SECONDS = 5.0
PROBE_SECONDS = 5.0
GATEWAY, WORKER, BROKER, DATABASE = "gateway", "worker", kafka.NAME, postgres.NAME


class Stage:
    """PostgreSQL, Kafka, a gateway with two workers and the worker process, in one folder."""

    def __init__(self, folder: Path, *, small_disk: bool) -> None:
        self.folder = folder
        self.disk = SmallDisk(folder / "stack" / "kafka" / "data") if small_disk else None
        self._heartbeat = folder / "heartbeat"
        self.stack = Stack(folder / "stack")
        self.settings: dict[str, str] = {}
        self._programs = {
            GATEWAY: Service(GATEWAY, folder, ready=self._gateway_answers),
            WORKER: Service(WORKER, folder, ready=self._worker_beats),
        }
        self._commands: dict[str, Command] = {}

    def open(self) -> None:
        """Start everything; not from a running loop, because migrations have their own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.disk is not None:
            self.disk.mount()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        endpoints = self.stack.start()
        upgrade(endpoints.database_url)
        self.settings = processes.environment(
            endpoints.database_url,
            endpoints.kafka_bootstrap,
            SHUYUAN_WORKERS=str(WORKERS),
            SHUYUAN_WORKER_HEARTBEAT_FILE=str(self._heartbeat),
            PYTHONUNBUFFERED="1",
        )
        self._commands = {
            GATEWAY: self._command("gateway", "serve"),
            WORKER: self._command("exchange", "worker"),
        }
        self.start(GATEWAY)
        self.start(WORKER)

    def _command(self, *module: str) -> Command:
        return Command((sys.executable, "-m", *module), self.settings, processes.ROOT)

    def close(self) -> None:
        for program in self._programs.values():
            program.stop()
        self.stack.stop()
        if self.disk is not None:
            self.disk.unmount()

    @property
    def bootstrap(self) -> str:
        return self.stack.endpoints.kafka_bootstrap

    @property
    def database_url(self) -> str:
        return self.stack.endpoints.database_url

    @property
    def base_url(self) -> str:
        return self.settings["SHUYUAN_BASE_URL"]

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", int(self.settings["SHUYUAN_PORT"]))

    def start(self, name: str) -> None:
        """Start one part again, whatever is left of it, and wait until it is ready."""
        if name in self._programs:
            self._programs[name].stop()
            if name == WORKER:
                self._heartbeat.unlink(missing_ok=True)
            self._programs[name].start(self._commands[name], within_seconds=START_SECONDS)
        else:
            self.stack.restart(name)

    def stop(self, name: str) -> None:
        """End one of the servers in an orderly way."""
        if name == BROKER:
            self.stack.kafka.stop()
        else:
            self.stack.postgres.stop()

    def pid(self, name: str) -> int:
        """Return the first pid of a part; LookupError when it does not run."""
        record = self._service(name).running()
        if record is None:
            raise LookupError(f"{name} does not run")
        return record.pid

    def family(self, name: str) -> list[int]:
        """Return the pids of a part and all that it has started."""
        first = psutil.Process(self.pid(name))
        return [first.pid, *(child.pid for child in first.children(recursive=True))]

    def gateway_workers(self) -> list[int]:
        """Return the pids of the gateway's living workers."""
        with suppress(psutil.NoSuchProcess, LookupError):
            children = psutil.Process(self.pid(GATEWAY)).children()
            return [child.pid for child in children if "spawn_main" in " ".join(_words(child))]
        return []

    def backends(self) -> list[int]:
        """Return the pids of PostgreSQL's processes that serve the platform."""
        with suppress(psutil.NoSuchProcess, LookupError):
            children = psutil.Process(self.pid(DATABASE)).children()
            return [child.pid for child in children if " 127.0.0.1(" in " ".join(_words(child))]
        return []

    def alive(self, name: str) -> bool:
        return self._service(name).running() is not None

    def is_ready(self, name: str) -> bool:
        return self._service(name).is_ready()

    def log_of(self, name: str) -> Path:
        return self._service(name).log

    def _service(self, name: str) -> Service:
        servers = {BROKER: self.stack.kafka.service, DATABASE: self.stack.postgres.service}
        return self._programs.get(name) or servers[name]

    def _gateway_answers(self) -> bool:
        connection = http.client.HTTPConnection(
            self.address.host, self.address.port, timeout=PROBE_SECONDS
        )
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _worker_beats(self) -> bool:
        with suppress(FileNotFoundError):
            return time.time() - self._heartbeat.stat().st_mtime < BEAT_SECONDS
        return False


def _words(process: psutil.Process) -> Sequence[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return ()


def send(pids: Sequence[int], number: signal.Signals) -> None:
    """Signal processes of ours; whichever has ended meanwhile needs none."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def frozen(pids: Sequence[int]) -> Iterator[None]:
    send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        send(pids, signal.SIGCONT)

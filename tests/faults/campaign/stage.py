"""Where the campaign plays: servers and programs of its own, that can be killed and frozen."""

import http.client
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psutil

from deploy.local import kafka, postgres
from deploy.local.cluster import Cluster
from deploy.local.processes import Command, Service, gateway_workers
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
SECOND_GATEWAY, SECOND_HOST = "gateway-2", "127.0.0.2"
# With several brokers a record is acknowledged by so many of three copies.
COPIES, IN_SYNC = 3, 2


class Stage:
    """PostgreSQL, Kafka, a gateway with two workers and the worker process, in one folder.

    With several brokers there are two gateways, on two addresses of the loopback.
    """

    def __init__(self, folder: Path, *, small_disk: bool, brokers: int = 1) -> None:
        self.folder = folder
        self._cluster = Cluster(folder / "cluster", brokers=brokers) if brokers > 1 else None
        self.disk = SmallDisk(folder / "stack" / "kafka" / "data") if small_disk else None
        self._heartbeat = folder / "heartbeat"
        external = {} if self._cluster is None else {BROKER: self._cluster.bootstrap}
        self.stack = Stack(folder / "stack", external=external)
        self.settings: dict[str, str] = {}
        self._programs = {
            GATEWAY: Service(GATEWAY, folder, ready=lambda: self._answers(self.address.host)),
            WORKER: Service(WORKER, folder, ready=self._worker_beats),
        }
        if self._cluster is not None:
            self._programs[SECOND_GATEWAY] = Service(
                SECOND_GATEWAY, folder, ready=lambda: self._answers(SECOND_HOST)
            )
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
        servers: list[Callable[[], object]] = [self.stack.start]
        if self._cluster is not None:
            servers.append(self._cluster.start)
        _at_once(*servers)
        endpoints = self.stack.endpoints
        upgrade(endpoints.database_url)
        self.settings = processes.environment(
            endpoints.database_url,
            endpoints.kafka_bootstrap,
            SHUYUAN_WORKERS=str(WORKERS),
            SHUYUAN_WORKER_HEARTBEAT_FILE=str(self._heartbeat),
            SHUYUAN_BLOBS_DIR=str(self.folder / "blobs"),
            PYTHONUNBUFFERED="1",
        )
        if self._cluster is not None:
            self.settings |= {
                "SHUYUAN_REPLICATION_FACTOR": str(COPIES),
                "SHUYUAN_MIN_INSYNC_REPLICAS": str(IN_SYNC),
            }
        self._commands = {
            GATEWAY: self._command("gateway", "serve"),
            SECOND_GATEWAY: self._command("gateway", "serve", SHUYUAN_HOST=SECOND_HOST),
            WORKER: self._command("exchange", "worker"),
        }
        _at_once(*(partial(self.start, program) for program in self._programs))

    def _command(self, *module: str, **settings: str) -> Command:
        return Command(
            (sys.executable, "-m", *module), {**self.settings, **settings}, processes.ROOT
        )

    def close(self) -> None:
        _at_once(*(program.stop for program in self._programs.values()))
        servers: list[Callable[[], object]] = [self.stack.stop]
        if self._cluster is not None:
            servers.append(self._cluster.stop)
        _at_once(*servers)
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
        also = (SECOND_HOST,) if self._cluster is not None else ()
        return Address("127.0.0.1", int(self.settings["SHUYUAN_PORT"]), also)

    @property
    def logs(self) -> Sequence[Path]:
        """The logs of the platform's own programs."""
        return [self.log_of(program) for program in self._programs]

    @property
    def gateways(self) -> Sequence[str]:
        return [name for name in self._programs if name != WORKER]

    @property
    def workers(self) -> int:
        """How many workers all gateways have when nothing is broken."""
        return WORKERS * len(self.gateways)

    @property
    def brokers(self) -> Sequence[str]:
        return [BROKER] if self._cluster is None else list(self._nodes)

    @property
    def _nodes(self) -> dict[str, int]:
        numbers = self._cluster.nodes if self._cluster is not None else ()
        return {f"{BROKER}-{number}": number for number in numbers}

    def leader_of(self, topic: str) -> str:
        """Return the broker that leads a topic's first partition; LookupError without one."""
        if self._cluster is None:
            return BROKER
        leader = self._cluster.states(topic)[0].leader
        if leader not in self._cluster.nodes:
            raise LookupError(f"{topic} has no leader")
        return f"{BROKER}-{leader}"

    def await_copies(self, topics: Sequence[str]) -> None:
        """Return when every copy of these topics is in sync again."""
        for topic in topics if self._cluster is not None else ():
            assert self._cluster is not None
            self._cluster.await_state(
                topic, lambda states: all(len(s.in_sync) == COPIES for s in states.values())
            )

    def start(self, name: str) -> None:
        """Start one part again, whatever is left of it, and wait until it is ready."""
        if name in self._programs:
            self._programs[name].stop()
            if name == WORKER:
                self._heartbeat.unlink(missing_ok=True)
            self._programs[name].start(self._commands[name], within_seconds=START_SECONDS)
        elif self._cluster is not None and name in self._nodes:
            self._cluster.restart(self._nodes[name])
        else:
            self.stack.restart(name)

    def stop(self, name: str) -> None:
        """End one part in an orderly way."""
        if name == DATABASE:
            self.stack.postgres.stop()
        else:
            self._service(name).stop()

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
        """Return the pids of all gateways' living workers."""
        found: list[int] = []
        for gateway in self.gateways:
            with suppress(psutil.NoSuchProcess, LookupError):
                found += gateway_workers(self.pid(gateway))
        return found

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
        if self._cluster is not None:
            servers |= {n: self._cluster.nodes[each].service for n, each in self._nodes.items()}
        return self._programs.get(name) or servers[name]

    def _answers(self, host: str) -> bool:
        connection = http.client.HTTPConnection(host, self.address.port, timeout=PROBE_SECONDS)
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


def _at_once(*steps: Callable[[], object]) -> None:
    """Take steps side by side: most of each is waiting for another process."""
    with ThreadPoolExecutor(len(steps)) as pool:
        for done in [pool.submit(step) for step in steps]:
            done.result()


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

"""Apache Kafka as several KRaft processes on the loopback, to be killed and frozen one by one.

Every broker is a controller too: one of three may be lost. Clients may also come by a listener
that demands TLS and a password (`Secured`). Tests, fault campaigns and load tests use it; the
platform of `make up` has the one broker of deploy/local/kafka.py.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aiokafka.admin import NewTopic

from deploy.local.apart import run_apart
from deploy.local.artifacts import class_path
from deploy.local.cluster_state import PartitionState, brokers_at, create, states_of
from deploy.local.files import write_private
from deploy.local.java import find_java
from deploy.local.kafka import (
    FORMAT_SECONDS,
    LOG_OPTIONS,
    START_SECONDS,
    accepts,
    broker_settings,
    format_arguments,
    new_cluster_id,
    not_formatted,
)
from deploy.local.ports import HOST, PortBook
from deploy.local.processes import Command, Service
from deploy.local.wording import LocalError

BROKERS = 3
META = "meta.properties"
POLL_SECONDS = 0.1
WHOLE_SECONDS = 90.0
# A broker that says nothing for so long loses its partitions to the others.
SESSION_MS = 5000

JVM_OPTIONS = (
    "-Xms96m",
    "-Xmx320m",
    "-XX:+UseSerialGC",  # the least threads: three of them share the cores with what is tested
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:+MaxFDLimit",
    "-Djava.awt.headless=true",
)


@dataclass(frozen=True)
class Secured:
    """A listener with TLS and SASL: PEM files of the brokers, and who may come by it.

    `keystore` holds the private key (PKCS #8) and its certificate, `truststore` the authority
    whose client certificates are accepted (none is demanded).
    """

    keystore: Path
    truststore: Path
    username: str
    password: str

    def properties(self) -> str:
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule"
        own = "listener.name.secured"
        return (
            f"{own}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512\n"
            f"{own}.plain.sasl.jaas.config={plain} required"
            f' user_{self.username}="{self.password}";\n'
            f"{own}.scram-sha-512.sasl.jaas.config={scram} required;\n"
            f"{own}.ssl.keystore.type=PEM\n{own}.ssl.keystore.location={self.keystore}\n"
            f"{own}.ssl.truststore.type=PEM\n{own}.ssl.truststore.location={self.truststore}\n"
            f"{own}.ssl.client.auth=requested\n"
        )

    def user(self) -> tuple[str, str]:
        """Return the arguments that make the SCRAM user when storage is formatted."""
        return (
            "--add-scram",
            f"SCRAM-SHA-512=[name={self.username},password={self.password}]",
        )


@dataclass(frozen=True)
class Node:
    """One broker: its number, from 1, its files and its ports."""

    number: int
    home: Path
    port: int
    controller: int
    secured: int
    service: Service

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def properties(self) -> Path:
        return self.home / "server.properties"


class Cluster(AbstractContextManager["Cluster"]):
    """Brokers under one state directory; as a context manager, running inside it."""

    def __init__(
        self,
        state_dir: Path,
        *,
        brokers: int = BROKERS,
        secured: Secured | None = None,
        progress: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._root = state_dir.resolve()
        self._secured = secured
        self._progress = progress
        self._ports = PortBook(self._root / "ports.json")
        self.nodes = {number: self._node(number) for number in range(1, brokers + 1)}

    def _node(self, number: int) -> Node:
        name = f"kafka-{number}"
        ports = [self._ports.choose(f"{name}{kind}") for kind in ("", "-controller", "-secured")]
        service = Service(name, self._root, ready=lambda: self._serves(number), grace_seconds=30.0)
        return Node(number, self._root / name, ports[0], ports[1], ports[2], service)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def bootstrap(self) -> str:
        return ",".join(f"{HOST}:{node.port}" for node in self.nodes.values())

    @property
    def secured_bootstrap(self) -> str:
        return ",".join(f"{HOST}:{node.secured}" for node in self.nodes.values())

    def start(self) -> None:
        """Start every broker that does not run, and wait until each knows all of them."""
        java, jars = find_java(), class_path("broker", self._progress)
        for node in self.nodes.values():
            self.thaw(node.number)
            self._configure(node)
        self._format(java, jars)
        self._each(self._start)
        self._await_whole()

    def stop(self) -> None:
        """Stop all of them; the data stays."""
        self._each(lambda node: node.service.stop())

    def kill(self, broker: int) -> None:
        """End a broker at once, as a power cut does."""
        self.nodes[broker].service.kill(signal.SIGKILL)

    def freeze(self, broker: int) -> None:
        """Stop a broker's threads: its connections stay open, and nothing answers on them."""
        self.nodes[broker].service.kill(signal.SIGSTOP)

    def thaw(self, broker: int) -> None:
        self.nodes[broker].service.kill(signal.SIGCONT)

    def shut_down(self, broker: int) -> None:
        """Stop a broker in order: it hands its partitions over first."""
        self.nodes[broker].service.stop()

    def restart(self, broker: int) -> None:
        """Start a broker again on its port, after stopping what is left of it."""
        self.shut_down(broker)
        self._start(self.nodes[broker])

    def heal(self) -> None:
        """Undo whatever was done to brokers, and wait until all of them serve together."""
        self.start()

    def create_topic(
        self,
        topic: str,
        *,
        partitions: int = 1,
        replication_factor: int = BROKERS,
        assignments: Mapping[int, Sequence[int]] | None = None,
        configs: Mapping[str, str] | None = None,
    ) -> None:
        """Create a topic and wait for its leaders; `assignments` names each partition's brokers.

        The first broker of an assignment is the partition's leader.
        """
        asked: dict[str, Any] = {
            "num_partitions": partitions,
            "replication_factor": replication_factor,
        }
        if assignments is not None:
            placed = {number: list(brokers) for number, brokers in assignments.items()}
            asked = {
                "num_partitions": -1,
                "replication_factor": -1,
                "replica_assignments": placed,
            }
        configs = {"min.insync.replicas": "2", **(configs or {})}
        run_apart(create(self.bootstrap, NewTopic(topic, topic_configs=configs, **asked)))
        self.await_state(topic, lambda states: all(state.leader > 0 for state in states.values()))

    def leader_of(self, topic: str, partition: int = 0) -> int:
        """Return the broker that leads the partition, -1 where none does."""
        return self.states(topic)[partition].leader

    def states(self, topic: str) -> dict[int, PartitionState]:
        """Return what a broker that answers says of a topic's partitions."""
        return run_apart(states_of(self._awake(), topic))

    def await_state(
        self,
        topic: str,
        wanted: Callable[[dict[int, PartitionState]], bool],
        *,
        within_seconds: float = WHOLE_SECONDS,
    ) -> dict[int, PartitionState]:
        """Return a topic's partitions once they are as wanted; LocalError after the time."""
        deadline = time.monotonic() + within_seconds
        while True:
            states = self.states(topic)
            if states and wanted(states):
                return states
            if time.monotonic() > deadline:
                raise LocalError(
                    f"主题 {topic} 的分区未达到预期状态：{states}。",
                    f"The partitions of {topic} do not become as expected: {states}.",
                )
            time.sleep(POLL_SECONDS)

    def _awake(self) -> str:
        """Return the addresses of the brokers that are neither dead nor frozen."""
        return ",".join(
            f"{HOST}:{node.port}" for node in self.nodes.values() if _is_awake(node.service)
        )

    def _each(self, act: Callable[[Node], None]) -> None:
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            for done in [pool.submit(act, node) for node in self.nodes.values()]:
                done.result()

    def _start(self, node: Node) -> None:
        java, jars = find_java(), class_path("broker", self._progress)
        program = (str(java), *JVM_OPTIONS, *LOG_OPTIONS, "-cp", jars, "kafka.Kafka")
        command = Command((*program, str(node.properties)), directory=node.home)
        node.service.start(command, within_seconds=START_SECONDS)

    def _configure(self, node: Node) -> None:
        listeners = {"PLAINTEXT": node.port}
        if self._secured is not None:
            listeners["SECURED"] = node.secured
        addresses = [f"{name}://{HOST}:{port}" for name, port in listeners.items()]
        voters = [f"{each.number}@{HOST}:{each.controller}" for each in self.nodes.values()]
        copies = min(len(self.nodes), BROKERS)
        write_private(
            node.properties,
            f"{_settings(copies)}"
            f"node.id={node.number}\n"
            f"listeners={','.join(addresses)},CONTROLLER://{HOST}:{node.controller}\n"
            f"advertised.listeners={','.join(addresses)}\n"
            f"controller.quorum.voters={','.join(voters)}\n"
            f"log.dirs={node.data}\n"
            f"{self._secured.properties() if self._secured is not None else ''}",
        )

    def _format(self, java: Path, jars: str) -> None:
        """Make the storage of every node: the first one's by Kafka's tool, the others' after it.

        A Java program for each would take longer than all the rest of the start.
        """
        first, *others = self.nodes.values()
        if not (first.data / META).exists():
            arguments = format_arguments(java, jars, new_cluster_id(), first.properties)
            user = self._secured.user() if self._secured is not None else ()
            outcome = subprocess.run(  # noqa: S603 -- programs of our own packages, no shell
                [*arguments, *user],
                capture_output=True,
                text=True,
                timeout=FORMAT_SECONDS,
                check=False,
            )
            if outcome.returncode:
                raise not_formatted(outcome.stdout + outcome.stderr, first.data)
        for node in others:
            if not (node.data / META).exists():
                _copy_storage(first, node)

    def _serves(self, number: int) -> bool:
        """Tell whether this broker answers and counts itself in."""
        return number in self._known_by(number)

    def _known_by(self, number: int) -> frozenset[int]:
        port = self.nodes[number].port
        if not accepts(port):
            return frozenset()
        return run_apart(brokers_at(f"{HOST}:{port}"))

    def _await_whole(self) -> None:
        everybody, deadline = frozenset(self.nodes), time.monotonic() + WHOLE_SECONDS
        while not all(self._known_by(number) == everybody for number in self.nodes):
            if time.monotonic() > deadline:
                raise LocalError("Kafka 集群未能恢复完整。", "The Kafka cluster is not whole.")
            time.sleep(POLL_SECONDS)


def _copy_storage(first: Node, node: Node) -> None:
    """Make a node's storage from one that was formatted just now and never used."""
    shutil.copytree(first.data, node.data)
    meta = node.data / META
    own = {"node.id": str(node.number), "directory.id": new_cluster_id()}
    lines = [line.partition("=") for line in meta.read_text(encoding="ascii").splitlines()]
    meta.write_text(
        "".join(f"{name}{sign}{own.get(name, value)}\n" for name, sign, value in lines),
        encoding="ascii",
    )


def _settings(copies: int) -> str:
    majority = copies // 2 + 1
    common = broker_settings(
        copies=copies, in_sync=majority, partitions=4, cleaner_bytes=4 * 1024 * 1024
    )
    return f"""\
{common}\
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL
broker.session.timeout.ms={SESSION_MS}
auto.leader.rebalance.enable=false
"""


def _is_awake(service: Service) -> bool:
    record = service.running()
    if record is None:
        return False
    status = Path(f"/proc/{record.pid}/stat").read_text(encoding="latin-1")
    return status.rpartition(")")[2].split()[0] != "T"

"""Apache Kafka as one KRaft process, broker and controller at once, of one state directory."""

import base64
import socket
import subprocess
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.apart import run_apart
from deploy.local.artifacts import class_path
from deploy.local.files import private_folder, write_private
from deploy.local.java import find_java
from deploy.local.ports import HOST, PortBook, is_free
from deploy.local.processes import PRIVATE_UMASK, Command, ProcessStatus, Service
from deploy.local.wording import LocalError, StartFailed, say

NAME = "kafka"
CONTROLLER = "kafka-controller"
USUAL_PORT = 19092
START_SECONDS = 90.0
FORMAT_SECONDS = 90.0
PROBE_SECONDS = 2.0
PROBE_MILLISECONDS = 5000
ATTEMPTS = 3

# A batch may be 8 MiB of records; headers, keys and framing come on top.
LARGEST_MESSAGE_BYTES = 12 * 1024 * 1024


def broker_settings(*, copies: int, in_sync: int, partitions: int, cleaner_bytes: int) -> str:
    """Return what every broker of ours is told; `partitions` are those of the inner topics."""
    return f"""\
process.roles=broker,controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
default.replication.factor={copies}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions={partitions}
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions={partitions}
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.retention.ms=-1
log.retention.bytes=-1
message.max.bytes={LARGEST_MESSAGE_BYTES}
replica.fetch.max.bytes={LARGEST_MESSAGE_BYTES}
log.cleaner.dedupe.buffer.size={cleaner_bytes}
num.network.threads=2
num.io.threads=4
"""


SETTINGS = f"""\
{broker_settings(copies=1, in_sync=1, partitions=8, cleaner_bytes=16 * 1024 * 1024)}\
node.id=1
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
broker.session.timeout.ms=5000
"""

_EVERY_JVM = (
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:+MaxFDLimit",  # raise the number of open files to the hard limit
    "-Djava.awt.headless=true",
)
JVM_OPTIONS = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    *_EVERY_JVM,
)
# In minutes the second compiler takes more time than its code saves.
BRIEF_JVM_OPTIONS = (
    "-Xms96m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    *_EVERY_JVM,
)
LOG_OPTIONS = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


class Kafka:
    """One broker under a state directory."""

    def __init__(
        self,
        state_dir: Path,
        ports: PortBook,
        *,
        usual_port: int,
        progress: Callable[[str], None],
        lasting: bool = True,
    ) -> None:
        self._jvm_options = JVM_OPTIONS if lasting else BRIEF_JVM_OPTIONS
        self._home = state_dir / "kafka"
        self._data = self._home / "data"
        self._properties = self._home / "server.properties"
        self._cluster_file = self._home / "cluster"
        self._ports = ports
        self._usual_port = usual_port
        self._progress = progress
        self.service = Service(NAME, state_dir, ready=self._answers, grace_seconds=30.0)

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self._ports.get(NAME)}"

    def start(self) -> str:
        """Start the broker, with new storage if there is none, and return its address."""
        if self.service.running() is not None:
            self.service.start(Command(()), within_seconds=START_SECONDS)
            return self.bootstrap
        self.service.stop()
        java, jars = find_java(), class_path("broker", self._progress)
        private_folder(self._home)
        self._launch(java, jars)
        return self.bootstrap

    def stop(self) -> None:
        self.service.stop()

    def status(self) -> ProcessStatus:
        return self.service.status(self._ports.get(NAME))

    def _launch(self, java: Path, jars: str) -> None:
        for attempt in range(ATTEMPTS):
            ports = self._configure()
            self._format(java, jars)
            options = (*self._jvm_options, *LOG_OPTIONS, "-cp", jars)
            program = (str(java), *options, "kafka.Kafka", str(self._properties))
            command = Command(program, directory=self._home)
            try:
                self.service.start(command, within_seconds=START_SECONDS)
            except StartFailed:
                # Only a port that a stranger took in between is worth another try.
                if attempt == ATTEMPTS - 1 or all(map(is_free, ports)):
                    raise
            else:
                return

    def _configure(self) -> tuple[int, int]:
        port = self._ports.choose(NAME, self._usual_port)
        controller = self._ports.choose(CONTROLLER)
        write_private(
            self._properties,
            f"{SETTINGS}"
            f"listeners=PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}\n"
            f"advertised.listeners=PLAINTEXT://{HOST}:{port}\n"
            f"controller.quorum.voters=1@{HOST}:{controller}\n"
            f"log.dirs={self._data}\n",
        )
        return port, controller

    def _format(self, java: Path, jars: str) -> None:
        if (self._data / "meta.properties").exists():
            return
        self._progress(say("Kafka：格式化存储目录", "Kafka: formatting the storage"))
        outcome = subprocess.run(  # noqa: S603 -- programs of our own packages, no shell
            format_arguments(java, jars, self._cluster_id(), self._properties),
            capture_output=True,
            text=True,
            timeout=FORMAT_SECONDS,
            check=False,
            umask=PRIVATE_UMASK,
        )
        if outcome.returncode:
            raise not_formatted(outcome.stdout + outcome.stderr, self._data)

    def _cluster_id(self) -> str:
        if not self._cluster_file.exists():
            write_private(self._cluster_file, new_cluster_id())
        return self._cluster_file.read_text(encoding="ascii").strip()

    def _answers(self) -> bool:
        """Tell whether the broker of this very state directory serves metadata."""
        port = self._ports.get(NAME)
        if port is None or not accepts(port):
            return False
        return run_apart(_cluster_at(self.bootstrap)) == self._cluster_id()


def format_arguments(java: Path, jars: str, cluster: str, properties: Path) -> Sequence[str]:
    quick = ("-Xmx128m", "-XX:TieredStopAtLevel=1", *LOG_OPTIONS)
    tool = ("kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--ignore-formatted")
    return (str(java), *quick, "-cp", jars, *tool, "--config", str(properties))


def new_cluster_id() -> str:
    """Return a random id in Kafka's spelling; one that begins with a dash reads as an option."""
    while True:
        spelled = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
        if not spelled.startswith("-"):
            return spelled


def accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=PROBE_SECONDS).close()
    except OSError:
        return False
    return True


async def _cluster_at(bootstrap: str) -> str | None:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=PROBE_MILLISECONDS)
    try:
        await client.start()
        return str((await client.describe_cluster())["cluster_id"])
    except (KafkaError, OSError):
        return None
    finally:
        await client.close()


def not_formatted(output: str, data: Path) -> LocalError:
    lines = [line for line in output.splitlines() if line.strip()]
    reason = lines[-1] if lines else ""
    return LocalError(
        f"Kafka 存储目录 {data} 格式化失败：{reason}。",
        f"Kafka could not format {data}: {reason}.",
    )

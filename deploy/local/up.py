"""The whole platform on one machine: database, broker, migrations, people, gateway and worker."""

import base64
import http.client
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import kafka, postgres
from deploy.local.files import locked, read_json, write_json, write_private
from deploy.local.ports import HOST, PortBook, is_free
from deploy.local.processes import Command, ProcessStatus, Service
from deploy.local.report import Report
from deploy.local.settled import FILE, remember_external, settled_external, settled_options
from deploy.local.stack import EXTERNAL, Stack
from deploy.local.wording import LocalError, StartFailed, say

ROOT = Path(__file__).parents[2]
# Where `make bench` writes, for the console to show.
REPORTS = ROOT / "loadtests" / "results"
GATEWAY, WORKER, ROTATION = "gateway", "worker", "log-rotation"
# Services of departments that a scenario has started beside the platform.
DEPARTMENTS = "department-services"
METRICS_PORTS = {
    "gateway-metrics": "SHUYUAN_GATEWAY_METRICS_PORT",
    "worker-metrics": "SHUYUAN_WORKER_METRICS_PORT",
}
USUAL_GATEWAY_PORT = 8000
USUAL_METRICS_PORT = 9464
START_SECONDS = 90.0
GRACE_SECONDS = 15.0
PROBE_SECONDS = 5.0
HEARTBEAT_SECONDS = 5.0
MIGRATION_SECONDS = 300.0
KEY_BYTES = 32
ATTEMPTS = 3
FOR_EVER = "-1"


@dataclass(frozen=True)
class Place:
    """Where the platform lives and what is already there, from the environment."""

    state_dir: Path
    gateway_port: int
    workers: int
    external: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)


def place(environment: Mapping[str, str] = os.environ) -> Place:
    """Read the place from the environment; another checkout has another one by default.

    External servers that the platform was set up with are remembered; LocalError where the
    environment names others.
    """
    state_dir = Path(environment.get("SHUYUAN_LOCAL_DIR") or ROOT / ".local").resolve()
    named = {
        postgres.NAME: environment.get("SHUYUAN_DATABASE_URL", ""),
        kafka.NAME: environment.get("SHUYUAN_KAFKA_BOOTSTRAP", ""),
    }
    external = settled_external(state_dir, named)
    return Place(
        state_dir,
        _number(environment, "SHUYUAN_PORT", USUAL_GATEWAY_PORT),
        _number(environment, "SHUYUAN_WORKERS", os.cpu_count() or 1),
        external,
        settled_options(state_dir, external, environment),
    )


class Platform:
    """The local platform of one state directory."""

    def __init__(self, where: Place, report: Report) -> None:
        self._where = where
        self._root = where.state_dir
        self._report = report
        self._ports = PortBook(self._root / "ports.json")
        self._heartbeat = self._root / "run" / "worker.heartbeat"
        self._environment_file = self._root / "run" / "environment.json"
        self.credentials = self._root / "credentials.json"
        self.stack = Stack(
            self._root,
            progress=report.line,
            usual_ports={postgres.NAME: postgres.USUAL_PORT, kafka.NAME: kafka.USUAL_PORT},
            external=where.external,
        )
        self.gateway = Service(
            GATEWAY, self._root, ready=self._gateway_answers, grace_seconds=GRACE_SECONDS
        )
        self.worker = Service(
            WORKER, self._root, ready=self._worker_beats, grace_seconds=GRACE_SECONDS
        )
        self.rotation = Service(ROTATION, self._root, ready=lambda: True)
        self.departments = Service(DEPARTMENTS, self._root, ready=lambda: True)

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self._ports.get(GATEWAY)}"

    @property
    def page(self) -> str:
        """A page of the gateway to open: at the base URL itself is none."""
        return f"{self.base_url}/docs"

    def up(self) -> None:
        """Start what does not run, each part after those that it needs."""
        with self._alone():
            if self._complete():
                self._report.line(say(f"已在运行：{self.page}", f"running: {self.page}"))
                return
            master_key = self._master_key()
            remember_external(self._root, self._where.external, self._where.options)
            self._start_rotation()
            self._start_stack()
            self._start_platform(master_key)
            self._report.line(say(f"就绪：{self.page}", f"ready: {self.page}"))
            self._tell_retention()

    def down(self) -> None:
        """Stop everything in the reverse order; the data stays."""
        with self._alone():
            self.departments.stop()
            for service in (self.worker, self.gateway):
                with self._report.step(say(f"停止 {service.name}", f"stopping {service.name}")):
                    service.stop()
            with self._report.step(say("停止 Kafka 和 PostgreSQL", "stopping Kafka, PostgreSQL")):
                self.stack.stop()
            self.rotation.stop()

    def status(self) -> list[ProcessStatus]:
        gateway = self.gateway.status(self._ports.get(GATEWAY))
        others = [self.worker.status(None), self.rotation.status(None)]
        if self.departments.running():
            others.append(self.departments.status(self._ports.get(DEPARTMENTS)))
        return [*self.stack.status(), gateway, *others]

    def tell_overview(self) -> None:
        """Say what the platform knows of itself, once it was started here."""
        environment = read_json(self._environment_file)
        if not environment:
            return
        # `down`, and a status of nothing, need no product code.
        from deploy.local.overview import overview  # noqa: PLC0415
        from deploy.local.sentences import sentences  # noqa: PLC0415

        for sentence in sentences(overview(environment)):
            self._report.tell(sentence.text, wrong=sentence.wrong)

    def _complete(self) -> bool:
        states = {line.state for line in self.status()}
        return states <= {"running", EXTERNAL} and self.credentials.exists()

    def _alone(self) -> AbstractContextManager[None]:
        """Wait for another up or down of the same platform, and say so."""
        waiting = say(
            "另一个启动或停止正在进行，等它结束（最多十分钟）",
            "another up or down is under way: waiting for it, ten minutes at most",
        )
        return locked(self._root / "up.lock", waiting=lambda: self._report.line(f"… {waiting}"))

    def _start_rotation(self) -> None:
        logs = str(self._root / "logs")
        command = Command((sys.executable, "-m", "deploy.local.rotation", logs), directory=ROOT)
        self.rotation.start(command, within_seconds=START_SECONDS)

    def _start_platform(self, master_key: Path) -> None:
        for attempt in range(ATTEMPTS):
            environment = self._settle(master_key)
            self._migrate(environment)
            self._seed(environment)
            try:
                self._start_programs(environment)
            except StartFailed:
                # Only a port that a stranger took since it was chosen is worth another try.
                if attempt == ATTEMPTS - 1 or not self._has_lost_a_port():
                    raise
            else:
                return

    def _has_lost_a_port(self) -> bool:
        owners = {GATEWAY: self.gateway, "gateway-metrics": self.gateway}
        owners["worker-metrics"] = self.worker
        ports = [(self._ports.get(name), service) for name, service in owners.items()]
        return any(
            port is not None and not is_free(port) and not service.listens_on(port)
            for port, service in ports
        )

    def _tell_retention(self) -> None:
        """Say how much room is left, where the records of our own broker are never removed."""
        retention = os.environ.get("SHUYUAN_RETENTION_HOURS") or FOR_EVER
        if retention != FOR_EVER or self._where.external.get(kafka.NAME):
            return
        free = shutil.disk_usage(self._root).free / 2**30
        self._report.line(
            say(
                f"记录永久保留（SHUYUAN_RETENTION_HOURS=-1），磁盘尚余 {free:.1f} GiB",
                "records are kept for ever (SHUYUAN_RETENTION_HOURS=-1): "
                f"{free:.1f} GiB of disk are left",
            )
        )

    def _start_stack(self) -> None:
        with self._report.step(say("启动 PostgreSQL 和 Kafka", "starting PostgreSQL and Kafka")):
            self.stack.start()

    def _settle(self, master_key: Path) -> dict[str, str]:
        """Fix ports and addresses; programs that were started with others are stopped."""
        if self.gateway.running() is None:
            self.gateway.stop()
            self._ports.choose(GATEWAY, self._where.gateway_port)
            self._ports.choose("gateway-metrics", USUAL_METRICS_PORT)
        if self.worker.running() is None:
            self.worker.stop()
            self._ports.choose("worker-metrics", USUAL_METRICS_PORT + 1)
        environment = self._environment(master_key)
        if read_json(self._environment_file) != environment:
            self.worker.stop()
            self.gateway.stop()
            write_json(self._environment_file, environment)
        return environment

    def _environment(self, master_key: Path) -> dict[str, str]:
        endpoints = self.stack.endpoints
        return {
            "SHUYUAN_ENVIRONMENT": "development",
            "SHUYUAN_DATABASE_URL": endpoints.database_url,
            "SHUYUAN_KAFKA_BOOTSTRAP": endpoints.kafka_bootstrap,
            "SHUYUAN_REPLICATION_FACTOR": os.environ.get("SHUYUAN_REPLICATION_FACTOR", "1"),
            "SHUYUAN_MIN_INSYNC_REPLICAS": os.environ.get("SHUYUAN_MIN_INSYNC_REPLICAS", "1"),
            "SHUYUAN_BASE_URL": self.base_url,
            "SHUYUAN_MASTER_KEY_FILE": str(master_key),
            "SHUYUAN_HOST": HOST,
            "SHUYUAN_PORT": str(self._ports.get(GATEWAY)),
            "SHUYUAN_WORKERS": str(self._where.workers),
            "SHUYUAN_WORKER_HEARTBEAT_FILE": str(self._heartbeat),
            "SHUYUAN_BLOBS_DIR": str(self._root / "blobs"),
            "SHUYUAN_REPORTS_DIR": str(REPORTS),
            "SHUYUAN_OUTBOUND_LOOPBACK": "true",
            **{setting: str(self._ports.get(name)) for name, setting in METRICS_PORTS.items()},
            **self._where.options,
        }

    def _master_key(self) -> Path:
        """Return the master key's file; a new one only where nothing was sealed with another."""
        path = self._root / "master.key"
        if not path.exists():
            if self.credentials.exists() or (self._root / FILE).exists():
                raise _lost_master_key(path)
            write_private(path, base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode())
        return path

    def _migrate(self, environment: Mapping[str, str]) -> None:
        log = self._root / "logs" / "migrations.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with self._report.step(say("迁移数据库结构", "migrating the database")):
            outcome = subprocess.run(
                (sys.executable, "-m", "deploy.migrations", "upgrade"),
                capture_output=True,
                text=True,
                timeout=MIGRATION_SECONDS,
                check=False,
                cwd=ROOT,
                env={**os.environ, **environment},
            )
            log.write_text(outcome.stdout + outcome.stderr, encoding="utf-8")
            if outcome.returncode:
                raise _not_migrated(outcome.stderr, log)

    def _seed(self, environment: Mapping[str, str]) -> None:
        from deploy.local import seed  # noqa: PLC0415 -- down and status need no product code

        with self._report.step(say("准备本地人员", "seeding the local people")):
            seed.seed(environment, self.credentials)

    def _start_programs(self, environment: Mapping[str, str]) -> None:
        gateway = _program(environment, "gateway", "serve")
        worker = _program(environment, "exchange", "worker")
        if self.worker.running() is None:
            self._heartbeat.unlink(missing_ok=True)
        with (
            self._report.step(say("启动网关和后台进程", "starting gateway and worker")),
            ThreadPoolExecutor(2) as pool,
        ):
            started = [
                pool.submit(self.gateway.start, gateway, within_seconds=START_SECONDS),
                pool.submit(self.worker.start, worker, within_seconds=START_SECONDS),
            ]
            for each in started:
                each.result()

    def _gateway_answers(self) -> bool:
        """Tell whether our own gateway, and no stranger on its port, is ready."""
        port = self._ports.get(GATEWAY)
        return port is not None and self.gateway.listens_on(port) and _is_ready(port)

    def _worker_beats(self) -> bool:
        try:
            return time.time() - self._heartbeat.stat().st_mtime < HEARTBEAT_SECONDS
        except FileNotFoundError:
            return False


def _program(environment: Mapping[str, str], *module: str) -> Command:
    unbuffered = {**environment, "PYTHONUNBUFFERED": "1"}
    return Command((sys.executable, "-m", *module), unbuffered, ROOT)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _number(environment: Mapping[str, str], name: str, usual: int) -> int:
    text = environment.get(name) or str(usual)
    if not text.isdecimal():
        raise LocalError(f"{name} 应为整数，现为 {text}。", f"{name} must be a number, not {text}.")
    return int(text)


def _lost_master_key(path: Path) -> LocalError:
    return LocalError(
        f"主密钥 {path} 不见了，而数据库中的密钥和游标由它保护：请从备份恢复该文件；"
        "若数据可以舍弃，执行 make clean 后重新开始。",
        f"The master key {path} is gone, and what the database holds is sealed with it: restore "
        "the file from a backup, or `make clean` if the data may go.",
    )


def _not_migrated(output: str, log: Path) -> LocalError:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    reason = lines[-1] if lines else ""
    return LocalError(
        f"数据库结构迁移失败：{reason}（详见 {log}；外部数据库请检查其地址）。",
        f"Migration failed: {reason} (see {log}; for an external database check its URL).",
    )

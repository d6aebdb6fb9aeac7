"""The local stack with real processes: idempotent, durable, tidy, and careful with strangers."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local import artifacts, java
from deploy.local.apart import run_apart
from deploy.local.files import read_json, write_json
from deploy.local.ports import HOST, is_free
from deploy.local.processes import Command, Service, start_mark
from deploy.local.stack import Endpoints, Stack
from deploy.local.wording import LocalError, StartFailed

ROOT = Path(__file__).parents[3]
TOPIC = "letters"
SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
FORKING = """\
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
time.sleep(600)
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def database_only(tmp_path: Path) -> Iterator[Stack]:
    taken = _free_port()
    part = Stack(tmp_path, usual_ports={"postgres": taken}, external={"kafka": f"{HOST}:1"})
    yield part
    part.stop()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service("sleeper", tmp_path, ready=lambda: True)
    yield made
    made.stop()


def test_starting_twice_leaves_the_running_processes_alone(stack: Stack) -> None:
    pids, endpoints = _pids(stack), stack.endpoints
    assert stack.start() == endpoints
    assert _pids(stack) == pids


def test_what_was_written_survives_stop_and_kill(stack: Stack) -> None:
    run_apart(_write(stack.endpoints))
    pids = _pids(stack)
    stack.stop()
    assert [line.state for line in stack.status()] == ["stopped", "stopped"]
    assert not any(map(psutil.pid_exists, pids))

    assert run_apart(_read(stack.start())) == ("甲", "乙".encode())
    stack.kill("kafka", signal.SIGKILL)
    stack.kill("postgres", signal.SIGKILL)
    assert [line.state for line in stack.status()] == ["dead", "dead"]
    assert run_apart(_read(stack.start())) == ("甲", "乙".encode())


def test_a_fresh_database_is_durable_reads_chinese_and_its_owner_is_no_superuser(
    database_only: Stack,
) -> None:
    url = database_only.start().database_url
    assert run_apart(_value(url, "SHOW fsync")) == "on"
    assert str(run_apart(_value(url, "SHOW server_version"))).startswith("18.")
    assert run_apart(_value(url, "SELECT rolsuper FROM pg_roles WHERE rolname = user")) is False
    run_apart(_value(url, "CREATE EXTENSION pg_trgm"))
    assert run_apart(_value(url, "SELECT similarity('政务数据共享', '数据共享') > 0.3")) is True


def test_a_taken_port_is_replaced_by_one_that_is_then_kept(database_only: Stack) -> None:
    usual = database_only.postgres._usual_port
    with socket.create_server((HOST, usual)):
        other = _port(database_only.start())
        assert other != usual
        database_only.stop()
    assert is_free(usual)
    assert _port(database_only.start()) == other


def test_lost_secrets_get_the_database_new_passwords(database_only: Stack, tmp_path: Path) -> None:
    """Without the file the server was "not ready after 60 s" for ever."""
    run_apart(_value(database_only.start().database_url, "CREATE TABLE kept (id int)"))
    database_only.stop()
    (tmp_path / "postgres.secrets").unlink()
    url = database_only.start().database_url
    assert run_apart(_value(url, "SELECT count(*) FROM kept")) == 0


def test_a_killed_initdb_leaves_no_half_cluster(database_only: Stack, tmp_path: Path) -> None:
    draft = tmp_path / "postgres" / "data.draft"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n", encoding="ascii")
    assert run_apart(_value(database_only.start().database_url, "SELECT 1")) == 1


def test_what_a_killed_setup_of_an_older_release_left_is_told(
    database_only: Stack, tmp_path: Path
) -> None:
    """The server ended at once, and nothing said what to do."""
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("18\n", encoding="ascii")
    with pytest.raises(LocalError, match="remove it if no data is in it"):
        database_only.start()
    assert (data / "PG_VERSION").exists()


def test_passwords_of_another_cluster_are_told_and_renewed_when_they_are_gone(
    database_only: Stack, tmp_path: Path
) -> None:
    """It was "not ready after 60 s"."""
    database_only.start()
    database_only.stop()
    write_json(tmp_path / "postgres.secrets", {"postgres": "another", "shuyuan": "other"})
    with pytest.raises(LocalError, match="new passwords are set"):
        database_only.start()
    (tmp_path / "postgres.secrets").unlink()
    assert run_apart(_value(database_only.start().database_url, "SELECT 1")) == 1


def test_a_cluster_of_another_major_version_is_left_alone(
    database_only: Stack, tmp_path: Path
) -> None:
    version = tmp_path / "postgres" / "data" / "PG_VERSION"
    version.parent.mkdir(parents=True)
    version.write_text("17\n", encoding="ascii")
    with pytest.raises(LocalError, match="PostgreSQL 17"):
        database_only.start()
    assert version.read_text(encoding="ascii") == "17\n"


def test_nobody_else_may_read_records_and_logs_on_the_disk(stack: Stack) -> None:
    root = stack.kafka._home.parent
    for folder in (root / "kafka", root / "postgres", root / "logs"):
        assert folder.stat().st_mode & 0o077 == 0, folder
    for file in (root / "kafka" / "data").rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, file


def test_a_pid_that_became_someone_elses_is_not_touched(service: Service, tmp_path: Path) -> None:
    pid_file = tmp_path / "run" / "sleeper.json"
    with subprocess.Popen(SLEEP, start_new_session=True) as stranger:
        write_json(
            pid_file,
            {"pid": stranger.pid, "mark": "another boot:1", "run": "gone", "started_at": 0.0},
        )
        assert service.running() is None
        assert service.status(None).state == "dead"
        service.kill(signal.SIGKILL)
        service.stop()
        assert stranger.poll() is None
        assert not pid_file.exists()
        stranger.kill()


def test_stopping_reaches_what_a_killed_parent_left_behind(service: Service) -> None:
    service.start(Command((sys.executable, "-c", FORKING)), within_seconds=10)
    record = service.running()
    assert record is not None
    child = _first_child(record.pid)
    service.kill(signal.SIGKILL)
    assert start_mark(child) is not None
    service.stop()
    assert start_mark(child) is None


def test_a_frozen_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    service = Service("deaf", tmp_path, ready=lambda: True, grace_seconds=0.2)
    service.start(Command((sys.executable, "-c", deaf)), within_seconds=10)
    record = service.running()
    assert record is not None
    service.kill(signal.SIGSTOP)
    service.stop()
    assert start_mark(record.pid) is None


def test_a_process_that_ends_at_once_is_explained_by_its_last_line(service: Service) -> None:
    service._ready = lambda: False
    loud = Command((sys.executable, "-c", "raise SystemExit('磁盘坏了')"))
    with pytest.raises(StartFailed, match="磁盘坏了"):
        service.start(loud, within_seconds=10)


def test_without_java_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(LocalError) as failure:
        java.find_java()
    assert "请安装 JDK" in failure.value.chinese
    assert "install a JDK" in failure.value.english


def test_without_network_one_sentence_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHUYUAN_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("SHUYUAN_MAVEN_URL", f"http://{HOST}:{_free_port()}")
    with pytest.raises(LocalError, match="SHUYUAN_MAVEN_URL"):
        artifacts.resolve("broker", print)
    assert not list((tmp_path / "jars").rglob("*.jar"))


def test_a_damaged_jar_of_the_cache_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHUYUAN_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("SHUYUAN_MAVEN_URL", f"http://{HOST}:{_free_port()}")
    jar = artifacts.locked_jars("broker")[0]
    (tmp_path / "jars" / jar.path).parent.mkdir(parents=True)
    (tmp_path / "jars" / jar.path).write_bytes(b"not what was locked")
    monkeypatch.setattr(artifacts, "locked_jars", lambda _bundle: [jar])
    with pytest.raises(LocalError, match=jar.coordinate):
        artifacts.resolve("broker", print)


def test_status_of_nothing_answers_three(tmp_path: Path) -> None:
    outcome = subprocess.run(
        (sys.executable, "-m", "deploy.local", "status"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={**os.environ, "SHUYUAN_LOCAL_DIR": str(tmp_path), "SHUYUAN_LANG": "en"},
    )
    assert outcome.returncode == 3
    assert outcome.stdout.count("stopped") == 5
    assert read_json(tmp_path / "ports.json") == {}


def _pids(stack: Stack) -> list[int]:
    return [line.pid for line in stack.status() if line.pid is not None]


def _port(endpoints: Endpoints) -> int | None:
    return urlsplit(endpoints.database_url).port


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _first_child(pid: int) -> int:
    deadline = time.monotonic() + 10
    while not (children := psutil.Process(pid).children()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return children[0].pid


async def _value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def _write(endpoints: Endpoints) -> None:
    await _value(endpoints.database_url, "CREATE TABLE letters AS SELECT '甲' AS letter")
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=endpoints.kafka_bootstrap, acks="all")
    await producer.start()
    await producer.send_and_wait(TOPIC, "乙".encode())
    await producer.stop()


async def _read(endpoints: Endpoints) -> tuple[object, bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=endpoints.kafka_bootstrap)
    await consumer.start()
    partition = TopicPartition(TOPIC, 0)
    consumer.assign([partition])
    await consumer.seek_to_beginning(partition)
    record = await consumer.getone()
    await consumer.stop()
    return await _value(endpoints.database_url, "SELECT letter FROM letters"), record.value

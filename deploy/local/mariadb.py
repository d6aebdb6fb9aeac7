"""A department's MariaDB, where the machine has one (`apt-get install mariadb-server`)."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deploy.local.ports import any_free
from shuyuan_client.agent.config import DatabaseSettings
from shuyuan_client.agent.databases import Database, DatabaseGone, connect

SERVER, INSTALLER = "mariadbd", "mariadb-install-db"
READY_SECONDS = 120.0
NEEDED = "needs a MariaDB and its driver: apt-get install mariadb-server; pip install pymysql"
USER, PASSWORD, DATABASE = "agent", "agent", "business"
FIRST = f"""\
CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4;
CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON {DATABASE}.* TO '{USER}'@'127.0.0.1';
"""


def is_there() -> bool:
    return all(map(shutil.which, (SERVER, INSTALLER))) and bool(importlib.util.find_spec("pymysql"))


@contextmanager
def running(folder: Path, *, durable: bool = True) -> Iterator[DatabaseSettings]:
    """Run a server in a new folder; yields how an agent connects with it."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    data, password, first = folder / "data", folder / "password", folder / "first.sql"
    password.write_text(PASSWORD)
    first.write_text(FIRST)
    account = pwd.getpwuid(os.getuid()).pw_name
    common = ["--no-defaults", f"--datadir={data}", f"--user={account}"]
    subprocess.run(  # noqa: S603 - ours
        [INSTALLER, *common, "--skip-test-db", "--auth-root-authentication-method=normal"],
        check=True, capture_output=True,
    )  # fmt: skip
    port = any_free()
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603 - ours
            [SERVER, *common, f"--port={port}", "--bind-address=127.0.0.1", f"--init-file={first}",
             f"--socket={folder / 's'}", "--skip-name-resolve", "--innodb-buffer-pool-size=32M",
             f"--innodb-flush-log-at-trx-commit={int(durable)}", "--skip-log-bin"],
            stdout=subprocess.DEVNULL, stderr=log,
        )  # fmt: skip
    settings = DatabaseSettings(
        kind="mysql",
        port=port,
        database=DATABASE,
        user=USER,
        password=f"file:{password}",
        tls="off",
    )
    try:
        _until_ready(settings).close()
        yield settings
    finally:
        server.kill()
        server.wait()


def _until_ready(settings: DatabaseSettings) -> Database:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with suppress(DatabaseGone):
            return connect(settings)
        time.sleep(0.1)
    return connect(settings)

"""The agent's configuration is checked as a whole, and has no secret in it."""

import tomllib
from pathlib import Path

import pytest

from shuyuan_client.agent.config import load, secret
from shuyuan_client.agent.template import TEMPLATE, unit
from shuyuan_client.failures import Failure

WHOLE = """\
name = "a"
[exchange]
base_url = "https://exchange"
client_id = "c"
secret = "env:SECRET"
[database]
kind = "postgresql"
database = "d"
user = "u"
[[pull]]
name = "people"
subscription = "s"
table = "public.people"
key = ["id"]
"""
PUSH = """\
[[push]]
name = "orders"
resource = "r"
table = "orders"
key = ["id"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "agent.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_configuration_is_read(tmp_path: Path) -> None:
    config = load(write(tmp_path, WHOLE + PUSH + 'method = "compare"\n'))
    assert (config.pull[0].deletes, config.push[0].max_deletes) == ("delete", 0.1)


def test_the_template_lacks_only_what_is_to_be_filled_in(tmp_path: Path) -> None:
    assert tomllib.loads(TEMPLATE)["pull"][0]["key"] == ["id"]
    assert load(write(tmp_path, TEMPLATE)).name == "agent"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('secret = "env:SECRET"', 'secret = "hunter2"', "secret"),
        ('secret = "env:SECRET"', "", "secret or private_key"),
        ('kind = "postgresql"', 'kind = "sqlite"', "kind"),
        ('user = "u"', 'user = "u"\npassword_text = "x"', "password_text"),
        ('user = "u"', 'user = "u"\ntime_zone = "Asia/Nowhere"', "time_zone"),
        ('key = ["id"]', "", "key"),
        ('key = ["id"]', 'key = ["id"]\nkey_column = "k"', "key"),
        ('key = ["id"]', 'key = ["id"]\ncolumns = {name = "n"}', "columns"),
        ('key = ["id"]', 'key = ["id"]\ncolumns = {id = "n", b = "n"}', "twice"),
        ('key = ["id"]', 'key = ["id"]\ndeletes = "mark"', "mark_column"),
        ('table = "public.people"', 'table = "a.b.c"', "table"),
        ('name = "people"', 'name = "Leute?"', "name"),
        ('name = "a"', "name = ", "TOML|value"),
        ("[[pull]]", PUSH + 'method = "increment"\n[[pull]]', "increment"),
        ('name = "people"', 'name = "orders"\nstart = "latest"', None),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, told: str | None) -> None:
    path = write(tmp_path, WHOLE.replace(old, new, 1))
    if told is None:
        assert load(path).pull[0].start == "latest"
        return
    with pytest.raises(Failure, match=told):
        load(path)


def test_names_of_jobs_are_of_one_job_each(tmp_path: Path) -> None:
    again = PUSH.replace("orders", "people") + 'method = "compare"\n'
    with pytest.raises(Failure, match="twice"):
        load(write(tmp_path, WHOLE + again))


def test_secrets_come_from_where_they_are_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("SECRET", "from the environment")
    monkeypatch.delenv("ABSENT", raising=False)
    assert secret(f"file:{tmp_path}/secret") == "from a file"
    assert secret("env:SECRET") == "from the environment"
    for absent in ("env:ABSENT", f"file:{tmp_path}/absent"):
        with pytest.raises(Failure):
            secret(absent)


def test_the_unit_runs_this_configuration(tmp_path: Path) -> None:
    told = unit("a", "/usr/bin/shuyuan", tmp_path / "agent.toml")
    assert f"ExecStart=/usr/bin/shuyuan agent run --config {tmp_path}/agent.toml\n" in told
    assert f"EnvironmentFile=-{tmp_path}/agent.env\n" in told

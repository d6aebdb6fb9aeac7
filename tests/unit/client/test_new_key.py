"""`shuyuan new-key`: what it prints verifies what its file signs."""

import json
import stat
from pathlib import Path

import pytest
import typer
from joserfc import jwt
from joserfc.jwk import ECKey

from shuyuan_client.cli.new_key import new_key
from shuyuan_client.grants import with_key


def test_the_printed_key_verifies_what_the_file_signs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "client.key"
    new_key(file)
    [public] = json.loads(capsys.readouterr().out)["keys"]
    form, _ = with_key("client", file.read_bytes(), public["kid"]).form("https://exchange.example")
    token = jwt.decode(form["client_assertion"], ECKey.import_key(public), algorithms=["ES256"])
    assert token.header["kid"] == public["kid"] == ECKey.import_key(public).thumbprint()
    assert "d" not in public
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "client.key"
    file.write_text("precious")
    with pytest.raises(typer.Exit):
        new_key(file)
    assert file.read_text() == "precious"

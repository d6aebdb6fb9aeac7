"""`python -m shuyuan_client`: the command `shuyuan`."""

from shuyuan_client.cli.main import app

app()

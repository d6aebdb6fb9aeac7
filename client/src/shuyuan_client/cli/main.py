"""`shuyuan`: the command line of the exchange."""

from importlib.metadata import entry_points, version
from typing import Annotated

import typer

from shuyuan_client.cli.agent import agent_app
from shuyuan_client.cli.applications import applications
from shuyuan_client.cli.applying import apply
from shuyuan_client.cli.doctor import doctor
from shuyuan_client.cli.finding import search, tasks
from shuyuan_client.cli.helping import in_one_language
from shuyuan_client.cli.new_key import new_key
from shuyuan_client.cli.publish import publish
from shuyuan_client.cli.pull import pull
from shuyuan_client.cli.quarantine import quarantine_app
from shuyuan_client.cli.signing_in import login, logout
from shuyuan_client.cli.token import token
from shuyuan_client.cli.why import why
from shuyuan_client.wording import say

# Where the platform is installed too, its distribution names its own commands here.
COMMANDS = "shuyuan.commands"


def add_installed(app: typer.Typer) -> None:
    """Add the commands, and groups of commands, of other distributions, in order of their names."""
    for entry in sorted(entry_points(group=COMMANDS), key=lambda entry: entry.name):
        command = entry.load()
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=entry.name)
        else:
            app.command(entry.name)(command)


def _tell_version(asked: bool) -> None:  # noqa: FBT001 - as the library calls it
    if asked:
        typer.echo(f"shuyuan-client {version('shuyuan-client')}")
        raise typer.Exit


def main(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=_tell_version,
            help=say("显示版本", "tell the version"),
        ),
    ] = False,
) -> None:
    """数源：政务数据共享交换 / the government data-sharing exchange."""


app = typer.Typer(
    name="shuyuan",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="数源：政务数据共享交换 / the government data-sharing exchange",
)
app.callback()(main)
for each in (
    apply, applications, doctor, login, logout, new_key, publish, pull, search, tasks, token, why,
):  # fmt: skip
    app.command()(each)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(agent_app, name="agent")
add_installed(app)
in_one_language(app)

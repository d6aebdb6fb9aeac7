"""`shuyuan`: the command line of the exchange."""

import typer

from gateway.cli import platform
from gateway.cli.publish import publish
from gateway.cli.pull import pull
from gateway.cli.quarantine import quarantine_app
from gateway.cli.token import token
from gateway.cli.why import why

app = typer.Typer(
    name="shuyuan",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="数源：政务数据共享交换 / the government data-sharing exchange",
)
for command in (
    publish,
    pull,
    token,
    why,
    platform.bootstrap,
    platform.restore_access,
    platform.restored,
    platform.pass_version,
):
    app.command()(command)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(platform.audit_app, name="audit")
app.add_typer(platform.keys_app, name="keys")


if __name__ == "__main__":
    app()

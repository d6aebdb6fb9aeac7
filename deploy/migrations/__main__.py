"""`python -m deploy.migrations upgrade`."""

import typer

from deploy.migrations.run import upgrade as upgrade_database
from kernel.database_access import DatabaseAccess
from kernel.starting import require_database, settings_for
from shuyuan_client.cli.helping import in_one_language
from shuyuan_client.wording import say

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="数据库结构迁移 / database migrations",
)


@app.callback()
def main() -> None:
    """Keep `upgrade` a named command although it is the only one."""


@app.command()
def upgrade() -> None:
    """升级到最新结构 / bring the database to the newest schema."""
    settings = settings_for(DatabaseAccess.of)
    require_database(settings)
    applied = upgrade_database(DatabaseAccess.of(settings))
    if applied:
        chinese = f"已执行 {applied} 项迁移，数据库结构现为最新"
        typer.echo(say(chinese, f"{applied} migrations applied"))
    else:
        chinese = "数据库结构已是最新，无须迁移"
        typer.echo(say(chinese, "the database schema was up to date already"))


in_one_language(app)
app()

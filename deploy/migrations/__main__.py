"""`python -m deploy.migrations upgrade`."""

import typer

from deploy.migrations.run import upgrade as upgrade_database
from kernel.settings import load

app = typer.Typer(add_completion=False, help="数据库结构迁移 / database migrations")


@app.callback()
def main() -> None:
    """Keep `upgrade` a named command although it is the only one."""


@app.command()
def upgrade() -> None:
    """升级到最新结构 / bring the database to the newest schema."""
    upgrade_database(load().database_url)
    typer.echo("数据库结构已是最新 / the database schema is up to date")


app()

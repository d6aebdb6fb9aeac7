"""What the demo keeps between runs: passwords and secrets that are shown only once."""

from pathlib import Path

from deploy.local.files import read_json, write_json, write_private


class Memory:
    """A private folder with the demo's credentials and the profiles for `shuyuan`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "secrets.json"
        self._known: dict[str, str] = read_json(self.file)

    def get(self, name: str) -> str | None:
        return self._known.get(name)

    def keep(self, name: str, secret: str) -> None:
        self._known[name] = secret
        write_json(self.file, self._known)

    def write_profile(self, name: str, **settings: str) -> Path:
        """Write NAME=value lines, which a shell and `--profile` both read."""
        path = self.folder / f"{name}.env"
        lines = [f"{setting}='{value}'" for setting, value in settings.items()]
        write_private(path, "\n".join([*lines, ""]))
        return path

"""`python -m deploy.local up | down | status`."""

import sys


def main() -> None:
    """Run the commands where processes and locks are those of a Unix."""
    if sys.platform == "win32":
        sys.stderr.write(
            "✗ 本机平台需要 Linux 或 macOS；在 Windows 上请使用 WSL2。\n"
            "  The local platform needs Linux or macOS; on Windows use WSL2.\n"
        )
        raise SystemExit(1)
    from deploy.local.cli import app  # noqa: PLC0415 -- its modules do not import on Windows

    app()


if __name__ == "__main__":
    main()

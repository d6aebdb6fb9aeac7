"""`python -m deploy.region`: the named systems of the policy documents, as a region at work."""

import argparse
import sys
from collections.abc import Sequence

from deploy.region import checking
from deploy.region.region import Region
from shuyuan_client.failures import Failure
from shuyuan_client.wording import say


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 when everything came out as it should."""
    parser = argparse.ArgumentParser(prog="deploy.region", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="只检查数据文件 / check the files only"
    )
    parser.parse_args(arguments)
    try:
        region = checking.region()
    except Failure as failure:
        sys.stderr.write(f"✗ {failure}\n")
        return failure.exit_code
    sys.stdout.write(f"✓ {_size(region)}\n")
    return 0


def _size(region: Region) -> str:
    systems, resources, pairs = len(region.files.systems), len(region.resources), len(region.pairs)
    return say(
        f"{systems} 个系统，{resources} 个资源，{pairs} 项使用",
        f"{systems} systems, {resources} resources, {pairs} uses",
    )


if __name__ == "__main__":
    sys.exit(main())

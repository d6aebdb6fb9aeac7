"""`python -m deploy.region`: the named systems of the policy documents, as a region at work."""

import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.arguments import Parser
from deploy.demo.narrator import Narrator
from deploy.local import up
from deploy.local.files import locked, read_json
from deploy.local.report import Report
from deploy.local.wording import LocalError
from deploy.region import checking, proof, serving
from deploy.region.building import story
from deploy.region.building.stage import Notes, Site
from deploy.region.region import Region
from shuyuan_client.failures import EXIT_INTERRUPTED, Failure
from shuyuan_client.wording import say


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 when everything came out as it should."""
    parser = Parser(
        "python -m deploy.region",
        "建立政策文件点名的全部系统 / the named systems of the policy documents",
    )
    parser.add_argument(
        "--check", action="store_true", help="只检查数据文件 / check the files only"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="GROUP|SYSTEM",
        help="只建这些类别或系统，及其所用的资源 / these groups or systems, with what they use",
    )  # fmt: skip
    parser.add_argument(
        "--proof", type=Path, metavar="FILE",
        help="把证明写入文件，不建任何内容 / write the proof of the last run",
    )  # fmt: skip
    chosen = parser.parse_args(arguments)
    try:
        whole = region = checking.region()
        if chosen.only:
            region = region.only(chosen.only)
        if chosen.proof is not None:
            notes = Notes(up.place().state_dir / "region" / "notes.json")
            chosen.proof.write_text(proof.page(region, notes), encoding="utf-8")
        elif not chosen.check:
            _build(whole, region)
    except LocalError as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    except Failure as failure:
        sys.stderr.write(f"✗ {failure}\n")
        return failure.exit_code
    except KeyboardInterrupt:
        sys.stderr.write(
            "已中断；重复 make region 即从中断处继续。/ Repeat make region to go on.\n"
        )
        return EXIT_INTERRUPTED
    sys.stdout.write(f"✓ {_size(region)}\n")
    return 0


def _build(whole: Region, region: Region) -> None:
    where = up.place()
    local = up.Platform(where, Report())
    local.up()
    folder = where.state_dir / "region"
    with locked(folder / "lock"):
        narrator = Narrator()
        narrator.title("数源区域场景", "Shuyuan: the region of the policy documents")
        environment = read_json(where.state_dir / "run" / "environment.json")
        services = serving.standing(where, whole)
        site = Site(local.base_url, read_json(local.credentials), environment, folder, services)
        story.build(site, region, narrator)


def _size(region: Region) -> str:
    systems, resources, pairs = len(region.files.systems), len(region.resources), len(region.pairs)
    return say(
        f"{systems} 个系统，{resources} 个资源，{pairs} 项使用",
        f"{systems} systems, {resources} resources, {pairs} uses",
    )


if __name__ == "__main__":
    sys.exit(main())

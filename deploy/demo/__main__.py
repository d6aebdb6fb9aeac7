"""`python -m deploy.demo`: start the platform, play the story, leave the platform running."""

import sys

from deploy.arguments import Parser
from deploy.demo import story
from deploy.demo.narrator import Narrator
from deploy.demo.stage import Platform
from deploy.local import up
from deploy.local.files import locked, read_json
from deploy.local.report import Report
from deploy.local.wording import LocalError
from shuyuan_client.failures import EXIT_INTERRUPTED, Failure


def main() -> int:
    """Return the exit code: 0 when everything was proved."""
    try:
        where = up.place()
        local = up.Platform(where, Report())
        local.up()
        platform = Platform(
            local.base_url,
            local.credentials,
            read_json(where.state_dir / "run" / "environment.json"),
            where.state_dir / "demo",
        )
        with locked(platform.folder / "lock"):
            story.tell(platform, Narrator())
    except LocalError as error:
        return _say(f"{error.chinese}\n  {error.english}")
    except Failure as failure:
        return _say(str(failure))
    except KeyboardInterrupt:
        _say("已中断；平台仍在运行，重复 make demo 即可。/ Interrupted: repeat make demo.")
        return EXIT_INTERRUPTED
    return 0


def _say(sentence: str) -> int:
    sys.stderr.write(f"✗ {sentence}\n")
    return 1


if __name__ == "__main__":
    Parser(
        "python -m deploy.demo", "启动平台并演示一个完整的共享故事 / play a whole story"
    ).parse_args()
    sys.exit(main())

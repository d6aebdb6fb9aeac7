"""Clients that others' generators make of the platform's OpenAPI compile: Java and TypeScript.

So do the programs in Java that the console shows at a subscription.

`make clients` needs a JDK (`javac`) and npm; what one lacks is said and left out, and the exit code
is 3 then. After `make demo` both pull from the running platform. Takes a minute or two.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from catalog.contracts.model import Contract, DataType, Field
from deploy.local import artifacts
from deploy.local.java import find_java
from gateway.app import create
from gateway.console import samples
from kernel.settings import Settings

ROOT: Final = Path(__file__).parents[2]
PLACE: Final = ROOT / ".local" / "clients"
DOCUMENT: Final = "openapi.json"
FAILED, LEFT_OUT = 1, 3
SECONDS: Final = 900
ONLY: Final = (
    "apis,models,supportingFiles,apiTests=false,modelTests=false,apiDocs=false,modelDocs=false"
)
TYPESCRIPT: Final = ("openapi-typescript@7.13.0", "typescript@5.9.3")
TSC: Final = (
    *("npx", "tsc", "--strict", "--target", "es2022", "--lib", "es2022,dom"),
    *("--module", "nodenext", "--moduleResolution", "nodenext", "pull.ts"),
)
# What a department's developer writes first: the paths and fields must be there under their names.
PROGRAM: Final = Path(__file__).with_name("pull.ts")
JAVA_PROGRAM: Final = Path(__file__).with_name("Pull.java")
CLASSES: Final = PLACE / "classes"
ITEMS: Final = ("id", "amount")
CONTRACT: Final = Contract(
    resource_id="r",
    version=1,
    title="资源",
    fields=tuple(
        Field(name=name, label=name, data_type=data_type, required=True, key=name == "id")
        for name, data_type in zip(ITEMS, (DataType.STRING, DataType.INTEGER), strict=True)
    ),
)
PROFILE: Final = ROOT / ".local" / "demo" / "consumer.env"


def main() -> int:
    """Return 0 where all is well, 1 where something is not, 3 where a tool or platform lacks."""
    PLACE.mkdir(parents=True, exist_ok=True)
    told = json.dumps(create(Settings()).openapi(), ensure_ascii=False)
    (PLACE / DOCUMENT).write_text(told, encoding="utf-8")
    code = 0
    for name, tool, install, compiles, pulling in (
        ("Java", "javac", "apt-get install default-jdk-headless", java, by_java),
        ("TypeScript", "npm", "apt-get install npm", typescript, by_typescript),
    ):
        if shutil.which(tool) is None:
            say(f"- {name}: 缺少 {tool}，未检查 / {tool} is missing: {install}")
            code = code or LEFT_OUT
        elif name == "Java" and not samples_compile():
            say("✗ Java: 控制台给出的示例不能编译 / the console's samples do not compile")
            code = FAILED
        elif not compiles():
            say(f"✗ {name}: 生成的客户端不能编译 / the generated client does not compile")
            code = FAILED
        else:
            say(f"✓ {name}: 生成的客户端可编译 / the generated client compiles")
            code = _pull(name, pulling) or code
    return code


def _pull(name: str, pulling: Callable[[], Sequence[str]]) -> int:
    if not PROFILE.exists():
        say(f"- {name}: 没有可提取的平台，请先 make demo / no platform to pull from: make demo")
        return LEFT_OUT
    if not pulls(pulling(), PROFILE):
        say(f"✗ {name}: 未能从平台提取 / nothing was pulled from the platform")
        return FAILED
    say(f"✓ {name}: 已从平台提取 / records were pulled from the platform")
    return 0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def samples_compile() -> bool:
    """Compile what the console shows for every mode that it has Java for."""
    made = PLACE / "samples"
    made.mkdir(exist_ok=True)
    source = made / "Grant.java"
    for mode in ("pull", "query", "verify"):
        granted = samples.Granted("http://127.0.0.1:8000", "client", "id", mode, ITEMS, frozenset())
        told = {each.language: each.text for each in samples.of(granted, CONTRACT)}
        source.write_text(told["Java"], encoding="utf-8")
        if not _ran(["javac", "-Xlint:all", "-Werror", "-encoding", "UTF-8", str(source)]):
            return False
    return True


def java() -> bool:
    """Generate the client of openapi-generator's library `native`; compile it and a program."""
    made = PLACE / "java"
    shutil.rmtree(made, ignore_errors=True)
    (generator,) = artifacts.resolve("openapi-generator", say)
    generate = [
        str(find_java()), "-Xmx1g", "-jar", str(generator), "generate", "-i", DOCUMENT,
        "-g", "java", "--library", "native", "-o", str(made), f"--global-property={ONLY}",
    ]  # fmt: skip
    if not _ran(generate, quiet=True):
        return False
    sources = sorted(map(str, (made / "src" / "main").rglob("*.java")))
    options = ["-proc:none", "-nowarn", "-encoding", "UTF-8", "-d", str(CLASSES)]
    return _ran(["javac", *options, "-cp", _class_path(), *sources, str(JAVA_PROGRAM)])


def _class_path() -> str:
    libraries = map(str, artifacts.resolve("java-client", say))
    return os.pathsep.join((str(CLASSES), *libraries))


def by_java() -> Sequence[str]:
    """Return the command that pulls by the classes of Java."""
    return str(find_java()), "-Dfile.encoding=UTF-8", "-cp", _class_path(), JAVA_PROGRAM.stem


def typescript() -> bool:
    """Generate the types of openapi-typescript, and compile a program that uses them."""
    shutil.copy(PROGRAM, PLACE)
    steps: Sequence[Callable[[], bool]] = (
        lambda: _ran(["npm", "install", "--silent", "--no-save", "--no-audit", *TYPESCRIPT]),
        lambda: _ran(["npx", "openapi-typescript", DOCUMENT, "-o", "api.d.ts"], quiet=True),
        lambda: _ran(TSC),
    )
    return all(step() for step in steps)


def by_typescript() -> Sequence[str]:
    """Return the command that pulls by the types of TypeScript."""
    return "node", PROGRAM.with_suffix(".js").name


def pulls(program: Sequence[str], profile: Path) -> bool:
    """Let a program pull all that the consumer of a profile may, and count it."""
    words = shlex.split(profile.read_text(encoding="utf-8"), comments=True)
    known = dict(word.split("=", 1) for word in words)
    done = subprocess.run(
        program,
        cwd=PLACE,
        env={**os.environ, **known},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        say(done.stderr[-4000:])
        return False
    found = json.loads(done.stdout)
    for each in found:
        say(f"  {each['id']}: {each['records']} 条 / records, {each['pages']} 页 / pages")
    return any(each["records"] for each in found)


def _ran(command: Sequence[str], *, quiet: bool = False) -> bool:
    """Whether a command succeeds; what a failed one has said is shown."""
    output = subprocess.PIPE if quiet else None
    done = subprocess.run(
        command, cwd=PLACE, stdout=output, stderr=output, text=True, timeout=SECONDS, check=False
    )
    if done.returncode and quiet:
        say((done.stdout or "")[-4000:] + (done.stderr or "")[-4000:])
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())

"""Jars of Kafka and of a test's S3 store, locked by SHA-256, in a cache of all checkouts."""

import hashlib
import os
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import requests
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext

from deploy.local.files import locked
from deploy.local.wording import LocalError, say
from kernel.caches import cache_dir

Bundle = Literal["broker", "tools", "s3proxy", "openapi-generator", "java-client"]

# slf4j-simple and never a log4j artifact: log4j as a root brings a BOM that pins an old client.
ENDPOINTS: Mapping[Bundle, tuple[str, ...]] = {
    "broker": ("org.apache.kafka:kafka_2.13:4.3.0", "org.slf4j:slf4j-simple:1.7.36"),
    "tools": ("org.apache.kafka:kafka-tools:4.3.0", "org.slf4j:slf4j-simple:1.7.36"),
    "s3proxy": ("org.gaul:s3proxy:3.0.0:jar-with-dependencies",),
    "openapi-generator": ("org.openapitools:openapi-generator-cli:7.17.0",),
    # What its Java client is compiled with.
    "java-client": (
        "com.fasterxml.jackson.datatype:jackson-datatype-jsr310:2.19.2",
        "com.google.code.findbugs:jsr305:3.0.2",
        "jakarta.annotation:jakarta.annotation-api:1.3.5",
        "org.apache.httpcomponents:httpmime:4.5.14",
        "org.openapitools:jackson-databind-nullable:0.2.8",
    ),
}
# Jars that hold all that they depend on.
WHOLE: frozenset[Bundle] = frozenset({"s3proxy", "openapi-generator"})
LOCK_FILE = Path(__file__).with_name("kafka.lock")
LOCK_HEADER = (
    "# Jars of Kafka, its tools, an S3 store and generated clients. Remade by "
    "`python -m deploy.local lock`.\n"
)
DOWNLOADS_AT_ONCE = 8
TRIES = 3
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Jar:
    """One locked jar: group, artifact, version, classifier, and what its bytes must hash to."""

    coordinate: str
    sha256: str

    @property
    def path(self) -> Path:
        group, artifact, *names = self.coordinate.split(":")
        return Path(*group.split("."), artifact, names[0], "-".join((artifact, *names)) + ".jar")


def class_path(bundle: Bundle, progress: Callable[[str], None]) -> str:
    """Return the Java class path of a bundle, resolved."""
    return os.pathsep.join(str(path) for path in resolve(bundle, progress))


def resolve(bundle: Bundle, progress: Callable[[str], None]) -> list[Path]:
    """Return the verified jars of a bundle, downloading those that the cache lacks."""
    root, jars = cache_dir() / "jars", locked_jars(bundle)
    with locked(cache_dir() / "jars.lock", waiting=lambda: progress(_others_fetch())):
        missing = [jar for jar in jars if not _intact(root / jar.path, jar)]
        if missing:
            _fetch_all(missing, root, progress)
    return [root / jar.path for jar in jars]


def locked_jars(bundle: Bundle) -> list[Jar]:
    entries = tomllib.loads(LOCK_FILE.read_text(encoding="utf-8"))[bundle]
    return [Jar(coordinate, sha256) for coordinate, sha256 in entries.items()]


def write_lock() -> None:
    """Resolve every bundle anew and write down what was found."""
    with tempfile.TemporaryDirectory() as scratch:
        context = _context(Path(scratch))
        sections = [_lock_section(bundle, context) for bundle in ENDPOINTS]
    LOCK_FILE.write_text(LOCK_HEADER + "".join(sections), encoding="utf-8")


def _lock_section(bundle: Bundle, context: Any) -> str:  # noqa: ANN401 -- jgo has no types
    whole = ENDPOINTS[bundle] if bundle in WHOLE else ()
    roots = [context.create_dependency(name) for name in ENDPOINTS[bundle] if name not in whole]
    named, transitive = context.resolver.resolve(roots) if roots else ([], [])
    found = {
        f"{jar.groupId}:{jar.artifactId}:{jar.version}": jar.artifact.resolve()
        for jar in [*named, *transitive]
    }
    found |= {name: _artifact(context, name).resolve() for name in whole}
    lines = sorted(f'"{name}" = "{_sha256(path)}"\n' for name, path in found.items())
    return f"\n[{bundle}]\n" + "".join(lines)


def _classifier(coordinate: str) -> str:
    """Return what is behind the version, as of a jar that is built in several ways."""
    return ":".join(coordinate.split(":")[3:])


def _artifact(context: Any, coordinate: str) -> Any:  # noqa: ANN401 -- jgo has no types
    group, artifact, version = coordinate.split(":")[:3]
    component = context.project(group, artifact).at_version(version)
    return component.artifact(_classifier(coordinate))


def _fetch_all(missing: list[Jar], root: Path, progress: Callable[[str], None]) -> None:
    progress(say(f"下载 {len(missing)} 个 Java 组件", f"fetching {len(missing)} jars"))
    root.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=root.parent) as scratch,
        ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool,
    ):
        fetched = pool.map(lambda jar: _fetch(jar, Path(scratch), root), missing)
        _count(fetched, len(missing), progress)


def _others_fetch() -> str:
    return say(
        "Kafka：另一个进程正在下载组件，等它结束",
        "Kafka: another process fetches the jars, waiting for it",
    )


def _count(fetched: Iterable[None], total: int, progress: Callable[[str], None]) -> None:
    for done, _ in enumerate(fetched, start=1):
        if done % 10 == 0 or done == total:
            progress(say(f"Kafka：已下载 {done}/{total}", f"Kafka: fetched {done}/{total}"))


def _fetch(jar: Jar, scratch: Path, root: Path) -> None:
    """Download aside, check, and only then move into the shared cache."""
    failure: Exception | None = None
    for attempt in range(TRIES):
        try:
            found = _download(jar, scratch / str(attempt))
        except (requests.RequestException, RuntimeError, AssertionError) as error:
            failure = error
            continue
        if not _intact(found, jar):
            failure = _tampered(jar)
            continue
        (root / jar.path).parent.mkdir(parents=True, exist_ok=True)
        found.replace(root / jar.path)
        return
    raise failure if isinstance(failure, LocalError) else _unreachable(jar) from failure


def _download(jar: Jar, scratch: Path) -> Path:
    return Path(_artifact(_context(scratch), jar.coordinate).resolve())


def _context(cache: Path) -> Any:  # noqa: ANN401 -- jgo has no types
    mirror = os.environ.get("SHUYUAN_MAVEN_URL", MAVEN_CENTRAL_URL).rstrip("/")
    context = MavenContext(repo_cache=cache, remote_repos={"central": mirror})
    context.timeout = TIMEOUT_SECONDS
    return context


def _intact(path: Path, jar: Jar) -> bool:
    return path.is_file() and _sha256(path) == jar.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _unreachable(jar: Jar) -> LocalError:
    return LocalError(
        f"下载 Kafka 组件 {jar.coordinate} 失败：请检查网络或代理，"
        "或用 SHUYUAN_MAVEN_URL 指定可用的 Maven 镜像后重试（已下载的会保留）。",
        f"Cannot download {jar.coordinate}: check the network or proxy, or name a reachable Maven "
        "mirror in SHUYUAN_MAVEN_URL, then retry (what was fetched is kept).",
    )


def _tampered(jar: Jar) -> LocalError:
    return LocalError(
        f"下载的 {jar.coordinate} 与锁定的 SHA-256 不符，已拒用：请换一个镜像后重试。",
        f"The download of {jar.coordinate} does not match its locked SHA-256 and was refused: "
        "use another mirror.",
    )

"""Three real brokers for tests of what one broker cannot show: elections, copies, TLS, SASL."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.cluster import Cluster, Secured
from tests.support.certificates import Authority

USERNAME, PASSWORD = "shuyuan", "a-password-of-the-test"


@dataclass(frozen=True)
class Brokers:
    """The cluster, and what a client needs for its secured listener."""

    cluster: Cluster
    authority: Authority
    username: str = USERNAME
    password: str = PASSWORD


@contextmanager
def three_brokers(root: Path) -> Iterator[Brokers]:
    authority = Authority(root / "certificates")
    secured = Secured(authority.keystore("broker"), authority.file, USERNAME, PASSWORD)
    with Cluster(root / "cluster", secured=secured) as cluster:
        yield Brokers(cluster, authority)

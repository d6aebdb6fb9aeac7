"""Receivers of what is pushed during the day, and the proof that all of it came."""

import time
from collections import Counter
from dataclasses import dataclass

from deploy.region.building.crowd import Crowd
from deploy.region.building.doors import Doors, Receiver
from deploy.region.building.registry import allow_own_machine
from deploy.region.region import Pair
from loadtests.region.users import Region
from shuyuan_client.failures import Failure
from shuyuan_client.webhooks import WebhookVerifier

ARRIVAL_SECONDS, PAUSE_SECONDS = 90.0, 0.3


@dataclass(frozen=True, slots=True)
class Receiving:
    """Each use by push has a receiver while it is open."""

    region: Region
    doors: Doors
    pairs: list[Pair]

    def open(self, crowd: Crowd) -> None:
        """Put each endpoint here, have it tested, and let what had waited come first."""
        departments = {pair.department.uscc: pair.department for pair in self.pairs}
        crowd.each(departments.values(), lambda it: allow_own_machine(self.region.stage, it))
        crowd.each(self.pairs, self._open)
        for pair in self.pairs:
            self._settled(pair)

    def close(self, crowd: Crowd) -> None:
        """Leave every endpoint paused: nobody listens any more, and nothing is lost."""
        crowd.each(self.pairs, self._close)

    def arrived(self, published: dict[str, Counter[str]]) -> list[str]:
        """Return what is missing of what was acknowledged, once there was time for all to come."""
        until, missing = time.monotonic() + ARRIVAL_SECONDS, ["?"]
        while missing and time.monotonic() < until:
            missing = [told for pair in self.pairs if (told := self._missing(pair, published))]
            time.sleep(PAUSE_SECONDS)
        return missing

    def taken(self) -> int:
        return sum(self._receiver(pair).taken for pair in self.pairs)

    def _path(self, pair: Pair) -> str:
        return f"/v1/subscriptions/{self.region.subscription(pair)}/endpoint"

    def _receiver(self, pair: Pair) -> Receiver:
        return self.doors.receivers[f"/push/{self.region.subscription(pair)}"]

    def _open(self, pair: Pair) -> None:
        head, path = self.region.stage.head(pair.department), self._path(pair)
        url = f"/push/{self.region.subscription(pair)}"
        receiver = self.doors.receivers[url] = Receiver()
        body = {"url": self.doors.url(url), "format": "webhook"}
        headers = {"If-Match": head.send("GET", path).headers["ETag"]}
        head.ask("PUT", path, body, headers=headers)
        told = head.ask("POST", f"{path}/rotate", {"overlap_hours": 0})
        receiver.verifier = WebhookVerifier(told["secret"])
        tested = head.ask("POST", f"{path}/test")
        if not tested["passed"]:
            raise Failure(f"{pair.id} 的推送端点未通过测试", f"{pair.id}: {tested['failure']}")
        if tested["endpoint"]["status"] == "paused":
            head.ask("POST", f"{path}/resume")

    def _close(self, pair: Pair) -> None:
        head, path = self.region.stage.head(pair.department), self._path(pair)
        if head.ask("GET", path)["status"] == "active":
            head.ask("POST", f"{path}/pause")

    def _settled(self, pair: Pair) -> None:
        """Wait until nothing has come for a moment, and count anew."""
        receiver = self._receiver(pair)
        before = -1
        while receiver.taken != before:
            before = receiver.taken
            time.sleep(PAUSE_SECONDS)
        receiver.taken = 0

    def _missing(self, pair: Pair, published: dict[str, Counter[str]]) -> str:
        sent = published.get(pair.resource.system.id, Counter())
        key = pair.resource.key.name
        # A city is pushed the rows of its own area.
        wanted = sum(sent[record[key]] for record in self.region.granted(pair))
        came = self._receiver(pair).taken
        return f"{pair.id}: {came} of {wanted} pushed" if came < wanted else ""

"""Query and verify: one record by its key, as a window asks, and whether it is as expected."""

import json

from locust import task

from loadtests import records
from loadtests.scenarios.base import OK, ExchangeUser
from loadtests.stage import REGISTER

SPREAD = 97
MATTER = {"matter": "压测事项", "reference": "压测 0001"}
JSON = {"Content-Type": "application/json"}


class Query(ExchangeUser):
    """One record by its key."""

    case = "query"

    @task
    def query(self) -> None:
        self.turn += 1
        wanted = records.record((self.number * SPREAD + self.turn) % REGISTER)
        path = f"/v1/subscriptions/{self.setting.world.queried}/records/{wanted[records.KEY]}"
        answer, seconds = self.call("GET", path, self.case, self.read_headers())
        if answer.status_code != OK:
            self.refused(answer, self.case)
        if json.loads(answer.content)["data"] != wanted:
            self.setting.tally.failed(f"{self.case}: not the record of the key")
            return
        self.setting.tally.checked += 1
        self.setting.tally.answered(1, seconds)


class Verify(ExchangeUser):
    """Whether a record is as expected, which it is nine times of ten."""

    case = "verify"

    @task
    def verify(self) -> None:
        self.turn += 1
        wanted = records.record((self.number * SPREAD + self.turn) % REGISTER)
        match = self.turn % 10 > 0
        name = wanted["name"] if match else "某某"
        expect = {"name": name, "birth": wanted["birth"]}
        body = json.dumps({"key": wanted[records.KEY], "expect": expect, **MATTER}).encode()
        path = f"/v1/subscriptions/{self.setting.world.verified}/verify"
        headers = {**JSON, **self.read_headers()}
        answer, seconds = self.call("POST", path, self.case, headers, body)
        if answer.status_code != OK:
            self.refused(answer, self.case)
        if json.loads(answer.content) != {"match": match}:
            self.setting.tally.failed(f"{self.case}: {answer.content!r} instead of {match}")
            return
        self.setting.tally.checked += 1
        self.setting.tally.answered(1, seconds)

"""Publishing: batches of 500 records, single records, single records with an Idempotency-Key."""

import secrets

from locust import task

from loadtests.scenarios.base import ExchangeUser
from loadtests.stage import BATCH

RUN = secrets.token_hex(6)


class PublishBatch(ExchangeUser):
    case = "publish-500"

    @task
    def publish_batch(self) -> None:
        self.turn += 1
        batches, feeds = self.setting.batches, self.setting.world.feeds
        body = batches[self.turn % len(batches)]
        self.publish(feeds[self.number % len(feeds)], body, BATCH, self.case)


class PublishSingle(ExchangeUser):
    case = "publish-1"
    keyed = False

    @task
    def publish_single(self) -> None:
        self.turn += 1
        singles, feeds = self.setting.singles, self.setting.world.feeds
        body, key = singles[self.turn % len(singles)], f"{RUN}-{self.number}-{self.turn}"
        feed = feeds[self.number % len(feeds)]
        self.publish(feed, body, 1, self.case, key if self.keyed else None)


class PublishSingleKeyed(PublishSingle):
    case = "publish-1-keyed"
    keyed = True

"""The users of a bridge for Locust; the benchmark runs them with `--bridge`, never the page."""

from loadtests.locustfile import prepare
from loadtests.scenarios.bridge import BridgePublishBatch, BridgePublishSingle, BridgePull

__all__ = ["BridgePublishBatch", "BridgePublishSingle", "BridgePull", "prepare"]

"""What is wrong with the cluster for a policy of topics, told before a publication fails of it."""

import asyncio
import logging

from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.metadata import MetadataRequest

from exchange.log.connection import BROKERS_ONLY, Connection
from exchange.log.errors import BrokerUnavailable
from exchange.log.topics import MESSAGE_MAX_BYTES, PREFIX, TopicPolicy, differences

log = logging.getLogger(__name__)

BROKER_RESOURCE = 4
LOOK_SECONDS = 60.0
# A cluster that was not reached, or is not right, is looked at again sooner.
LOOK_AGAIN_SECONDS = 5.0
COPY_BYTES = "replica.fetch.max.bytes"


class Condition:
    """Looks at the cluster again and again; `findings` are sentences for operators."""

    def __init__(
        self,
        connection: Connection,
        policy: TopicPolicy,
        *,
        with_topics: bool = False,
        quiet: bool = False,
    ) -> None:
        """`with_topics` compares every topic of records too; `quiet` logs nothing."""
        self._connection = connection
        self._policy = policy
        self._with_topics = with_topics
        self._quiet = quiet
        self.findings: tuple[str, ...] = ()

    async def run(self) -> None:
        """Look for ever; what is new is logged."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_AGAIN_SECONDS if self.findings else LOOK_SECONDS)

    async def look(self) -> None:
        """Find out what is wrong now; a cluster that does not answer is a finding as well."""
        try:
            findings = await self._look()
        except (BrokerUnavailable, KafkaError, OSError, LookupError, ValueError) as error:
            troubles = self._connection.troubles
            findings = tuple(f"kafka {trouble}" for trouble in troubles) or (f"kafka: {error!r}",)
        for finding in findings:
            if finding not in self.findings and not self._quiet:
                log.warning("%s", finding)
        self.findings = findings

    async def _look(self) -> tuple[str, ...]:
        answer = await self._connection.ask_any(BROKERS_ONLY)
        nodes = [broker[0] for broker in answer.brokers]
        findings = copies(self._policy, len(nodes))
        if self._policy.replication_factor > 1:
            findings += await self._fetch_sizes(nodes)
        if self._with_topics:
            findings += await self._topics()
        return tuple(findings)

    async def _fetch_sizes(self, nodes: list[int]) -> list[str]:
        """Followers fetch what a leader took: a smaller bound of theirs slows every large batch."""
        findings = []
        for node in nodes:
            resource = (BROKER_RESOURCE, str(node), [COPY_BYTES])
            answer = await self._connection.send(node, DescribeConfigsRequest([resource]))
            [(code, message, _kind, _name, entries)] = answer.resources
            if code:
                raise for_code(code)(message)
            value = int(entries[0][1])
            if value < MESSAGE_MAX_BYTES:
                findings.append(
                    f"broker {node} has {COPY_BYTES}={value}, less than {MESSAGE_MAX_BYTES}"
                )
        return findings

    async def _topics(self) -> list[str]:
        answer = await self._connection.ask_any(MetadataRequest(None, False))  # noqa: FBT003
        topics = sorted(topic for _code, topic, *_rest in answer.topics if topic.startswith(PREFIX))
        return await differences(self._connection, topics, self._policy)


def copies(policy: TopicPolicy, brokers: int) -> list[str]:
    """Return what the number of copies and of brokers forbids."""
    wanted_copies, insync = policy.replication_factor, policy.min_insync_replicas
    findings = []
    if brokers < wanted_copies:
        findings.append(
            f"SHUYUAN_REPLICATION_FACTOR is {wanted_copies}, and the cluster has {brokers}"
            " broker(s): no topic can be created"
        )
    if insync > wanted_copies:
        findings.append(
            f"SHUYUAN_MIN_INSYNC_REPLICAS is {insync}, more than SHUYUAN_REPLICATION_FACTOR"
            f" {wanted_copies}"
        )
    elif wanted_copies > 1 and insync == wanted_copies:
        findings.append(
            f"SHUYUAN_MIN_INSYNC_REPLICAS is {insync}, as many as there are copies:"
            " nothing can be published while one broker is away"
        )
    elif wanted_copies > 1 and insync == 1:
        findings.append(
            "SHUYUAN_MIN_INSYNC_REPLICAS is 1: what is acknowledged may be on one broker alone"
        )
    return findings

"""The agent at work: its jobs in turn, failures told and tried again, one agent a configuration."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from shuyuan_client.agent import contracts
from shuyuan_client.agent.capture import Capture, Source
from shuyuan_client.agent.config import Config, Pull, Push, grant
from shuyuan_client.agent.databases import DatabaseGone, connect
from shuyuan_client.agent.draining import PushJob
from shuyuan_client.agent.landing import Target
from shuyuan_client.agent.pulling import PullJob
from shuyuan_client.agent.state import State
from shuyuan_client.failures import Failure
from shuyuan_client.http import ExchangeClient

# A job has so many steps before the next one has its turn.
STEPS = 20
PATIENCE_SECONDS = 20.0
PAUSE_SECONDS, PAUSE_MAX_SECONDS = 2.0, 300.0
TELL_SECONDS = 30.0

Say = Callable[[str], None]


class Job(Protocol):
    name: str

    def step(self) -> bool: ...

    def report(self) -> None: ...


@dataclass(slots=True)
class _Standing:
    """How a job fares: when it is due, how often it failed, when that was last written."""

    due: float = 0.0
    failures: int = 0
    told: float = 0.0
    moved: bool = False


class Agent:
    """A context: an exchange, a database, and the jobs between them. Raises Failure."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._open = ExitStack()
        self.client = self._open.enter_context(
            ExchangeClient(
                config.exchange.base_url, grant(config.exchange), patience_seconds=PATIENCE_SECONDS
            )
        )
        try:
            self.database = connect(config.database)
        except BaseException:
            self._open.close()
            raise
        self._open.callback(self.database.close)
        self.state = State(self.database, config.database.own_schema)
        self.pulls = [self._pull(job) for job in config.pull]
        self.pushes = [self._push(job) for job in config.push]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    @property
    def jobs(self) -> list[Job]:
        return [*self.pulls, *self.pushes]

    def begin(self) -> None:
        """Make what is missing of the agent's own tables, and be the one agent."""
        if self.state.missing():
            self.state.create()
        self.state.hold(self.config.name)
        # Made at once, so that a job's first failure is told by its row, too.
        for pull in self.config.pull:
            self.state.position(pull.name, pull.subscription)
        for push in self.config.push:
            self.state.position(push.name, push.resource)

    def target(self, job: Pull) -> Target:
        columns = contracts.columns_of_pull(self.client, job)
        return Target(job, columns, self.database, self.config.zone)

    def source(self, job: Push) -> Source:
        contract = contracts.of_push(self.client, job)
        columns = contracts.columns_of_push(job, contract, self.database)
        kinds = {} if contract is None else dict(contract.kinds)
        return Source(job, columns, kinds, self.config.zone)

    def _pull(self, job: Pull) -> PullJob:
        return PullJob(job, self.client, self.database, self.state, lambda: self.target(job))

    def _push(self, job: Push) -> PushJob:
        def capture() -> Capture:
            return Capture(self.source(job), self.database, self.state)

        return PushJob(job, self.client, self.database, self.state, capture)


class Rounds:
    """Gives every job its turns until stopped, or until nothing is left to do."""

    def __init__(self, agent: Agent, stop: threading.Event, say: Say) -> None:
        self._agent = agent
        self._stop = stop
        self._say = say
        self._standings = {job.name: _Standing() for job in agent.jobs}

    def run(self, *, once: bool) -> bool:
        """Return whether no job failed; raises DatabaseGone."""
        while not self._stop.is_set():
            busy = [self._turn(job, once=once) for job in self._agent.jobs]
            if not any(busy):
                if once:
                    break
                self._stop.wait(self._agent.config.interval_seconds)
        return not any(standing.failures for standing in self._standings.values())

    def _turn(self, job: Job, *, once: bool) -> bool:
        """Let a job take some steps; whether it has more to do now."""
        standing = self._standings[job.name]
        if time.monotonic() < standing.due:
            return False
        try:
            return self._steps(job, standing)
        except DatabaseGone:
            raise
        except Failure as failure:
            self._failed(job, standing, failure, once=once)
        except (ValueError, ArithmeticError, LookupError, TypeError) as error:
            # Data of one job that nobody foresaw: the others have no part in it.
            self._failed(job, standing, _unforeseen(error), once=once)
        return False

    def _steps(self, job: Job, standing: _Standing) -> bool:
        for _ in range(STEPS):
            if self._stop.is_set():
                return False
            if not job.step():
                self._rest(job, standing)
                return False
            standing.moved = True
        return True

    def _rest(self, job: Job, standing: _Standing) -> None:
        """Tell both sides that the job has caught up, now and then."""
        if standing.moved:
            job.report()
        now = time.monotonic()
        if standing.moved or standing.failures or now > standing.told + TELL_SECONDS:
            self._agent.state.tell(job.name, None)
            standing.told = now
        standing.moved, standing.failures = False, 0

    def _failed(self, job: Job, standing: _Standing, failure: Failure, *, once: bool) -> None:
        self._say(f"{job.name}: {failure}")
        self._agent.state.tell(job.name, str(failure))
        pause = min(PAUSE_SECONDS * 2**standing.failures, PAUSE_MAX_SECONDS)
        standing.failures += 1
        standing.due = float("inf") if once else time.monotonic() + pause


def _unforeseen(error: Exception) -> Failure:
    told = f"{type(error).__name__}: {error}"
    return Failure(
        f"无法处理的数据（{told}）；请连同此句报告。",
        f"Data that cannot be handled ({told}); report it with this sentence.",
    )


def run(config: Config, *, once: bool, stop: threading.Event, say: Say) -> bool:
    """Work until stopped, or once; return whether nothing failed. Raises Failure."""
    pause = PAUSE_SECONDS
    while True:
        try:
            with Agent(config) as agent:
                agent.begin()
                pause = PAUSE_SECONDS
                return Rounds(agent, stop, say).run(once=once)
        except DatabaseGone as failure:
            if once:
                raise
            say(str(failure))
        if stop.wait(pause):
            return True
        pause = min(2 * pause, PAUSE_MAX_SECONDS)

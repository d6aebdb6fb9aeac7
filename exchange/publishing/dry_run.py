"""Dry runs: records checked as publishing would, on the same terms, and nothing stored."""

from auth.principal import Principal
from catalog import versions
from catalog.contracts.checked import Checked
from catalog.contracts.compile import Plan, compiling
from exchange.publishing.publish import Media, ResourcePlan
from kernel.cache import RuleCache
from kernel.clock import today
from kernel.database import Database
from kernel.turns import FairScheduler, finished


class DryRuns:
    def __init__(
        self, database: Database, plans: RuleCache[ResourcePlan], turns: FairScheduler
    ) -> None:
        self._database = database
        self._plans = plans
        self._turns = turns

    async def check(
        self,
        principal: Principal,
        resource_id: str,
        body: bytes,
        media: Media,
        number: int | None = None,
    ) -> Checked:
        """Check a body by a version that the caller may see, the one in force by default.

        No connection of the database is held meanwhile. Raises NotFound, ResourceNotPublished and
        the refusals of whole bodies.
        """
        plan = await self._plan(principal, resource_id, number)
        steps = plan.ndjson(body) if media is Media.NDJSON else plan.json(body)
        if plan.at_once(body):
            return finished(steps)
        return await self._turns.finish(steps, principal.id)

    async def _plan(self, principal: Principal, resource_id: str, number: int | None) -> Plan:
        async with self._database.reading() as session:
            if number is None and await versions.serves_to(session, principal, resource_id):
                contract = None
            else:
                contract = await versions.shown_contract(
                    session, principal, resource_id, number, on=today()
                )
        if contract is None:
            return (self._plans.known(resource_id) or await self._plans.get(resource_id)).plan
        return await self._turns.finish(compiling(contract, today))

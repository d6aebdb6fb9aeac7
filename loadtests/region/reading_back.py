"""Everything that was acknowledged is read back by a system that may, and is what it was."""

from collections import Counter
from collections.abc import Iterable, Mapping

from deploy.demo.proof import only
from loadtests.region.day import whole_readers
from loadtests.region.users import Region


class ReadBack:
    """Remembers where each log ended before the day, as one of its readers sees it."""

    def __init__(self, region: Region, providers: Iterable[str]) -> None:
        self._region = region
        self._readers = {name: whole_readers(region.stage.region, name)[0] for name in providers}
        self._starts = {
            name: region.stage.system(pair.consumer.id).rewind(region.subscription(pair), "latest")
            for name, pair in self._readers.items()
        }

    def differences(self, published: Mapping[str, Counter[str]]) -> list[str]:
        """Return what of the day's messages is not in the log, or not as it was sent."""
        return [told for name in self._readers for told in self._compare(name, published)]

    def _compare(self, name: str, published: Mapping[str, Counter[str]]) -> Iterable[str]:
        pair = self._readers[name]
        client = self._region.stage.system(pair.consumer.id)
        pages = client.pages(self._region.subscription(pair), self._starts[name])
        lines = [line for page in pages for line in page.records()]
        sent = published.get(name, Counter())
        if len(lines) != sent.total():
            yield f"{name}: {len(lines)} read back of {sent.total()}"
        key, shown = pair.resource.key.name, [i.name for i in pair.resource.items if i.shown]
        right = {record[key]: record for record in self._region.records(pair.resource)}
        if key not in shown:
            return
        came = Counter(line.key for line in lines)
        if came != sent:
            yield f"{name}: other keys came than were sent"
        wrong = [
            line.key
            for line in lines
            if only([line.data or {}], shown) != only([right[line.key]], shown)
        ]
        if wrong:
            yield f"{name}: {len(wrong)} records differ, {wrong[0]} first"

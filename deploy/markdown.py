"""Tables in Markdown, and pages whose printed parts are renewed."""

import re
from collections.abc import Mapping, Sequence


def table(heads: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def renewed(text: str, mark: str, blocks: Mapping[str, str]) -> str:
    """Return a page with these of its blocks, `<!-- mark: name -->` to `<!-- end -->`, replaced."""
    for name, block in blocks.items():
        place = re.compile(rf"(?<=<!-- {mark}: {name} -->\n).*?(?=<!-- end -->)", re.DOTALL)
        text = place.sub(lambda _found, block=block: block, text)  # type: ignore[misc]
    return text

"""Folded stacks ("frame;frame;frame count" a line) as a flame graph and as a table."""

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

OWN = re.compile(r"\((kernel|auth|catalog|exchange|gateway)/")
NATIVE = re.compile(r"\.(so|c|cpp|h|hpp|cc|rs)[.\d]*\)|\[vdso\]|\(\?\)")
# Threads and loops that only wait; py-spy cannot tell them from busy ones everywhere.
WAITING = re.compile(r"PyThread_acquire_lock_timed|always_pong|epoll_p?wait")
TABLE_LINES = 25
WIDTH, LINE, LEAST_WIDTH, LETTER = 1400.0, 17, 0.4, 6.4
# What nearly every stack begins with says nothing.
SHARED = 0.95
COLOURS = {"own": "#6ea8fe", "native": "#f4a261", "python": "#ced4da"}
HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" \
height="{height}" font-family="ui-monospace, monospace" font-size="11">
<style>rect {{ stroke: #fff; stroke-width: .5 }} text {{ pointer-events: none }}</style>
<text x="4" y="13">{title}</text>
"""


@dataclass(slots=True)
class Node:
    count: int = 0
    children: dict[str, "Node"] = field(default_factory=dict)


def busy(folded: str) -> str:
    """Leave out the stacks of threads that only wait."""
    return "".join(f"{line}\n" for line in folded.splitlines() if not WAITING.search(line))


def svg(title: str, folded: str) -> str:
    """Draw the stacks with their innermost frames below; the mouse tells a frame whole."""
    root, depth = _trunk(_tree(folded))
    boxes = list(_boxes(root, 0.0, 1, WIDTH / (root.count or 1), root.count or 1))
    height = LINE * (depth + 2)
    told = html.escape(f"{title}: {root.count} samples; blue ours, grey Python, orange native")
    return HEAD.format(width=WIDTH, height=height, title=told) + "".join(boxes) + "</svg>\n"


def _tree(folded: str) -> Node:
    root = Node()
    for frames, count in _stacks(folded):
        node = root
        node.count += count
        for frame in frames:
            node = node.children.setdefault(frame, Node())
            node.count += count
    return root


def _stacks(folded: str) -> Iterator[tuple[list[str], int]]:
    for line in folded.splitlines():
        stack, _, count = line.rpartition(" ")
        yield stack.split(";"), int(count)


def _trunk(root: Node) -> tuple[Node, int]:
    """Skip what nearly all stacks share; return the rest and how deep it goes."""
    while root.children:
        largest = max(root.children.values(), key=lambda node: node.count)
        if largest.count < SHARED * root.count:
            break
        root = largest
    return root, _depth(root)


def _depth(node: Node) -> int:
    return 1 + max(map(_depth, node.children.values()), default=0)


def _boxes(node: Node, left: float, row: int, scale: float, whole: int) -> Iterator[str]:
    for frame, child in sorted(node.children.items()):
        width = child.count * scale
        if width >= LEAST_WIDTH:
            yield _box(frame, child.count / whole, left, row * LINE, width)
            yield from _boxes(child, left, row + 1, scale, whole)
        left += width


def _box(frame: str, share: float, left: float, top: float, width: float) -> str:
    letters = int(width / LETTER) - 1
    text = html.escape(frame[:letters]) if letters > 2 else ""  # noqa: PLR2004 - nothing to read
    return (
        f'<g><title>{html.escape(frame)} {share:.1%}</title><rect x="{left:.1f}" y="{top}" '
        f'width="{width:.1f}" height="{LINE - 1}" fill="{COLOURS[_kind(frame)]}"/>'
        f'<text x="{left + 3:.1f}" y="{top + 12}">{text}</text></g>\n'
    )


def _kind(frame: str) -> str:
    if OWN.search(frame):
        return "own"
    return "native" if NATIVE.search(frame) else "python"


def table(title: str, folded: str) -> str:
    """Return Markdown: the frames in which most is spent, alone and in all, then ours in all."""
    alone, within = _counts(folded)
    samples = alone.total() or 1
    lines = [
        f"### {title}, {alone.total()} samples",
        "",
        "| frame | alone | with what it calls |",
        "|---|---|---|",
        *(
            f"| `{frame}` | {count / samples:.1%} | {within[frame] / samples:.1%} |"
            for frame, count in alone.most_common(TABLE_LINES)
        ),
        "",
        "| function of ours | with what it calls |",
        "|---|---|",
    ]
    ours = [(frame, count) for frame, count in within.most_common() if OWN.search(frame)]
    lines += [f"| `{frame}` | {count / samples:.1%} |" for frame, count in ours[:TABLE_LINES]]
    return "\n".join(lines) + "\n"


def _counts(folded: str) -> tuple[Counter[str], Counter[str]]:
    """Count samples by their innermost frame, and by every frame that they pass once or more."""
    alone: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for frames, count in _stacks(folded):
        alone[frames[-1]] += count
        within.update(dict.fromkeys(frames, count))
    return alone, within

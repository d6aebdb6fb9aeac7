"""What the workers of a node have in common, imported once in the process they are forked from.

Importing takes seconds of processor time and 169 MiB (ADR 0037): forked workers share the memory,
and the one that takes a dead one's place serves at once. Nothing imported here may start a thread,
open a file or choose what must differ between workers (tests/unit/gateway/test_preloaded.py).
"""

import gc

from kernel import memory

# What is imported stays: to look through it for garbage a hundred times takes a second or two.
gc.disable()

import gateway.main  # noqa: E402, F401 - after that

# What the collector never looks at is never written to, so that its pages stay shared.
memory.settle()

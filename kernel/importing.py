"""Imported before all else by a program that serves: it imports a sixth faster.

What is imported stays. The collector would look through all of it for garbage a hundred times, a
second of processor time in each process; `kernel.memory.settle` sets it to work again.
"""

import gc

gc.disable()

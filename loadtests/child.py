"""Calls a function in a process of its own: `loadtests.runs` says which on standard input."""

import inspect
import pickle
import sys

import uvloop


def main() -> None:
    function, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 - of the load test itself
    done = function(*arguments)
    if inspect.iscoroutine(done):
        uvloop.run(done)


if __name__ == "__main__":
    main()

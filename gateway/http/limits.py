"""How many connections a process may hold."""

import resource

# Where the system has no limit of its own: macOS refuses to be told so (`OPEN_MAX` there).
MANY = 10_240


def allow_many() -> None:
    """Let this process and its children hold as many connections as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (hard, MANY):
        if limit == soft:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (ValueError, OSError):
            continue
        return

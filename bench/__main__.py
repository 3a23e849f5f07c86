"""Print the benchmark table: `python3 dev.py bench [NAME …]`."""

import json
import sys
from collections.abc import Callable, Iterator

from bench import accept, deliver, feed, start

BOTH = ("sqlite", "postgresql")
BENCHES: dict[str, Callable[[], Iterator[dict[str, object]]]] = {
    "accept": lambda: (accept.measure(database) for database in BOTH),
    "deliver": lambda: (deliver.measure(database) for database in BOTH),
    "idle": lambda: (deliver.idle(database) for database in BOTH),
    "slow": lambda: (deliver.beside_slow(database) for database in BOTH),
    "feed": lambda: iter([feed.measure()]),
    "start": lambda: iter([start.measure()]),
}


def main() -> int:
    """Run the named benchmarks, or all."""
    for name in sys.argv[1:] or BENCHES:
        for figures in BENCHES[name]():
            print(json.dumps(figures), flush=True)
    return 0


sys.exit(main())

"""Goal 6: `hub --help`, and `hub up` on an existing data folder."""

import signal
import statistics
import subprocess
import sys
import time

from bench import servers


def measure(*, rounds: int = 9) -> dict[str, object]:
    """Time both, each beside an empty Python in the same round."""
    empty, help_ = [], []
    for _ in range(rounds):
        empty.append(_took(sys.executable, "-c", "pass"))
        help_.append(_took(sys.executable, "-m", "hub", "--help"))
    return {
        "goal": "6 start",
        "python_ms": round(statistics.median(empty)),
        "hub_help_ms": round(statistics.median(help_)),
        "ratio": round(statistics.median(help_) / statistics.median(empty), 1),
        **_up(),
    }


def _took(*command: str) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - started) * 1000


def _up() -> dict[str, int]:
    """The second start on a data folder, to the line that says where to go; and the
    longer of two ends, to the last process."""
    port = servers.free_port()
    with servers.place("sqlite", port=port) as place:
        environment = dict(place.environment)
        del environment["HUB_REDIS_URL"], environment["HUB_BASE_URL"]
        times, ends = [], []
        for _ in range(2):
            started = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", "hub", "up", "--port", str(port)],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("Hub:"):
                    break
            times.append((time.perf_counter() - started) * 1000)
            started = time.perf_counter()
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
            ends.append((time.perf_counter() - started) * 1000)
        return {"hub_up_ready_ms": round(times[-1]), "hub_up_end_ms": round(max(ends))}

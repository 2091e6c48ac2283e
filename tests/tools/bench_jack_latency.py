"""What PortAudio says its latency under JACK is, and what a JACK client measures.

Usage: python -m tests.tools.bench_jack_latency

A pass-through for each period, block size and `latency` setting; all figures in samples at 48 kHz.
"""

from __future__ import annotations

from tests.rig.caller import Caller
from tests.rig.jack_server import JackServer
from tests.rig.pass_through import pass_through

_CASES = (
    (240, 0, "low"),
    (240, 0, "high"),
    (240, 120, "low"),
    (240, 240, "low"),
    (240, 240, "high"),
    (240, 360, "low"),
    (240, 480, "low"),
    (128, 0, "low"),
    (480, 240, "low"),
    (480, 480, "low"),
)


def main() -> None:
    """Prints the table."""
    print("| jackd period | blocksize | latency | reported in | reported out | measured |")
    print("|---|---|---|---|---|---|", flush=True)
    for period, block, latency in _CASES:
        with JackServer(period=period) as server, pass_through(server, block, latency) as reported:
            measured = Caller(server).measure_delay(1.5)
        print("| " + " | ".join(map(str, (period, block, latency, *reported, measured))) + " |", flush=True)


if __name__ == "__main__":
    main()

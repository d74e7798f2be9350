"""Events on Apache Kafka to rows that are validated, durable, deduplicated and aggregated.

`make bench-ingest`, or `python -m bench.ingest compare [--events N] [--rounds N]`: every contender
reads the same events from the same broker into the same PostgreSQL, in turns.
"""

import argparse
import asyncio
import json
import os
from datetime import UTC, datetime

from bench.ingest.compare import compare
from bench.ingest.servers import BUILD, servers


def main() -> None:
    """Run one part, print a table, keep the figures in build/."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    part = parts.add_parser("compare", help="ours, Debezium's JDBC sink, a plain loop, the limits")
    part.add_argument("--events", type=int, default=300_000)
    part.add_argument("--rounds", type=int, default=3)
    part.add_argument("--only", default="", help="contenders with this in their name, and the peer")
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    with servers() as running:
        figures = asyncio.run(
            compare(running, n_events=options.events, rounds=options.rounds, only=options.only)
        )
    figures |= {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_before": load_before,
        "load_after": os.getloadavg()[0],
    }
    BUILD.mkdir(exist_ok=True)
    path = BUILD / f"bench-ingest-{options.part}.json"
    path.write_text(json.dumps(figures, indent=1))
    print(f"\nload before {load_before:.1f}, after {figures['load_after']:.1f}; {path}")


if __name__ == "__main__":
    main()

"""Events on Apache Kafka to rows that are validated, durable, deduplicated and aggregated.

`make bench-ingest`, or `python -m bench.ingest compare [--events N] [--rounds N]`: every contender
reads the same events from the same broker into the same PostgreSQL, in turns.
"""

import argparse
import asyncio
import json
import logging
import os
from datetime import UTC, datetime

from bench.ingest import endurance, footprint, growth
from bench.ingest.compare import compare
from bench.ingest.mixed import mixed
from bench.ingest.servers import BUILD, Servers, servers
from bench.ingest.steps import show


def main() -> None:
    """Run one part, print a table, keep the figures in build/."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    part = parts.add_parser("compare", help="ours, Debezium's JDBC sink, a plain loop, the limits")
    part.add_argument("--events", type=int, default=300_000)
    part.add_argument("--rounds", type=int, default=3)
    part.add_argument("--only", default="", help="contenders with this in their name, and the peer")
    part = parts.add_parser("sustained", help="millions in one go: rate and memory")
    part.add_argument("--events", type=int, default=2_000_000)
    part.add_argument("--form", choices=("structured", "binary"), default="structured")
    part = parts.add_parser("latency", help="from the log to the commit, at a steady rate")
    part.add_argument("--rate", type=int, default=5_000)
    part.add_argument("--seconds", type=float, default=60)
    part = parts.add_parser("backlog", help="catching up, by one process and by two")
    part.add_argument("--events", type=int, default=1_000_000)
    part = parts.add_parser("growth", help="cost of an event beside ever more stored ones")
    part.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    part.add_argument(
        "--more", type=int, default=1_000_000, help="how many are stored at each size"
    )
    part = parts.add_parser("footprint", help="bytes an event; time to verify, dump and restore")
    part.add_argument("--events", type=int, default=1_000_000)
    part = parts.add_parser("mixed", help="corrections, retractions, decisions among measurements")
    part.add_argument("--events", type=int, default=200_000)
    part.add_argument("--rounds", type=int, default=3)
    parts.add_parser("steps", help="where an event's time goes in Python; needs no server")
    options = parser.parse_args()
    # A client of a broker that has only just begun complains of leaders still unknown.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    load_before = os.getloadavg()[0]
    if options.part == "steps":
        figures = show()
    else:
        with servers() as running:
            figures = asyncio.run(_measure(running, options))
    figures |= {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_before": load_before,
        "load_after": os.getloadavg()[0],
    }
    BUILD.mkdir(exist_ok=True)
    path = BUILD / f"bench-ingest-{options.part}.json"
    path.write_text(json.dumps(figures, indent=1))
    print(f"\nload before {load_before:.1f}, after {figures['load_after']:.1f}; {path}")


async def _measure(running: Servers, options: argparse.Namespace) -> dict[str, object]:
    n_events = getattr(options, "events", 0)
    match options.part:
        case "compare":
            work = compare(running, n_events=n_events, rounds=options.rounds, only=options.only)
        case "sustained":
            work = endurance.sustained(running, n_events=n_events, form=options.form)
        case "latency":
            work = endurance.latency(running, rate=options.rate, seconds=options.seconds)
        case "backlog":
            work = endurance.backlog(running, n_events=n_events)
        case "footprint":
            work = footprint.footprint(running, n_events=n_events)
        case "mixed":
            work = mixed(running, n_events=n_events, rounds=options.rounds)
        case _:
            work = growth.growth(running, sizes=options.sizes, n_more=options.more)
    return await work


if __name__ == "__main__":
    main()

"""Ours beside its peers, in turns within the same minutes; medians, and ratios of each round."""

import statistics
from collections.abc import Sequence

from aivalue.events.topics import BUSINESS
from bench.ingest import limits
from bench.ingest.contenders import CONTENDERS, Contender
from bench.ingest.load import Events, n_distinct, produce
from bench.ingest.measure import Result, turn
from bench.ingest.servers import Servers

PEER = "Debezium JDBC sink"


async def compare(servers: Servers, *, n_events: int, rounds: int, only: str) -> dict[str, object]:
    """Run everybody in every round; return and print the figures."""
    taking_part = [each for each in CONTENDERS if only in each.name or each.name == PEER]
    for share in {each.share for each in taking_part}:
        for form in {each.form for each in taking_part if each.share == share}:
            n = int(n_events * share)
            await produce(servers.kafka, _topic(form, share), Events(form), n)
    results: dict[str, list[Result]] = {each.name: [] for each in taking_part}
    rates: dict[str, list[float]] = {"poll only": [], "COPY only": []}
    for number in range(rounds):
        for contender in taking_part:
            result = await _turn(servers, contender, n_events, number)
            results[contender.name].append(result)
            print(_line(result), flush=True)
        topic = _topic("structured", 1.0)
        rates["poll only"].append(await limits.poll_rate(servers, topic, n_events))
        rates["COPY only"].append(await limits.copy_rate(servers, f"copy{number}", n_events))
    _print(results, rates)
    return {
        "events": n_events,
        "rounds": {name: [_figures(each) for each in of] for name, of in results.items()},
        "limits": rates,
        "ratios": {name: _ratios(results, name) for name in results},
    }


async def _turn(servers: Servers, contender: Contender, n_events: int, number: int) -> Result:
    n = int(n_events * contender.share)
    return await turn(
        servers,
        contender,
        _topic(contender.form, contender.share),
        n_distinct(n, malformed=contender.form in ("structured", "binary")),
        name=f"run{number}_{CONTENDERS.index(contender)}",
    )


def _topic(form: str, share: float) -> str:
    prefix = form if share == 1.0 else f"{form}-{share}"
    return f"{prefix}.{BUSINESS}"


def _ratios(results: dict[str, list[Result]], name: str) -> list[float]:
    return [
        ours.per_second / peer.per_second
        for ours, peer in zip(results[name], results[PEER], strict=True)
    ]


def _figures(result: Result) -> dict[str, float]:
    return {
        name: round(float(value), 2)
        for name, value in vars(result).items()
        if isinstance(value, int | float)
    }


def _line(result: Result) -> str:
    return (
        f"{result.name:28} {result.per_second:9,.0f} events/s   "
        f"CPU us/event: own {result.own_cpu:5.1f}  PostgreSQL {result.postgres_cpu:5.1f}  "
        f"broker {result.broker_cpu:4.1f}   {result.memory_mb:5.0f} MB"
    )


def _print(results: dict[str, list[Result]], rates: dict[str, list[float]]) -> None:
    print(
        f"\n{'':28} {'median':>9} {'least':>9} {'most':>9}   times the peer, by round   "
        "CPU us/event, and the peer's over it"
    )
    peer = statistics.median(map(_cpu, results[PEER]))
    for name, of in results.items():
        ratios = _ratios(results, name)
        shown = f"{statistics.median(ratios):.2f}  ({', '.join(f'{each:.2f}' for each in ratios)})"
        cpu = statistics.median(map(_cpu, of))
        spread = _spread([each.per_second for each in of])
        print(f"{name:28} {spread}   {shown:25}   {cpu:6.1f}  {peer / cpu:.2f}")
    for name, found in rates.items():
        print(f"{name:28} {_spread(found)}")


def _cpu(result: Result) -> float:
    """Return what all processes together spend on an event: steadier than rates on a busy machine.

    Whoever needs half of it is twice as fast on the same cores.
    """
    return result.own_cpu + result.postgres_cpu + result.broker_cpu


def _spread(found: Sequence[float]) -> str:
    return f"{statistics.median(found):9,.0f} {min(found):9,.0f} {max(found):9,.0f}"

"""Every schedule of faults that hypothesis can think of, over the service's own poll loop."""

from typing import ClassVar

from aiokafka import TopicPartition
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.ingest.lanes import LANES
from tests.model.log import PARTITIONS
from tests.model.world import JUNK, Outcome, Worker, World, measurement, retraction

WORKERS_MAX = 3
N_IDENTITIES = 5
partitions = st.sampled_from(PARTITIONS)
numbers = st.integers(0, N_IDENTITIES - 1)
subsets = st.sampled_from([(), PARTITIONS[:1], PARTITIONS[1:], PARTITIONS])
which = st.integers(0, WORKERS_MAX - 1)
# Each partition of the model has a lane to itself.
lanes = st.integers(0, LANES - 1)


class SinkMachine(RuleBasedStateMachine):
    """Producers, up to three workers, a group that errs, a database and a broker that fail."""

    world_type: ClassVar[type[World]] = World
    n_schedules: ClassVar[int] = 0

    @initialize()
    def begin(self) -> None:
        self.world = self.world_type()
        self.world.rebalance(self.world.start_worker(), PARTITIONS)

    @rule(partition=partitions, number=numbers, kind=st.sampled_from("112233rj"))
    def produce(self, partition: TopicPartition, number: int, kind: str) -> None:
        """Two values under one number are a conflict, the same twice a duplicate."""
        message = {"r": retraction(number), "j": JUNK}.get(kind)
        value = ord(kind) % 2 + 1
        self.world.log.append(partition, message or measurement(number, value))
        if kind == "3":
            self.world.log.append(partition, measurement(number, value))

    @precondition(lambda self: len(self.world.workers) < WORKERS_MAX)
    @rule(given=subsets)
    def start(self, given: tuple[TopicPartition, ...]) -> None:
        """Join; those who had the partitions may not know it yet."""
        self.world.rebalance(self.world.start_worker(), given)

    @precondition(lambda self: self.world.workers)
    @rule(index=which, given=subsets)
    def rebalance(self, index: int, given: tuple[TopicPartition, ...]) -> None:
        """Give a worker something else; nobody else hears of it."""
        worker = self._worker(index)
        if not worker.rebalancing:
            self.world.rebalance(worker, given)

    @precondition(lambda self: self.world.workers)
    @rule(index=which, n_records=st.sampled_from([1, 2, 50]))
    def poll(self, index: int, n_records: int) -> None:
        """Let a poll return."""
        self.world.poll(self._worker(index), n_records)

    @precondition(lambda self: any(worker.writer.queue for worker in self.world.workers))
    @rule(index=which, outcome=st.sampled_from(Outcome), lane=lanes)
    def end_transaction(self, index: int, outcome: Outcome, lane: int) -> None:
        """Let a transaction end, well or badly."""
        self.world.end_transaction(self._worker(index), outcome, lane)

    @precondition(lambda self: self.world.workers)
    @rule(index=which, n_records=st.sampled_from([2, 50]))
    def go_on(self, index: int, n_records: int) -> None:
        """Nothing goes wrong for once."""
        worker = self._worker(index)
        self.world.poll(worker, n_records)
        while worker.writer.queue and not self.world.database_is_away:
            self.world.end_transaction(worker, Outcome.COMMITTED)

    @precondition(lambda self: self.world.workers)
    @rule(index=which, committed=st.booleans(), lane=lanes)
    def crash(self, index: int, lane: int, *, committed: bool) -> None:
        """Kill a worker, before or after the COMMIT of a lane."""
        self.world.crash(self._worker(index), committed=committed, lane=lane)

    @rule(seconds=st.sampled_from([1.0, 4.0, 20.0]), operated=st.booleans())
    def wait(self, seconds: float, *, operated: bool) -> None:
        """Let leases and backoffs end; an operator may see to what is halted."""
        self.world.now += seconds
        if operated:
            self.world.operate()

    @precondition(lambda self: self.world.workers)
    @rule(index=which, seconds=st.sampled_from([0.0, 20.0]))
    def lose_database(self, index: int, seconds: float) -> None:
        """Take PostgreSQL away while a worker works, and give it back."""
        worker = self._worker(index)
        self.world.database_is_away = True
        self.world.poll(worker, 2)
        self.world.end_transaction(worker, Outcome.ROLLED_BACK)
        self.world.now += seconds
        self.world.poll(worker, 2)
        self.world.database_is_away = False

    @rule(expired=st.booleans(), partition=partitions, n_records=st.integers(0, 3))
    def forget(self, partition: TopicPartition, n_records: int, *, expired: bool) -> None:
        """Let retention run past every reader, or replace the topic by a longer or shorter one.

        Not retention after a replacement: where it takes exactly as many records as were read of
        the topic before, nothing is left that could tell the two apart.
        """
        if expired and self.world.log.life == 1:
            self.world.log.expire(partition)
        else:
            self.world.create_topic_anew()
        for number in range(n_records):
            self.world.log.append(partition, measurement(number, 1))

    @invariant()
    def holds(self) -> None:
        """Whatever died, the ledger adds up."""
        self.world.check()

    def teardown(self) -> None:
        """Heal, drain, and account for every record."""
        if not hasattr(self, "world"):
            return
        try:
            self.world.drain()
            self.world.check()
            self.world.check_complete()
            type(self).n_schedules += 1
        finally:
            self.world.close()

    def _worker(self, index: int) -> Worker:
        return self.world.workers[index % len(self.world.workers)]


def check(
    machine: type[SinkMachine], *, n_schedules: int, n_steps: int, drawn_anew: bool = False
) -> int:
    """Run schedules until one fails, and return how many were run to their end.

    Hypothesis stops at the number it is asked for of what it calls examples, and runs a quarter
    more: variations of those. Each of them is drained and accounted for, and counts.

    They are the same every time, so that a change is judged by what it changed, unless they are
    to be `drawn_anew` (make soak).
    """
    machine.n_schedules = 0
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=n_schedules,
            stateful_step_count=n_steps,
            derandomize=not drawn_anew,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return machine.n_schedules

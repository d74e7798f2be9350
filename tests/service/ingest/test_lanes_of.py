"""Whether whoever is given partitions by the group has some of both lanes."""

from collections import Counter
from types import SimpleNamespace

import pytest
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata

from services.ingest.lanes import LANES, lane_of

TOPICS = ["aivalue.business.v1", "aivalue.model.v1"]


def _dealt_out(*, n_members: int, n_partitions: int) -> list[list[int]]:
    """Return the partitions of one topic that each member of a group is given."""
    cluster = SimpleNamespace(partitions_for_topic=lambda _: set(range(n_partitions)))
    metadata = ConsumerProtocolMemberMetadata(0, TOPICS, b"")
    members = {f"member-{number}": metadata for number in range(n_members)}
    assigned = RoundRobinPartitionAssignor.assign(cluster, members)
    return [list(dict(each.assignment).get(TOPICS[0], [])) for each in assigned.values()]


@pytest.mark.parametrize("n_partitions", [4, 6, 8, 12, 24, 48])
@pytest.mark.parametrize("n_members", [1, 2, 3, 4, 6])
def test_nobody_has_one_lane_who_has_three_partitions(n_members: int, n_partitions: int) -> None:
    for partitions in _dealt_out(n_members=n_members, n_partitions=n_partitions):
        lanes = Counter(map(lane_of, partitions))
        assert len(partitions) < 3 or len(lanes) == LANES, partitions


@pytest.mark.parametrize("n_members", [1, 2, 3, 6])
def test_of_twelve_partitions_both_lanes_have_as_many(n_members: int) -> None:
    for partitions in _dealt_out(n_members=n_members, n_partitions=12):
        lanes = Counter(map(lane_of, partitions))
        assert lanes[0] == lanes[1] == len(partitions) / LANES, partitions

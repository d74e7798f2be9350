"""Real Apache Kafka for tests: combined broker and controller nodes on free ports of 127.0.0.1.

`kill` is a crash, `pause` and `resume` a node that hangs, `start` a restart on the same data.
"""

import base64
import contextlib
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aivalue.runtime.embedded.process import Server, accepts_connections, free_port
from aivalue.runtime.embedded.scratch import scratch_directory

_JAVA = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


@dataclass
class Node:
    """One broker and controller."""

    number: int
    jars: Path
    home: Path
    port: int
    server: Server | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start, on whatever data is there; `wait_ready` waits for the listener."""
        self.server = Server(
            f"Kafka node {self.number}",
            [
                *_JAVA, "-Xms192m", "-Xmx512m",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp", f"{self.jars}/*", "kafka.Kafka", self.home / "server.properties",
            ],
            log=self.home / "log",
            environment=dict(os.environ),
        )  # fmt: skip

    def wait_ready(self) -> None:
        """Wait until the listener accepts connections."""
        assert self.server is not None
        self.server.wait_until(lambda: accepts_connections(self.port))

    def kill(self) -> None:
        """Crash it."""
        assert self.server is not None
        self.server.process.kill()
        self.server.process.wait()

    def pause(self) -> None:
        """Make it hang."""
        assert self.server is not None
        self.server.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after a pause."""
        assert self.server is not None
        self.server.process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def kafka_cluster(
    jars: Path, *, nodes: int = 1, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[str, list[Node]]]:
    """Run a cluster; yield its bootstrap addresses and its nodes."""
    with scratch_directory("kafka") as home:
        members = _members(jars, home, nodes, settings or {})
        try:
            for node in members:
                node.start()
            for node in members:
                node.wait_ready()
            yield ",".join(f"127.0.0.1:{node.port}" for node in members), members
        finally:
            _stop(members)


def _members(jars: Path, home: Path, nodes: int, settings: Mapping[str, str]) -> list[Node]:
    controllers = {number: free_port() for number in range(1, nodes + 1)}
    voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in controllers.items())
    # A leading "-" would be read as an option by the format tool.
    cluster_id = "a" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
    return [
        _formatted(
            Node(number, jars, home / str(number), free_port()),
            controller_port=controllers[number],
            cluster_id=cluster_id,
            settings={"controller.quorum.voters": voters, **_replication(nodes), **settings},
        )
        for number in controllers
    ]


def _formatted(
    node: Node, *, controller_port: int, cluster_id: str, settings: Mapping[str, str]
) -> Node:
    node.home.mkdir()
    properties = {
        "process.roles": "broker,controller",
        "node.id": str(node.number),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{node.port}",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(node.home / "data"),
        "auto.create.topics.enable": "false",
        "unclean.leader.election.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        # A dead broker is noticed after 3 s in place of 9.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        **settings,
    }
    path = node.home / "server.properties"
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    subprocess.run(
        [
            *_JAVA, "-cp", f"{node.jars}/*", "kafka.tools.StorageTool",
            "format", "-t", cluster_id, "-c", str(path),
        ],
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return node


def _replication(nodes: int) -> dict[str, str]:
    replicas, in_sync = str(min(3, nodes)), "1" if nodes == 1 else "2"
    return {
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
    }


def _stop(members: list[Node]) -> None:
    """Ask all first: once the majority is gone the last one waits for it."""
    running = [node.server for node in members if node.server is not None]
    for server in running:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGCONT)
            server.process.send_signal(signal.SIGTERM)
    for server in running:
        server.stop(timeout_seconds=20)

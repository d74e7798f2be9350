"""Topic list, derived from the topics that the programs name."""

from aivalue.events import topics
from aivalue.runtime.kafka import RETENTION_MS


def topics_document() -> str:
    """Return the topics as YAML, for whoever creates them with their own tools."""
    lines = ["# Made by `python -m deploy.generate`. Every tenant has its own input topics."]
    for topic in (*topics.INPUTS, topics.CHANGES, topics.VALUE):
        lines += [
            f"- name: {topic}",
            "  partitions: 12",
            "  replicationFactor: 3",
            "  config:",
            "    cleanup.policy: delete",
            f'    retention.ms: "{RETENTION_MS}"',
            '    min.insync.replicas: "2"',
            '    unclean.leader.election.enable: "false"',
        ]
    return "\n".join(lines) + "\n"

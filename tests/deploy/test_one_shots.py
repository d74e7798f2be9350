"""The jobs that run once before the services: they do their work from an image's own commands."""

import asyncio
import os
import sys

import asyncpg
import yaml
from aiokafka.admin import AIOKafkaAdminClient

from aivalue.runtime.settings import KafkaSettings
from aivalue.runtime.topics import topic_names
from tests.deploy.programs import ROOT


async def run_module(*arguments: str, status: int = 0, **environment: str) -> str:
    """Run `python -m ...` as the compose file does; it must end with a status."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments,
        cwd=ROOT, env={"PATH": os.environ["PATH"]} | environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    assert process.returncode == status, output.decode()
    return output.decode()


async def test_a_service_is_migrated_from_its_own_image_as_often_as_one_likes(
    database_url: str,
) -> None:
    for _ in range(2):
        await run_module(
            "aivalue.runtime.migrations", "reporting", AIVALUE_DATABASE__URL=database_url
        )

    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("select count(*) from reporting.snapshots") == 0
    finally:
        await connection.close()


async def test_the_topics_of_every_tenant_are_created_and_kept(broker: str, unique: str) -> None:
    for _ in range(2):
        await run_module(
            "aivalue.runtime.topics",
            AIVALUE_KAFKA__BOOTSTRAP=broker,
            AIVALUE_KAFKA__TENANTS=f'{{"one": "{unique}-one.", "two": "{unique}-two."}}',
            AIVALUE_KAFKA__INTERNAL_PREFIX=f"{unique}.",
            AIVALUE_KAFKA__PARTITIONS="2",
            AIVALUE_KAFKA__REPLICATION_FACTOR="1",
        )

    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        found = {name for name in await admin.list_topics() if name.startswith(unique)}
    finally:
        await admin.close()
    inputs = ("aivalue.business.v1", "aivalue.model.v1", "aivalue.replay.v1")
    assert found == {
        *(f"{unique}-{tenant}.{topic}" for tenant in ("one", "two") for topic in inputs),
        f"{unique}.aivalue.changes.v1",
        f"{unique}.aivalue.value.v1",
    }


async def test_a_broker_that_is_away_is_named_in_one_line() -> None:
    said = await run_module(
        "aivalue.runtime.topics", status=1, AIVALUE_KAFKA__BOOTSTRAP="127.0.0.1:1"
    )

    assert said == (
        "127.0.0.1:1 by PLAINTEXT cannot be used (Unable to bootstrap from "
        "[('127.0.0.1', 1, <AddressFamily.AF_INET: 2>)]); AIVALUE_KAFKA__BOOTSTRAP and its like "
        "say where and how\n"
    )


def test_the_published_list_of_topics_is_what_is_created() -> None:
    listed = yaml.safe_load((ROOT / "deploy" / "kafka" / "topics.yaml").read_text())

    assert sorted(each["name"] for each in listed) == topic_names(KafkaSettings())

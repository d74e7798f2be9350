"""Arithmetic beside the loop: results and errors come back, and nobody waits for it at the end."""

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from services.attribution.threads import beside_the_loop

ROOT = Path(__file__).parents[3]


async def test_the_result_comes_back_from_another_thread() -> None:
    assert await beside_the_loop(threading.current_thread) is not threading.current_thread()


async def test_an_error_is_raised_where_the_result_is_awaited() -> None:
    with pytest.raises(ValueError, match="no number"):
        await beside_the_loop(_fail)


async def test_the_loop_goes_on_meanwhile() -> None:
    begun = time.monotonic()

    sleeping = asyncio.create_task(beside_the_loop(time.sleep, 0.5))
    await asyncio.sleep(0.01)
    after_a_moment = time.monotonic() - begun
    await sleeping

    assert after_a_moment < 0.4


def test_a_process_that_is_to_end_does_not_wait_for_it() -> None:
    program = (
        "import asyncio, time\n"
        "from services.attribution.threads import beside_the_loop\n"
        "async def main():\n"
        "    task = asyncio.create_task(beside_the_loop(time.sleep, 120))\n"
        "    await asyncio.sleep(0.1)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
    )

    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, timeout=60, check=False, capture_output=True
    )

    assert finished.returncode == 0, finished.stderr


def _fail() -> None:
    raise ValueError("no number")

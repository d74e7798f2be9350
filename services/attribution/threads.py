"""Long arithmetic beside the event loop, which nobody waits for when the process is to end.

Threads of the default executor are joined at exit, so a deployment would wait for a run that is
going to be repeated anyway: nothing of it is stored before it is complete.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def beside_the_loop(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Call a function in a thread of its own; a cancelled call is abandoned, not awaited."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[Result] = loop.create_future()

    def deliver(result: Result | None, error: BaseException | None) -> None:
        if waiting.done():
            return
        if error is not None:
            waiting.set_exception(error)
        else:
            waiting.set_result(result)  # type: ignore[arg-type]  # without an error it is there

    def call() -> None:
        result, error = None, None
        try:
            result = function(*args, **kwargs)
        except BaseException as raised:  # noqa: BLE001 - it belongs to whoever waits
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(deliver, result, error)

    threading.Thread(target=call, name=function.__qualname__, daemon=True).start()
    return await waiting

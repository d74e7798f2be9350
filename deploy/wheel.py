"""What a wheel carries besides Python: the demo's examples, and what was compiled."""

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Contents(BuildHookInterface):  # type: ignore[type-arg]  # its configuration is not ours
    """Adds them to every wheel but an editable one, which reads both from the checkout."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile where there is a C compiler; the wheel is then one for this Python alone."""
        if version == "editable":
            return
        build_data["force_include"]["examples"] = "aivalue/examples"
        root = Path(self.root)
        compile_ = [sys.executable, root / "deploy" / "compile.py"]
        subprocess.run(compile_, check=True)  # noqa: S603 - our own words
        suffix = sysconfig.get_config_var("EXT_SUFFIX")
        sources = [each for top in ("aivalue", "services") for each in (root / top).rglob("*.pyx")]
        modules = [source.with_suffix(suffix) for source in sources]
        compiled = [str(each.relative_to(root)) for each in modules if each.exists()]
        if compiled:
            # Git ignores them, and a wheel leaves out what Git ignores.
            build_data["artifacts"] += compiled
            build_data["pure_python"] = False
            build_data["infer_tag"] = True

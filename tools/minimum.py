"""Print the oldest versions that pyproject.toml allows, as constraints for pip.

They are those of the package's dependencies and of the extras that users install, without the tools that test it.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

NOT_FOR_USERS = {"dev", "oracle"}
STATED = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)>=(?P<version>[0-9.]+)")


def stated() -> dict[str, str]:
    """Return the name of each package with its oldest version."""
    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text("utf-8"))["project"]
    extras = [wanted for name, wanted in project["optional-dependencies"].items() if name not in NOT_FOR_USERS]
    lines = [line for wanted in (project["dependencies"], *extras) for line in wanted]
    return {match["name"]: match["version"] for line in lines if (match := STATED.match(line))}


if __name__ == "__main__":
    print("\n".join(f"{name}=={version}" for name, version in stated().items()))

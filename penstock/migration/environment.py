"""`${NAME}` in the values of a migration file: what the environment of the process says.

`${NAME:-default}` gives the default where the variable is not set or is empty; `$${NAME}` is the text `${NAME}`. Values are replaced after
the YAML is parsed, so that no value of a variable can change the structure of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from penstock.migration.document import Mistake, at, rebuilt

_VARIABLE = re.compile(r"\$(\$)?\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_ADDRESSES = frozenset({"source", "target"})


@dataclass
class Filled:
    """A document with its variables replaced. values: of all but addresses, by name.  mistakes: the variables that are not set."""

    tree: yaml.Node
    values: dict[str, str] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


def filled(tree: yaml.MappingNode, environment: Mapping[str, str]) -> Filled:
    """The document with every variable in its values replaced; keys stay as they are."""
    found = Filled(tree)

    def scalar(node: yaml.ScalarNode, location: tuple[str, ...]) -> yaml.ScalarNode:
        if "${" not in node.value:
            return node
        for name, default in _asked(node.value):
            if not environment.get(name) and default is None:
                told = f"the environment variable {name} is not set: export {name}=..., or write ${{{name}:-default}}"
                found.mistakes.append(at(node, f"{'.'.join(location)}: {told}"))
            if location[:1] and location[0] not in _ADDRESSES:
                found.values[name] = environment.get(name) or default or ""
        value = _VARIABLE.sub(lambda m: _value(m, environment), node.value)
        return yaml.ScalarNode(node.tag, value, node.start_mark, node.end_mark, node.style)

    found.tree = rebuilt(tree, scalar)
    return found


def _asked(text: str) -> Iterator[tuple[str, str | None]]:
    return ((m[2], m[3]) for m in _VARIABLE.finditer(text) if not m[1])


def _value(match: re.Match[str], environment: Mapping[str, str]) -> str:
    return match[0][1:] if match[1] else environment.get(match[2]) or match[3] or ""

"""How large a YAML file is once its aliases are written out, as OmegaConf does.

A dozen lines of aliases of aliases stand for more values than there is memory.
"""

import math

import yaml
from yaml.nodes import MappingNode, Node


def n_values(text: str) -> float:
    """The number of scalars, lists and mappings; infinite where a part holds itself, or is nested
    more deeply than can be read. 0 for what is no YAML: its reader says why."""
    try:
        document = yaml.compose(text, Loader=yaml.SafeLoader)
        return 0 if document is None else _n_values(document, {})
    except yaml.YAMLError:
        return 0
    except RecursionError:
        return math.inf


def _n_values(node: Node, known: dict[Node, float]) -> float:
    if node not in known:
        known[node] = math.inf  # until it is counted, and so if it is met inside itself
        known[node] = 1 + sum(_n_values(part, known) for part in _parts(node))
    return known[node]


def _parts(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node.value, list) else []

"""Both nodes in one process, on one map without a copy."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from locate3d_ros.build import build_extractor, build_localizer
from locate3d_ros.nodes.base_node import BaseNode
from locate3d_ros.nodes.localization_node import LocalizationNode, MakeLocalizer
from locate3d_ros.nodes.mapping_node import MakeExtractor, MappingNode
from locate3d_ros.nodes.runner import run


def create_nodes(
    make_extractor: MakeExtractor = build_extractor, make_localizer: MakeLocalizer = build_localizer
) -> Iterator[BaseNode]:
    """Yield the mapping node, then the localization node that answers from its map.

    Mapping begins while the localizer is still being made, which takes longer.
    """
    mapping = MappingNode(make_extractor)
    yield mapping
    yield LocalizationNode(mapping.live_map, make_localizer)


def main(arguments: list[str] | None = None) -> int:
    """Run both nodes until they are told to end; 2 for parameters that cannot be."""
    return run(create_nodes, arguments)


if __name__ == "__main__":
    sys.exit(main())

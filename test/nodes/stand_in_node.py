"""A process with locate3d_node or localization_node whose slow parts are stand-ins: python stand_in_node.py NAME ..."""

from __future__ import annotations

import sys

from fakes import FakeExtractor, FakeLocalizer

from locate3d_ros.nodes.localization_node import LocalizationNode
from locate3d_ros.nodes.locate3d_node import create_nodes
from locate3d_ros.nodes.runner import run

CREATE = {
    "locate3d_node": lambda: create_nodes(lambda *_: FakeExtractor(), lambda *_: FakeLocalizer()),
    "localization_node": lambda: [
        LocalizationNode(make_localizer=lambda *_: FakeLocalizer(), make_extractor=lambda *_: FakeExtractor())
    ],
}

if __name__ == "__main__":
    sys.exit(run(CREATE[sys.argv[1]], sys.argv[2:]))

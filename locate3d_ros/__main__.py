"""`python -m locate3d_ros` is the `locate3d` command."""

import sys

from locate3d_ros.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

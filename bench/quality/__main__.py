"""Go on with the raw figures of ``scores.py``: ``python -m bench.quality [--seeds 200] [--minutes 60]``.

``python -m bench quality`` makes the tables and plots of what is there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .scores import Scores, run


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument(
        "--minutes", type=float, default=60, help="at most; a seed that was begun is finished"
    )
    chosen = parser.parse_args(arguments)
    run(chosen.seeds, chosen.minutes, Scores.read())


if __name__ == "__main__":
    main()

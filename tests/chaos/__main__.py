"""``python -m tests.chaos --seeds 1000``."""

import sys

from tests.chaos.run import main

sys.exit(main())

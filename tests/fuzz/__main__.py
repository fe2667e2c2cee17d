"""`python -m tests.fuzz [options of st run]`: look long, with another seed each time, and print what was found."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.fuzz import fuzz

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        status, said = asyncio.run(fuzz(Path(folder), "--max-examples", "300", *sys.argv[1:]))
    print(said)
    sys.exit(status)

# SPDX-License-Identifier: MIT
"""What docs/specification.md promises of exits, size and memory, measured once; `make bench` also measures the boot."""
import os
import subprocess
import sys

import bulkhead


def test_bounds():
    run = os.path.join(bulkhead.ROOT, "tests/bench/run.py")
    done = subprocess.run([sys.executable, run, bulkhead.BUILD, "guest", "--once"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout

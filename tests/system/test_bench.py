# SPDX-License-Identifier: MIT
"""What docs/specification.md promises of exits, size and memory, measured once; `make bench` also measures the boot of
Linux, and everything twice."""
import os
import subprocess
import sys

import pytest

import bulkhead


@pytest.mark.parametrize("vendor", ["amd", "intel"])
def test_bounds(vendor):
    run = os.path.join(bulkhead.ROOT, "tests/bench/run.py")
    done = subprocess.run([sys.executable, "-B", run, bulkhead.BUILD, "guest", "--once", "--vendor", vendor],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout

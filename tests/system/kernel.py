# SPDX-License-Identifier: MIT
"""The hypervisor's ELF file, for tests that stop it in Bochs's debugger."""
import os
import re
import subprocess

import bulkhead

KERNEL = os.path.join(bulkhead.BUILD, "bulkhead.elf")


def run(*words):
    """Output of a program."""
    return subprocess.run([*words, KERNEL], check=True, capture_output=True, text=True).stdout


def symbol(name):
    """Its address."""
    return int(re.search(rf"^([0-9a-f]+) \w {name}$", run("nm"), re.M).group(1), 16)


def quadword(address):
    """What is at an address."""
    text = run("objdump", "-s", f"--start-address={address:#x}", f"--stop-address={address + 8:#x}")
    words = re.search(r"^ [0-9a-f]+ ([0-9a-f]{8}) ([0-9a-f]{8}) ", text, re.M)
    return int.from_bytes(bytes.fromhex(words.group(1) + words.group(2)), "little")


def instruction(pattern):
    """Address of the first instruction whose text matches, and the match."""
    match = re.search(rf"^([0-9a-f]+):.*\b{pattern}$", run("objdump", "-d"), re.M)
    return int(match.group(1), 16), match.groups()[1:]

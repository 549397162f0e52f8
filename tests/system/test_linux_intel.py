# SPDX-License-Identifier: MIT
"""Debian's stock kernel on VT-x, in Bochs: to the shell, some work, a reboot, power-off. The command line is tuned for an
emulator of 50 MHz; otherwise the same kernel and the same image as on AMD-V, where test_linux.py asks for much more."""
import re

import pytest

from bulkhead import HEAD, linux

TUNED = "console=ttyS0 quiet mitigations=off tsc=reliable no_timer_check cryptomgr.notests"


@pytest.fixture(scope="module")
def machine(start_shared):
    """A machine at its shell's prompt; the last test ends it."""
    started = start_shared(HEAD + linux(cpus="0", cmdline=TUNED), vendor="intel", firmware="bios", cpus=2)
    started.shell()
    yield started
    started.close()


def test_backend(machine):
    """VT-x was picked, and nobody complains about the other one."""
    assert "virtualization: VT-x" in machine.log()
    assert " error " not in machine.log()


def test_processor(machine):
    flags = set(re.search(r"flags\s*: (.*)", machine.command("cat /proc/cpuinfo")).group(1).split())
    assert {"x2apic", "tsc_deadline_timer", "hypervisor", "nx", "lm"} <= flags
    assert not {"svm", "vmx", "monitor"} & flags


def test_timer_ticks(machine):
    ticks = [int(re.search(r"LOC:\s+(\d+)", machine.command("cat /proc/interrupts")).group(1)) for _ in range(2)]
    assert ticks[1] > ticks[0] > 0


def test_kernel_log_is_clean(machine):
    assert machine.command("dmesg -r | grep -E '^<[0-4]>' || true").strip() == ""


def test_power_off(machine):
    machine.send("poweroff\n")
    machine.expect(r"info linux: powered off by the guest")
    machine.ends(0)

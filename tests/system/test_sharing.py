# SPDX-License-Identifier: MIT
"""Several partitions on the same cores: each keeps its state, gets its share, and is not held up by the others."""
import re

import pytest

from bulkhead import HEAD, guest, linux

TICKS = re.compile(r"beat (\d+)")


def run_all(start, vendor, text, cpus):
    """All partitions to their end; the log."""
    machine = start(text, vendor=vendor, cpus=cpus)
    machine.expect(r"all partitions are off", machine.boot_wait)
    machine.ends()
    return machine.log()


def test_partitions_on_the_same_cores_keep_their_state(start, vendor):
    """General, vector and debug registers, shadows, clocks, interrupts: what the guests check is theirs alone."""
    names = {"fpu-a": "fpu", "fpu-b": "fpu", "step": "step", "cpu": "cpu", "neighbour": "neighbour", "memory": "memory"}
    text = HEAD
    for name, kernel in names.items():
        text += guest(name, f"{kernel}.elf", cpus="0-1" if kernel == "fpu" else "0", memory="32M", sched="fair")
    log = run_all(start, vendor, text, 2)
    for name in names:
        lines = re.findall(rf"^\[{name}\] (.*)$", log, re.M)
        assert not [line for line in lines if line.startswith("FAILED")]
        assert any(line.endswith(" passed, 0 failed") for line in lines), name
        assert re.search(rf"info {name}: debug exit with status 0$", log, re.M)


@pytest.mark.parametrize("sched", ["rt budget=2ms period=4ms", "cyclic frame=4ms window=1ms-3ms"])
def test_guaranteed_time_beside_a_guest_that_never_waits(start, vendor, sched):
    """The one with a guarantee ends; the other, with interrupts off in an endless loop, has what is left."""
    machine = start(HEAD + guest("loop", "hostile.elf", cmdline="loop", sched="fair weight=10000") +
                    guest("sure", "neighbour.elf", cmdline="5", memory="32M", sched=sched), vendor=vendor, cpus=1)
    machine.expect_all(r"\[loop\] hostile: loop", r"info sure: debug exit with status 0", timeout=machine.boot_wait)
    assert [int(n) for n in TICKS.findall(machine.log())] == [1, 2, 3, 4, 5]


@pytest.mark.bochs
def test_release_jitter(start):
    """The periodic guest's worst case beside a guest that never waits, in instructions: the ticks of Bochs's clock on a
    machine of one processor. QEMU's is the host's time here."""
    machine = start(HEAD + guest("loop", "hostile.elf", cmdline="loop", sched="fair") +
                    guest("rt", "rt.elf", cmdline="300", sched="rt budget=500us period=1ms"), vendor="intel", cpus=1)
    machine.expect(r"info rt: debug exit with status 0", machine.boot_wait)
    worst = int(re.search(r"worst \d+ ns \((\d+) ticks of the TSC\)", machine.log()).group(1))
    assert 0 < worst < 8000


def test_fair_guest_is_not_starved(start, vendor):
    """Two that never wait, and one that wants little."""
    text = HEAD
    for name in "one", "two":
        text += guest(name, "hostile.elf", cmdline="loop", sched="fair")
    machine = start(text + guest("little", "neighbour.elf", cmdline="5", memory="32M", sched="fair weight=10"),
                    vendor=vendor, cpus=1)
    machine.expect(r"info little: debug exit with status 0", machine.boot_wait)


def test_two_linux_on_one_core(start, vendor):
    """Stock kernels to their shells, and to their orderly ends."""
    machine = start(HEAD + linux("a", cpus="0", sched="fair") + linux("b", cpus="0", sched="fair"), vendor=vendor, cpus=1)
    machine.expect_all(r"\[a\] Linux .* in a partition of Bulkhead", r"\[b\] Linux .* in a partition of Bulkhead",
                       timeout=2 * machine.boot_wait)
    for name in "a", "b":
        machine.focus(name)
        machine.send("poweroff\n")
        machine.expect(rf"info {name}: powered off by the guest", machine.boot_wait)
    machine.ends()

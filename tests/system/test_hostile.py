# SPDX-License-Identifier: MIT
"""Hostile guests, several in one machine, beside a harmless neighbour: what becomes of each, and that the neighbour and
the hypervisor do not notice."""
import re

import pytest

from bulkhead import HEAD, guest

NEIGHBOUR = "neighbour"
BEATS = 15

# Name of the partition: the guest and its attack. These go on to their orderly end.
LIVE = {
    "instructions": ("hostile", "instructions"),
    "memory": ("hostile", "memory"),
    "strings": ("hostile", "strings"),
    "msrs": ("hostile", "msrs"),
    "apic": ("hostile", "apic"),
    "user": ("provoke", "user"),
    "nmi": ("provoke", "nmi"),
    "registers": ("provoke", "registers"),
    "mmio": ("provoke", "mmio"),
}
BUSY = {
    "ports": ("hostile", "ports"),
    "storm": ("provoke", "storm"),
}

NOWHERE = "where there is no memory"
NOT_EMULATED = "the instruction at RIP is not emulated on guest-physical address"

# These are stopped, and the log says why.
STOPPED = {
    "triple-fault": ("hostile", "triple-fault", "vCPU 0: triple fault"),
    "fetch": ("hostile", "fetch", f"vCPU 0 executes at guest-physical address 0xd0000000, {NOWHERE}"),
    "page-table": ("hostile", "page-table",
                   f"vCPU 0: a page table lies at guest-physical address 0xd0000[0-9a-f]+, {NOWHERE}"),
    "idt-gone": ("provoke", "idt-gone",
                 f"vCPU 0: delivery of vector 6 touches guest-physical address 0xd0000060, {NOWHERE}"),
    "gdt-wild": ("provoke", "gdt-wild", f"vCPU 0: {NOT_EMULATED} 0xd0000010"),
    "stack-wild": ("provoke", "stack-wild",
                   f"vCPU 0: delivery of vector 6 touches guest-physical address 0xd0000ff8, {NOWHERE}"),
    "mmio-fpu": ("provoke", "mmio-fpu", f"vCPU 0: {NOT_EMULATED} 0xfee00000"),
    # Which of the five words IRET reads first is the processor's own business.
    "mmio-return": ("provoke", "mmio-return", f"vCPU 0: {NOT_EMULATED} 0xfee000[0-2][08]"),
}

# These hold a processor for ever. Their second processor ends them, so the first must be brought to a stop.
ENDLESS = {
    "db-loop": ("provoke", "db-loop"),
    "ac-loop": ("provoke", "ac-loop"),
    "hlt-off": ("provoke", "hlt-off"),
}


class Result:
    """What a machine said when all was over."""

    def __init__(self, text, vendor):
        self.text = text
        self.vendor = vendor

    def find(self, pattern):
        """Does a line match?"""
        return re.search(pattern, self.text, re.M)

    def guest_lines(self, name):
        """What the guest printed."""
        return re.findall(rf"^\[{re.escape(name)}\] (.*)$", self.text, re.M)

    def ended_well(self, name):
        """Its checks hold and it stopped itself."""
        failed = [line for line in self.guest_lines(name) if line.startswith(("FAILED", "unexpected"))]
        assert not failed, failed
        assert self.find(rf" info {re.escape(name)}: debug exit with status 0$"), f"{name} did not end well"

    def neighbour_is_well(self, all_shown=True):
        """It beat to its end, in time. all_shown: the console had room for all that it said."""
        self.ended_well(NEIGHBOUR)
        beats = [f"beat {i}" for i in range(1, BEATS + 1)]
        shown = [line for line in self.guest_lines(NEIGHBOUR) if line.startswith("beat")]
        assert shown == (beats if all_shown else [line for line in beats if line in shown])
        assert not self.find(r"panic"), "the hypervisor did not live"
        # QEMU's clock is the test machine's, which may be busy; Bochs' clock counts instructions.
        if self.vendor == "intel":
            assert self.time(f"{NEIGHBOUR}: debug exit") - self.time(f"{NEIGHBOUR}: started") < 1.25 * BEATS / 10

    def time(self, text):
        """When the log says so, in seconds."""
        return float(self.find(rf"^\[ *([0-9.]+)\] [0-9]+ info {text}").group(1))


def run_all(start_shared, vendor, attacks, cores=1):
    """A machine with these attacks and the neighbour, each on cores of its own, until none is left."""
    text, first = HEAD, 1
    for name, (kernel, word, *_) in attacks.items():
        cpus = str(first) if cores == 1 else f"{first}-{first + cores - 1}"
        text += guest(name, f"{kernel}.elf", cpus=cpus, cmdline=word)
        first += cores
    # Not the first: that one has the console's focus, and its lines are broken by those of others.
    text += guest(NEIGHBOUR, "neighbour.elf", cpus="0", cmdline=str(BEATS), memory="32M")
    machine = start_shared(text, vendor=vendor, cpus=first, memory="1G")
    # Ten partitions run at once here: on a busy machine it takes longer than one boot.
    machine.expect(r"all partitions are off|no partition is running", 2 * machine.boot_wait)
    if "all partitions are off" in machine.child.after:
        machine.ends()
    machine.close()
    return Result(machine.log(), vendor)


@pytest.fixture(scope="module")
def live(start_shared, vendor):
    """The machine of LIVE."""
    return run_all(start_shared, vendor, LIVE)


@pytest.fixture(scope="module")
def busy(start_shared, vendor):
    """The machine of BUSY."""
    return run_all(start_shared, vendor, BUSY)


@pytest.fixture(scope="module")
def stopped(start_shared, vendor):
    """The machine of STOPPED."""
    return run_all(start_shared, vendor, STOPPED)


@pytest.fixture(scope="module")
def endless(start_shared, vendor):
    """The machine of ENDLESS."""
    return run_all(start_shared, vendor, ENDLESS, cores=2)


@pytest.mark.parametrize("name", LIVE)
def test_attack_is_answered_as_the_architecture_says(live, name):
    assert live.guest_lines(name), "it said nothing"
    live.ended_well(name)


@pytest.mark.parametrize("name", BUSY)
def test_storm_ends(busy, name):
    assert busy.guest_lines(name), "it said nothing"
    busy.ended_well(name)


@pytest.mark.parametrize("name", STOPPED)
def test_attack_stops_its_partition(stopped, name):
    why = STOPPED[name][2]
    assert stopped.find(rf" error {name}: {why}$"), "the log does not say why"
    assert stopped.find(rf" error {name}: RIP [0-9a-f]{{16}} RSP "), "no register dump"
    assert stopped.find(rf" error {name}: stopped$")


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_delivery_does_not_hold_its_partition(endless, name):
    assert endless.find(rf"^\[{name}\] provoke: processor 1 ends it")
    endless.ended_well(name)


def test_neighbour_does_not_notice_what_lives(live):
    live.neighbour_is_well()


def test_neighbour_does_not_notice_a_storm(busy):
    busy.neighbour_is_well()


def test_neighbour_does_not_notice_what_is_stopped(stopped):
    # The dumps of what is stopped go first on the serial line, and guests are not made to wait for it.
    stopped.neighbour_is_well(all_shown=False)


def test_neighbour_does_not_notice_endless_delivery(endless):
    endless.neighbour_is_well()


def test_loop_with_interrupts_off_holds_only_its_own_core(start, vendor):
    machine = start(HEAD + guest("loop", "hostile.elf", cpus="0", cmdline="loop") +
                    guest(NEIGHBOUR, "neighbour.elf", cpus="1", cmdline=str(BEATS), memory="32M"),
                    vendor=vendor, cpus=2)
    machine.expect_all(r"\[loop\] hostile: loop", rf"info {NEIGHBOUR}: debug exit with status 0",
                       timeout=machine.boot_wait)
    machine.expect(rf"info {NEIGHBOUR}: stopped")
    Result(machine.log(), vendor).neighbour_is_well()


def test_paging_cannot_be_turned_off_in_64_bit_mode(start, vendor):
    if vendor == "amd":
        pytest.skip("QEMU's processor obeys where #GP is due, with no hypervisor as well")
    machine = start(HEAD + guest("paging-off", "provoke.elf", cmdline="paging-off"), vendor=vendor)
    machine.expect(r"info paging-off: debug exit with status 0", machine.boot_wait)


def test_reserved_control_register_bits(start, vendor):
    """The processor raises #GP. QEMU's leaves the guest instead, as if its state were refused: then it is stopped."""
    machine = start(HEAD + guest("cr4", "provoke.elf", cmdline="cr4"), vendor=vendor)
    machine.expect(r"info cr4: debug exit with status 0|error cr4: vCPU 0: the processor refused the guest's state",
                   machine.boot_wait)

# SPDX-License-Identifier: MIT
"""The machines of the benchmarks, and what each of them boots."""
from typing import NamedTuple, Tuple

HEAD = "[bulkhead]\nversion = 1\nconsole = com1,115200\n"


def guest(name, cpus="0", word=None):
    """A partition with the bench guest; `word` picks a section of it."""
    lines = [f"\n[partition {name}]", f"cpus = {cpus}", "memory = 256M" if word is None else "memory = 64M",
             "kernel = bench.elf", "debug-exit = 0xf4"]
    return "\n".join(lines + ([f"cmdline = {word}"] if word else [])) + "\n"


def linux(more=""):
    """A partition with Debian's stock kernel, to the first process."""
    return "\n".join(["\n[partition linux]", "cpus = 0", "memory = 512M", "kernel = vmlinuz", "initrd = initrd.img",
                      f"cmdline = console=ttyS0 quiet rdinit=/bench {more}"]) + "\n"


class Boot(NamedTuple):
    """One boot of a machine. `counts`: a debug build, whose log has the VMREADs and VMWRITEs of every kind of exit."""
    name: str
    partitions: str
    options: Tuple[str, ...]  # of `bulkhead run`
    logged: Tuple[str, ...] = ()  # figures that the hypervisor says itself
    counts: bool = False


class Machine(NamedTuple):
    """A column of the table: {group: boots}. The groups are what run.py can be asked for."""
    vendor: str
    model: str
    groups: dict

    def title(self):
        return f"{self.vendor} {self.model}"


BIOS = ("--firmware", "bios")
UEFI = ("--firmware", "uefi")
FOUR = ("--cpus", "4")
ONE = ("--cpus", "1")

# The exits do not care how the machine started, and a BIOS is there sooner; the boot is measured as it is on machines.
AMD = {
    "guest": [Boot("guest", guest("bench", "0-1"), (*BIOS, *FOUR, "--memory", "1G"), ("hypervisor-memory-bytes",))],
    "linux": [Boot("linux", linux(), (*UEFI, *ONE, "--memory", "2G"), ("boot-to-first-guest",))],
}

# With one processor Bochs's TSC is exact: one tick per instruction. With several it moves on when each has had its turn,
# so only what needs two is measured with them.
INTEL_GUEST = [
    Boot("guest", guest("bench"), (*BIOS, *ONE, "--memory", "512M"), ("boot-to-first-guest",)),
    Boot("processors", guest("bench", "0-1", "processors"), (*BIOS, *FOUR, "--memory", "1G"),
         ("hypervisor-memory-bytes",)),
    Boot("counts", guest("cpuid", "0", "count-cpuid") + guest("timer", "1", "count-timer"),
         (*BIOS, "--cpus", "2", "--memory", "512M"), counts=True),
]
# What Linux does for a processor of 50 MHz would be most of its boot.
INTEL_LINUX = [Boot("linux", linux("mitigations=off tsc=reliable no_timer_check cryptomgr.notests"),
                    (*BIOS, *ONE, "--memory", "1G"))]

MACHINES = [
    Machine("amd", "max", AMD),
    Machine("intel", "broadwell_ult", {"guest": INTEL_GUEST, "linux": INTEL_LINUX}),
    Machine("intel", "corei7_ivy_bridge_3770k", {"guest": INTEL_GUEST}),
]

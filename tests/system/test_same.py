# SPDX-License-Identifier: MIT
"""The same guest sees the same architecture on both vendors. What may differ is listed here, each with its reason; and
what is listed must differ, so that no reason outlives its cause. Two processors with AMD-V are compared with VT-x:
QEMU's, and Bochs's ryzen, which executes instructions by the same code as Bochs's processors of Intel."""
import re
from collections import Counter

import pytest

import facts
from bulkhead import HEAD, linux
from test_guests import GUESTS, run_guest

pytestmark = pytest.mark.same

AMD = {"QEMU": None, "Bochs": "ryzen"}


def unexplained(one, other, reasons):
    """The lines that only one of two lists has and that match no pattern of `reasons`; the patterns that match none."""
    lines = list((Counter(one) - Counter(other)).elements()) + list((Counter(other) - Counter(one)).elements())
    left = [line for line in lines if not any(re.fullmatch(pattern, line) for pattern in reasons)]
    unused = [pattern for pattern in reasons if not any(re.fullmatch(pattern, line) for line in lines)]
    return left, unused


# --- tests/guests/report.c and inventory.c ---

# Lines of the report, apart from CPUID's; on both processors with AMD-V.
VENDORS_OWN = {
    r"MSR 3a: .*": "IA32_FEATURE_CONTROL is Intel's",
    r"MSR exists: (0|1|17|2a|3a|ce|140|1a0)": "Intel's: P5_MC, PLATFORM_ID, EBL_CR_POWERON, FEATURE_CONTROL, "
                                              "PLATFORM_INFO, MISC_FEATURES_ENABLES, MISC_ENABLE",
    r"MSR exists: c001[0-9a-f]{4}": "AMD's",
    r"instruction vm(m?)call: .*": "each vendor has its own",
}
EMULATORS_OWN = {
    "QEMU": {
        # The same without a hypervisor, which is how report.elf was tried.
        r"DR6, all ones written: .*": "TCG stores the reserved bits of DR6",
        r"DR7: .*": "and those of DR7",
        r"instruction sysexit: .*": "undefined in long mode on AMD (APM volume 3, SYSEXIT); not in Bochs",
    },
    "Bochs": {
        r"MSR da0: .*": "ryzen has XSAVES, broadwell has not",
        r"MSR exists: da0": "the same",
        r"EFER, bits that can be changed: .*": "FFXSR is AMD's",
    },
}

# Leaves of CPUID that are the vendor's or the model's altogether.
LEAVES = {
    "0.0": "vendor, highest leaf", "2.0": "Intel's caches", "4.[0-9]": "Intel's caches", "d.9": "size of PKRU",
    "15.0": "Intel's clocks", "16.0": "Intel's clocks", "40000010.0": "frequencies",
    "80000000.0": "vendor, highest leaf", "8000000[234].0": "name", "80000005.0": "AMD's caches",
    "80000006.0": "caches", "80000019.0": "AMD's TLBs", "8000001a.0": "AMD's", "8000001d.[0-9]": "AMD's caches",
}
# Registers, in the order of CPUID's output: EAX to EDX. Of each the bits that may differ, None: all.
BITS = {
    "1.0": [None, [], [17], [1, 27]],  # model; PCID, VME, SS
    # ERMS, INVPCID, no FPU CS and DS, RDSEED, CLFLUSHOPT, CLWB, SHA; UMIP, PKU, VAES
    "7.0": [[], [9, 10, 13, 18, 23, 24, 29], [2, 3, 9], []],
    "d.0": [[9], [], None, []],        # PKRU, and its place
    "d.1": [[1, 2, 3], None, [], []],  # XSAVEC, XGETBV with ECX = 1, XSAVES, the size that goes with them
    # model; AMD's own and PREFETCHW; what AMD repeats of leaf 1, and MMXEXT, FFXSR, 3DNow!
    "80000001.0": [None, None, [0, 1, 5, 6, 7, 8, 22], [*range(10), *range(12, 18), 22, 23, 24, 25, 30, 31]],
    "80000008.0": [[], [0], [0, 12], []],  # CLZERO; AMD's number of processors and of APIC ID bits
}


def printed(start, vendor, model, name):
    """A guest's lines; test_guests.py has run it already, when it ran before."""
    return facts.find(vendor, model, name) or run_guest(start, vendor, name, GUESTS[name], model)


def report(start, vendor, model, name):
    """The facts that a guest lists: "name: value"."""
    lines = printed(start, vendor, model, name)
    begin = [i for i, line in enumerate(lines) if f"info {name}: started" in line][0]
    return [line for line in lines[begin:] if re.match(r"[^\[:]+: ", line) and not line.startswith("bulkhead: ")]


@pytest.fixture(scope="module", params=AMD)
def emulator(request):
    """Of AMD-V."""
    return request.param


def cpuid(lines):
    """{leaf: registers}"""
    found = [re.fullmatch(r"CPUID (\S+): (\S+) (\S+) (\S+) (\S+)", line) for line in lines]
    return {match[1]: [int(word, 16) for word in match.groups()[1:]] for match in found if match}


def test_report(start, emulator):
    """Registers after start-up, MSRs, what instructions raise."""
    one, other = [[line for line in report(start, vendor, model, "report") if not line.startswith("CPUID ")]
                  for vendor, model in (("amd", AMD[emulator]), ("intel", None))]
    assert len(other) > 150
    left, unused = unexplained(one, other, VENDORS_OWN | EMULATORS_OWN[emulator])
    assert not left and not unused


def test_cpuid(start, emulator):
    """All leaves: bit by bit where they are features, so that a new difference is seen."""
    one, other = cpuid(report(start, "amd", AMD[emulator], "report")), cpuid(report(start, "intel", None, "report"))
    assert len(other) > 20
    for leaf in one.keys() | other.keys():
        if any(re.fullmatch(pattern, leaf) for pattern in LEAVES):
            continue
        assert leaf in one and leaf in other, f"leaf {leaf} is of one vendor alone"
        for register, allowed in enumerate(BITS.get(leaf, [[]] * 4)):
            difference = one[leaf][register] ^ other[leaf][register]
            bits = [bit for bit in range(32) if difference >> bit & 1 and allowed is not None and bit not in allowed]
            assert not bits, f"leaf {leaf}, register {register}"


@pytest.mark.parametrize("vendor,model", [("amd", None), ("amd", "ryzen"), ("intel", "corei7_ivy_bridge_3770k")],
                         ids=["QEMU", "Bochs", "no-APICv"])
def test_inventory(start, vendor, model):
    """The virtual PC: memory map, ACPI tables to the byte, interrupt controllers, ports, PCI. No difference at all,
    also not between a processor that virtualizes the local APIC and one that leaves it to software."""
    one = report(start, vendor, model, "inventory")
    assert len(one) > 450 and one == report(start, "intel", None, "inventory")


# --- the guests that check the architecture ---

# Checks that tell a feature's or a clock's value.
VALUES = {
    "cpu": {
        r"ok XCR0 = all that CPUID offers \(.*": "PKRU",
        r"ok with it the XSAVE area has its largest size, .*": "PKRU",
        r"ok the TSC's frequency is told: .*": "the machine's",
    },
    # Tried on Intel alone: the guests say that QEMU's processor has these otherwise.
    "edges": {
        r"ok an? (LDT|TSS) that is not canonical": "it loads any base",
    },
    "legacy": {
        r"ok long mode (with a 16-bit TSS|from a code segment with L and D) \(d\)": "",
        r"ok PAE paging with entries that change \(d\)": "",
        r"ok task switch: (a task with the trap bit|user code, stack not present) \(.\)": "",
    },
    "time": {
        r"ok the TSC runs at .*": "the machine's",
        r"ok CPUID says so, too: .*": "the machine's",
        r"ok the local APIC's timer counts at .*": "follows the TSC",
    },
}


@pytest.mark.parametrize("name", [name for name in GUESTS if name not in ("report", "inventory")])
def test_checks(start, name):
    """The lines of their checks are equal: the same was tried, and the same came of it."""
    one, other = [[line for line in printed(start, vendor, None, name) if re.match(r"(ok|FAILED) ", line)]
                  for vendor in ("amd", "intel")]
    left, unused = unexplained(one, other, VALUES.get(name, {}))
    assert one and not left and not unused


# --- stock Linux ---

# Flags of /proc/cpuinfo that one processor has and the other has not, or that only one vendor's code in Linux sets.
FLAGS = {
    "amd": {"mmxext", "3dnowext", "3dnow", "extd_apicid", "cmp_legacy", "sse4a", "vmmcall",  # AMD's
            "clflushopt", "clwb", "xgetbv1", "umip", "pku", "ospke", "vaes"},                # newer than broadwell
    "intel": {"vme", "pcid", "invpcid", "invpcid_single", "rdseed",                          # TCG has none
              "xtopology"},                                                                  # leaf 0xb: not read on AMD
}

# Lines of /proc/cpuinfo that are facts of the machine, not of the model.
PROCESSOR = r"(processor|physical id|siblings|core id|cpu cores|apicid|initial apicid|fpu|fpu_exception|wp|" \
    r"clflush size|cache_alignment|address sizes)\s*:.*"

# Messages about the machine.
HARDWARE = r"BIOS|e820|ACPI|APIC|[Pp][Cc][Ii]|pnp|PnP|PIC|HPET|rtc|i8042|[Ss]erial|PAT|MTRR|IRQ|GSI|clockevents|" \
    r"Hypervisor|paravirtualized|DMI"


@pytest.fixture(scope="module")
def linux_facts(start_shared):
    """Of both; test_linux.py has asked already, when it ran before."""
    found = {vendor: facts.find(vendor, "linux") for vendor in ("amd", "intel")}
    for vendor in [vendor for vendor, answers in found.items() if not answers]:
        machine = start_shared(HEAD + linux(vendor=vendor, cpus="0-1"), vendor=vendor, firmware="bios", cpus=2)
        machine.shell()
        found[vendor] = facts.ask_linux(machine, vendor)
        machine.close()
    return found


def without_counts(text):
    """/proc/interrupts: number and kind of each interrupt, and where it comes from."""
    return [re.sub(r"(\s+\d+)+\s", " ", line, count=1) if ":" in line else line for line in text.splitlines()]


def without_kernel(text):
    """/proc/iomem: the kernel's place is random."""
    return [line for line in text.splitlines() if " : Kernel " not in line]


def messages(text):
    """dmesg: what is said of the machine, without time."""
    lines = [re.sub(r"^\[ *[0-9.]+\] ", "", line) for line in text.splitlines()]
    return [line for line in lines if re.search(HARDWARE, line) and "ommand line" not in line and
            "setting system clock" not in line]


@pytest.mark.parametrize("fact", [fact for fact in facts.COMMANDS if fact not in ("processors", "messages")])
def test_linux_machine(linux_facts, fact):
    """What Linux made of the machine, to the letter."""
    read = {"interrupts": without_counts, "memory": without_kernel}.get(fact, str.splitlines)
    one, other = read(linux_facts["amd"][fact]), read(linux_facts["intel"][fact])
    assert one and one == other


def test_linux_processors(linux_facts):
    """Flags but for the listed ones; numbers, sizes."""
    amd, intel = facts.flags(linux_facts["amd"]), facts.flags(linux_facts["intel"])
    assert amd - intel == FLAGS["amd"] and intel - amd == FLAGS["intel"]
    one, other = [[line for line in linux_facts[vendor]["processors"].splitlines() if re.fullmatch(PROCESSOR, line)]
                  for vendor in ("amd", "intel")]
    assert len(one) == 2 * 13 and one == other


def test_linux_messages(linux_facts):
    """The kernel's log says the same of the hardware."""
    one, other = messages(linux_facts["amd"]["messages"]), messages(linux_facts["intel"]["messages"])
    left, _ = unexplained(one, other, {})
    assert len(one) > 60 and not left

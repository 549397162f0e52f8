# SPDX-License-Identifier: MIT
"""Small guests that check what the manuals promise to software: what they print is judged by themselves."""
import pytest

import facts
from bulkhead import HEAD, VENDORS, guest

# Guest and its processors.
GUESTS = {"hello": 1, "cpu": 1, "step": 1, "memory": 1, "smp": 4, "time": 2, "fpu": 2, "xsave": 1, "apic": 2, "legacy": 1,
          "edges": 2, "report": 2, "inventory": 1, "control": 1, "debug": 1, "nmi": 1, "nested": 1, "task": 1, "modes": 1, "mmio": 1,
          "string": 1, "tlb": 1, "code": 1, "tsc": 2, "features": 1}

# Promises that QEMU's own processor (TCG) does not keep, with a hypervisor or without: each guest says which. So on AMD-V
# they are shown in Bochs, as far as that keeps them.
STRICT = ["control_strict", "debug_strict", "nested_strict"]

# Guests for Bochs's other processors.
FEW = ["hello", "cpu", "step", "memory", "fpu", "xsave", "apic", "debug", "nmi", "modes", "features"]

# VT-x without and with APIC virtualization, with XSAVES and TSC scaling; and AMD-V that has what QEMU's lacks: the next
# instruction's address, flush by ASID. Some of the guests meet errors of Bochs's svm.cc there, which processors do not
# have (APM 15.5.1, 15.6). step, debug, nmi, modes: an exit at an instruction that a single-step trap was to follow does
# not drop the trap, the host takes it. memory, string: VMRUN reads the guest's CR2, and does not load it.
MODELS = {
    "corei7_ivy_bridge_3770k": ("intel", FEW + ["inventory"]),
    "corei7_haswell_4770": ("intel", FEW),
    "corei7_skylake_x": ("intel", FEW),
    "tigerlake": ("intel", FEW),
    "ryzen": ("amd", ["hello", "cpu", "fpu", "xsave", "apic", "report", "inventory", "control", "nested", "task", "mmio",
                      "tlb", "code", "tsc", "features", "control_strict", "nested_strict"]),
}

CASES = [(vendor, None, name) for vendor in VENDORS for name in GUESTS] + \
    [("intel", None, name) for name in STRICT] + \
    [pytest.param(vendor, model, name, marks=pytest.mark.models)
     for model, (vendor, names) in MODELS.items() for name in names]


def run_guest(start, vendor, name, cpus, model=None):
    """One guest alone, to the end of the machine; its lines."""
    machine = start(HEAD + guest(name, f"{name}.elf", cpus=f"0-{cpus - 1}", memory="32M"), vendor=vendor, cpus=cpus,
                    model=model)
    machine.expect(r"info \S+: debug exit with status 0", machine.boot_wait)
    machine.ends()
    return machine.log().splitlines()


@pytest.mark.parametrize("vendor,model,name", CASES, ids=lambda part: part or "default")
def test_architecture(start, vendor, model, name):
    lines = run_guest(start, vendor, name, GUESTS.get(name, 1), model)
    facts.keep(lines, vendor, model, name)
    assert not [line for line in lines if line.startswith("FAILED")]
    assert any(line.endswith(" passed, 0 failed") for line in lines)


@pytest.mark.bochs
@pytest.mark.parametrize("model,ticks", [(None, range(1, 20)), ("corei7_ivy_bridge_3770k", range(20, 1000))],
                         ids=["apicv", "software"])
def test_eoi_by_processor(start, model, ticks):
    """With virtual-interrupt delivery an EOI in x2APIC mode does not leave the guest: it is a few instructions, which are
    the ticks of Bochs's TSC. Without, it is an exit."""
    lines = run_guest(start, "intel", "apic", 1, model)
    assert next(int(line.split()[2]) for line in lines if line.startswith("EOI takes ")) in ticks


def test_memory_is_zero_at_every_start(start, vendor):
    """Nothing of an earlier life of the partition is left, nor of who had the memory before."""
    lines = run_guest(start, vendor, "zero", 1)
    for number in 1, 2, 3:
        assert any(line.startswith(f"ok start {number}: ") for line in lines), f"start {number}"
    assert len([line for line in lines if line.endswith("reset by the guest")]) == 2

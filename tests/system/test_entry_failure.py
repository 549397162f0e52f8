# SPDX-License-Identifier: MIT
"""A VM entry that the processor refuses: the log names the failed check and every field of the VMCS or VMCB, the
partition stops, and nobody else notices. No guest can bring it about, so Bochs's debugger writes a bad value there."""
import re

import pytest

import debugger
import kernel
from bulkhead import HEAD, guest

pytestmark = pytest.mark.bochs

# VMCS fields (SDM appendix B): what is written, and what must be said of it.
CASES = {
    "guest": (0x6820, 0x20a, "guest RFLAGS", "the entry failed with exit reason 33, qualification 0",
              "27.3.1.4): RFLAGS has reserved bits, or bit 1 is clear"),
    "link-pointer": (0x2800, 0x123, "VMCS link pointer",
                     "the entry failed with exit reason 33, qualification 4: VMCS link pointer",
                     "27.3.1.5): the VMCS link pointer is not aligned or too wide"),
    "controls": (0x400a, 9, "CR3-target count", "VM-instruction error 7: VM entry with invalid control fields",
                 "27.2.1.1): the CR3-target count is higher than the processor allows"),
    "host": (0x0c02, 0xb, "host CS", "VM-instruction error 8: VM entry with invalid host-state fields",
             "27.2.3): CS: the host's selector has an RPL or its TI flag set"),
}

# The first entry is a VMLAUNCH. At a later one the guest has run, and the VMCS is not clear any more.
ENTRIES = {"first": 1, "later": 60}


def write_vmcs(bochs, enter, field, value):
    """At vmx_enter(), a VMWRITE of the kernel's own writes the field. R8 and R9 are free there: it is a function."""
    vmwrite, (source, target) = kernel.instruction(r"vmwrite %(r[abcd]x|r[sd]i),%(r[abcd]x|r[sd]i)")
    for text in (f"set r8 = {source}", f"set r9 = {target}", f"set {source} = {value:#x}", f"set {target} = {field:#x}",
                 f"set rip = {vmwrite:#x}", "s", f"set {source} = r8", f"set {target} = r9", f"set rip = {enter:#x}"):
        bochs.command(text)


def write_vmcb(bochs, vmrun, offset, value):
    """At VMRUN, RAX has the VMCB's address."""
    del vmrun
    bochs.command(f"setpmem rax+{offset:#x} 4 {value:#x}")


@pytest.fixture
def corrupt(start, tmp_path):
    """Two harmless guests on a core each; stops at the n-th time that one of them gets to an address, and has `write`
    do its work there. Which of them it is does not matter."""
    bochs = debugger.Bochs(tmp_path, go=False)

    def run(vendor, model, address, count, write, field, value):
        text = HEAD + guest("one", "neighbour.elf", cpus="0", cmdline="5") + \
            guest("two", "neighbour.elf", cpus="1", cmdline="5")
        machine = start(text, vendor=vendor, model=model, **bochs.options())
        bochs.command(f"lb {address:#x}")
        for _ in range(count):
            answer = bochs.command("c")
        bochs.command("set $cpu = " + re.search(r"^\((\d)\) Breakpoint 1,", answer, re.M).group(1))
        write(bochs, address, field, value)
        bochs.send("del 1\nc")
        return machine

    yield run
    bochs.close()


def named_fields(log, victim, what):
    """{name: text of its value}"""
    return dict(re.findall(r"([A-Za-z][^,]*?) (0x[0-9a-f]+|0)(?=, |\n)",
                           "".join(re.findall(rf"error {victim}: {what}: (.*\n)", log))))


def outcome(machine):
    """What is the same in all cases; (log, partition that was hit)."""
    # The hypervisor lives: it is still there when the neighbour has ended, and says what is left.
    machine.expect(r"no partition is running, 1 failed: see above", machine.boot_wait)
    log = machine.log()
    victim = re.search(r"error (one|two): vCPU 0: the processor refused the guest's state\n", log).group(1)
    other = {"one": "two", "two": "one"}[victim]
    assert log.count(f"error {victim}: stopped\n") == 1
    assert log.count(f"info {victim}: started") == 1
    # The neighbour ran to its end, and nothing was said of it.
    assert f"[{other}] 2 passed, 0 failed\n" in log
    assert f"info {other}: debug exit with status 0\n" in log
    assert f"error {other}" not in log and "FAILED" not in log
    return log, victim


@pytest.mark.parametrize("case", CASES)
def test_entry_failure(corrupt, case):
    field, value, name, reason, failed = CASES[case]
    count = ENTRIES["later" if case in ("guest", "controls") else "first"]
    machine = corrupt("intel", None, kernel.symbol("vmx_enter"), count, write_vmcs, field, value)
    log, victim = outcome(machine)
    assert f"error {victim}: VT-x: {reason}\n" in log
    # That check, and no other.
    assert re.findall(rf"error {victim}: VT-x: failed check \(SDM (.*)\n", log) == [failed]
    fields = named_fields(log, victim, "VMCS")
    assert int(fields[name], 16) == value
    assert {"pin-based controls", "primary controls", "secondary controls", "exit controls", "entry controls",
            "exception bitmap", "EPT pointer", "MSR bitmap", "exit reason", "exit qualification",
            "entry interruption information", "guest CR0", "guest CR3", "guest CR4", "guest RIP", "guest EFER",
            "guest CS access rights", "guest TR limit", "guest interruptibility", "guest pending debug exceptions",
            "host CR0", "host CR3", "host CR4", "host RIP", "host RSP", "host EFER", "host TR base"} <= set(fields)
    assert len(fields) > 120


@pytest.mark.parametrize("entry", ENTRIES)
def test_entry_failure_amd(corrupt, entry):
    """AMD-V: an ASID of 0. Not the guest's state: when Bochs refuses that, it writes the host's over it."""
    vmrun, _ = kernel.instruction(r"vmrun.*")
    machine = corrupt("amd", "ryzen", vmrun, ENTRIES[entry], write_vmcb, 0x58, 0)
    log, victim = outcome(machine)
    assert re.findall(rf"error {victim}: AMD-V: failed check \(APM 15.5.1\): (.*)\n", log) == \
        ["the ASID is 0 or higher than the processor has"]
    fields = named_fields(log, victim, "VMCB")
    assert int(fields["ASID"], 16) == 0 and int(fields["exit code"], 16) & 0xffffffff == 0xffffffff
    assert {"ASID", "intercepts 4", "interrupt control", "nCR3", "CR0", "CR3", "CR4", "RIP", "RFLAGS", "CS attributes",
            "TR limit", "IDTR base", "guest PAT"} <= set(fields)
    assert len(fields) > 80

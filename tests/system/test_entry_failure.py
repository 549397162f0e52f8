# SPDX-License-Identifier: MIT
"""A VM entry that the processor refuses: the log names the failed check and every field of the VMCS, the partition
stops, and nobody else notices. No guest can bring it about, so Bochs's debugger writes a bad value into the VMCS."""
import re

import pytest

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


def debugger_commands(field, value, entry):
    """Stops at the `entry`th VM entry of the machine, and lets a VMWRITE of the kernel's own write the field.
    vmx_enter() is an ordinary function, so R8 and R9 are free there."""
    enter = kernel.symbol("vmx_enter")
    vmwrite, (source, target) = kernel.instruction(r"vmwrite %(r[abcd]x|r[sd]i),%(r[abcd]x|r[sd]i)")
    return "\n".join([f"lb {enter:#x}"] + ["c"] * entry + [
        f"set r8 = {source}", f"set r9 = {target}",
        f"set {source} = {value:#x}", f"set {target} = {field:#x}",
        f"set rip = {vmwrite:#x}", "s",
        f"set {source} = r8", f"set {target} = r9",
        f"set rip = {enter:#x}", "del 1", "c", ""])


def run(start, folder, commands):
    """Two harmless guests on a core each; which of them is hit does not matter."""
    text = HEAD + guest("one", "neighbour.elf", cpus="0", cmdline="5") + \
        guest("two", "neighbour.elf", cpus="1", cmdline="5")
    (folder / "rc").write_text(commands)
    return start(text, vendor="intel", bochs_rc=folder / "rc")


@pytest.mark.parametrize("case", CASES)
def test_entry_failure(start, tmp_path, case):
    field, value, name, reason, failed = CASES[case]
    entry = ENTRIES["later" if case in ("guest", "controls") else "first"]
    machine = run(start, tmp_path, debugger_commands(field, value, entry))
    # The hypervisor lives: it is still there when the neighbour has ended, and says what is left.
    machine.expect(r"no partition is running, 1 failed: see above", machine.boot_wait)
    log = machine.log()
    victim = re.search(r"error (one|two): vCPU 0: the processor refused the guest's state\n", log).group(1)
    other = {"one": "two", "two": "one"}[victim]
    assert f"error {victim}: VT-x: {reason}\n" in log
    # That check, and no other.
    assert re.findall(rf"error {victim}: VT-x: failed check \(SDM (.*)\n", log) == [failed]
    fields = dict(re.findall(r"([A-Za-z][^,]*?) (0x[0-9a-f]+|0)(?=, |\n)",
                             "".join(re.findall(rf"error {victim}: VMCS: (.*\n)", log))))
    assert int(fields[name], 16) == value
    assert {"pin-based controls", "primary controls", "secondary controls", "exit controls", "entry controls",
            "exception bitmap", "EPT pointer", "MSR bitmap", "exit reason", "exit qualification",
            "entry interruption information", "guest CR0", "guest CR3", "guest CR4", "guest RIP", "guest EFER",
            "guest CS access rights", "guest TR limit", "guest interruptibility", "guest pending debug exceptions",
            "host CR0", "host CR3", "host CR4", "host RIP", "host RSP", "host EFER", "host TR base"} <= set(fields)
    assert len(fields) > 120
    assert log.count(f"error {victim}: stopped\n") == 1
    assert log.count(f"info {victim}: started") == 1
    # The neighbour ran to its end, and nothing was said of it.
    assert f"[{other}] 2 passed, 0 failed\n" in log
    assert f"info {other}: debug exit with status 0\n" in log
    assert f"error {other}" not in log and "FAILED" not in log

# SPDX-License-Identifier: MIT
"""Virtualization that the firmware has turned off: what to do about it. No emulator's firmware does that, so Bochs's
debugger gives the hypervisor another answer when it reads the MSR that tells."""
import pytest

import kernel
from bulkhead import HEAD, guest

pytestmark = pytest.mark.bochs

RDMSR_LENGTH = 2

# Vendor and processor, the backend, what the MSR reads, the sentence. IA32_FEATURE_CONTROL: locked without VMX (SDM
# 24.7); VM_CR: SVMDIS (APM 15.30.1).
CASES = {
    "broadwell": ("intel", None, "vmx_ops", 1 << 0,
              r"no VT-x: VT-x is locked off by the firmware \(IA32_FEATURE_CONTROL is 0x1\): enable VT-x or "
              r'"virtualization" in its setup'),
    "ryzen": ("amd", "ryzen", "svm_ops", 1 << 4,
            r"no AMD-V: AMD-V is disabled by the firmware \(VM_CR\.SVMDIS[^)]*\): enable SVM or \"virtualization\" in "
            r"its setup"),
}


@pytest.mark.parametrize("case", CASES)
def test_turned_off(start, tmp_path, case):
    vendor, model, backend, answer, sentence = CASES[case]
    probe = kernel.quadword(kernel.symbol(backend) + 8)  # struct vcpu_ops: name, probe
    rdmsr = kernel.symbol("rdmsr_safe_instruction")
    (tmp_path / "rc").write_text("\n".join([
        f"lb {probe:#x}", "c", f"lb {rdmsr:#x}", "c", "del 1", "del 2",
        f"set rax = {answer:#x}", "set rdx = 0", f"set rip = {rdmsr + RDMSR_LENGTH:#x}", "c", ""]))
    machine = start(HEAD + guest("good", "hello.elf"), vendor=vendor, model=model, bochs_rc=tmp_path / "rc")
    machine.expect(sentence, machine.boot_wait)
    machine.expect(r"no partition is running: this machine cannot run guests, see above")
    machine.ends(1)
    assert "info good: started" not in machine.log() and "panic" not in machine.log()

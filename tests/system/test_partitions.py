# SPDX-License-Identifier: MIT
"""The life of partitions: restart policies, debug exit, Multiboot modules, many at once."""
import re
import zlib

import pytest

from bulkhead import FIRMWARE, HEAD, guest


def test_restart_policies(start, vendor):
    """never, on-failure and always, after orderly ends and after failures; each as often as it should."""
    machine = start(HEAD +
                    guest("never", "hostile.elf", cpus="0", cmdline="triple-fault") +
                    guest("failing", "hostile.elf", cpus="1", cmdline="triple-fault", restart="on-failure") +
                    guest("content", "modules.elf", cpus="2", cmdline="status 0", restart="on-failure") +
                    guest("always", "modules.elf", cpus="3", cmdline="status 0", restart="always"), vendor=vendor)
    machine.expect(r"warning failing: failed 1 times; starting again in 1 s", machine.boot_wait)
    machine.expect(r"warning failing: failed 2 times; starting again in 2 s")
    machine.expect(r"warning failing: failed 3 times; starting again in 4 s")
    while machine.log().count("info always: started") < 3:
        machine.expect(r"info always: started")
    machine.close()
    log = machine.log()
    assert log.count("error never: vCPU 0: triple fault") == log.count("error never: stopped") == 1
    assert log.count("info never: started") == 1
    assert log.count("info failing: started") == 3
    assert log.count("info content: started") == 1
    assert log.count("info always: started") >= 3
    assert log.count("[always] 0 modules") >= 2


def test_debug_exit(start, vendor):
    """The status of isa-debug-exit is in the log; another than 0 is a failure, which leaves the machine on."""
    machine = start(HEAD + guest("seven", "modules.elf", cpus="0", cmdline="status 7") +
                    guest("large", "modules.elf", cpus="1", cmdline="status 4000000000") +
                    guest("none", "modules.elf", cpus="2", cmdline="status 0"), vendor=vendor)
    machine.expect(r"no partition is running, 2 failed: see above; reset the machine to start again", machine.boot_wait)
    log = machine.log()
    assert "info seven: debug exit with status 7\n" in log and "error seven: stopped\n" in log
    assert "info large: debug exit with status 4000000000\n" in log and "error large: stopped\n" in log
    assert "info none: debug exit with status 0\n" in log and "info none: stopped\n" in log


def test_modules(start, vendor):
    """Modules come whole, in order, with their words; then the machine turns itself off."""
    data = {"one.bin": bytes(range(256)) * 1000, "two.bin": b"x", "three.bin": bytes(5 << 20)}
    text = HEAD + guest("modules", "modules.elf", cmdline="these are words 0") + \
        "module = one.bin first  module\nmodule = two.bin\nmodule = three.bin 3\n"
    machine = start(text, data, vendor=vendor, firmware=FIRMWARE[vendor])
    machine.ends(0, machine.boot_wait)
    log = machine.log()
    assert re.search(r'command line "modules.elf these are words 0"\n3 modules\n', log)
    shown = re.findall(r'^module ([0-9]) "(.*)" ([0-9]+) bytes ([0-9a-f]{8})$', log, re.M)
    assert [number for number, _, _, _ in shown] == ["0", "1", "2"]
    assert [words for _, words, _, _ in shown] == ["one.bin first  module", "two.bin", "three.bin 3"]
    for (_, _, size, adler), content in zip(shown, data.values()):
        assert (int(size), int(adler, 16)) == (len(content), zlib.adler32(content))
    assert "FAILED" not in log


def test_many_partitions(start, vendor):
    """Eight guests start together; each ends well, and with the last the machine."""
    machine = start(HEAD + "".join(guest(f"p{i}", "hello.elf", cpus=i, memory="4M") for i in range(8)), vendor=vendor)
    machine.ends(0, machine.boot_wait)
    log = machine.log()
    for i in range(8):
        assert f"[p{i}] hello\n" in log
        assert re.search(rf"^\[p{i}\] [0-9]+ passed, 0 failed$", log, re.M)
        assert f"info p{i}: debug exit with status 0\n" in log
    assert log.count("all partitions are off: power off") == 1


@pytest.mark.bochs
def test_processors_that_uefi_names(start):
    """Without ACPI tables, as OVMF in Bochs has none, the processors are those of UEFI's MP services."""
    machine = start(HEAD + "".join(guest(f"p{i}", "hello.elf", cpus=i, memory="4M") for i in range(3)), vendor="intel",
                    firmware="uefi")
    machine.ends(0, machine.boot_wait)
    log = machine.log()
    assert re.search(r"machine: 3 processors, ACPI no,", log) and re.search(r"cores: 3 online", log)
    assert log.count("debug exit with status 0") == 3


def test_autostart(start, vendor):
    """autostart = no: it is ready, and stays off."""
    machine = start(HEAD + guest("on", "hello.elf") + guest("off", "hello.elf", cpus="1", autostart="no"),
                    vendor=vendor)
    machine.ends(0, machine.boot_wait)
    assert "2 of 2 can be started" in machine.log()
    assert "info off: started" not in machine.log()

# SPDX-License-Identifier: MIT
"""Debian's stock kernel: from firmware to a shell that a person uses, on one and on several processors."""
import calendar
import hashlib
import re
import time

import pytest

import facts
from bulkhead import CMDLINE, FIRMWARE, HEAD, PROMPT, linux

# With more vCPUs than the test machine has cores, a vCPU's thread waits for its turn: a real machine never says this.
OVERCOMMITTED = "hrtimer: interrupt took"

# Vendor, way in, processors, words for the kernel. In Bochs all processors take turns on one thread, and its UEFI has
# no ACPI tables: there the processors come from UEFI's MP services.
BOOTS = [("amd", "uefi", 1, ""), ("amd", "uefi", 4, ""), ("amd", "bios", 2, ""),
         ("intel", "bios", 2, "quiet"), ("intel", "uefi", 1, "quiet")]

# Of 64 KiB each, for a test of memory: in Bochs a checksum takes seconds per megabyte.
BLOCKS = {"amd": 64, "intel": 4}


@pytest.fixture(scope="module", params=BOOTS, ids=lambda boot: f"{boot[0]}-{boot[1]}-{boot[2]}")
def machine(request, start_shared):
    """A machine at its shell's prompt; all tests below use it, the last one ends it."""
    vendor, firmware, cpus, words = request.param
    started = start_shared(HEAD + linux(vendor=vendor, cpus=f"0-{cpus - 1}", words=words), vendor=vendor,
                           firmware=firmware, cpus=cpus if vendor == "intel" else max(cpus, 2))
    started.processors = cpus
    started.blocks = BLOCKS[vendor]
    started.shell()
    # What the kernel remarks on late timers would come between the letters of a line.
    started.command("dmesg -n 1")
    if (firmware, cpus) == ("bios", 2):
        facts.ask_linux(started, vendor)
    yield started
    started.close()


def test_boot_stages(machine):
    """The numbered stages of the way up, each once: the loader's, then the kernel's."""
    stages = re.findall(r"^\[([0-9])/([0-9]) *\] (\S+):", machine.log(), re.M)
    own = [name for name, _, _ in reversed(stages)].index("1")
    for part in stages[:-own - 1], stages[-own - 1:]:
        assert [int(number) for number, _, _ in part] == list(range(1, len(part) + 1))
        assert all(int(total) == len(part) for _, total, _ in part)
    assert stages[-1][2] == "partitions"
    assert "1 of 1 can be started" in machine.log()
    assert " error " not in machine.log().split("Linux version")[0]


def test_processors(machine):
    """/proc/cpuinfo: as many as configured, equal but for their numbers."""
    assert machine.command("nproc").strip() == str(machine.processors)
    blocks = machine.command("cat /proc/cpuinfo").strip().split("\n\n")
    facts = [dict(re.findall(r"^(.+?)\s*: ?(.*)$", block, re.M)) for block in blocks]
    assert [fact["processor"] for fact in facts] == [str(i) for i in range(machine.processors)]
    assert [fact["apicid"] for fact in facts] == [str(i) for i in range(machine.processors)]
    assert [fact["core id"] for fact in facts] == [str(i) for i in range(machine.processors)]
    for fact in facts:
        assert fact["siblings"] == fact["cpu cores"] == str(machine.processors)
        for key in "vendor_id", "cpu family", "model", "model name", "flags", "cpu MHz", "address sizes":
            assert fact[key] == facts[0][key]
        flags = set(fact["flags"].split())
        assert {"x2apic", "tsc_deadline_timer", "constant_tsc", "nonstop_tsc", "hypervisor", "nx", "lm"} <= flags
        assert not {"svm", "vmx", "monitor"} & flags


def timer_interrupts(machine):
    """Local timer interrupts so far, one number a processor."""
    return [int(word) for word in re.search(r"LOC:((?:\s+\d+)+)", machine.command("cat /proc/interrupts"))[1].split()]


def test_timer_ticks(machine):
    """Each processor's timer interrupts it while it works."""
    before = timer_interrupts(machine)
    assert len(before) == machine.processors
    for i, ticks in enumerate(before):
        count = f"awk \"/LOC:/ {{ print \\${i + 2} }}\" /proc/interrupts"
        machine.command(f"taskset {1 << i:x} sh -c 'until [ $({count}) -ge {ticks + 5} ]; do :; done'")


def test_interrupts_arrive_once(machine):
    """No spurious, lost or broken ones; the console's do arrive."""
    text = machine.command("cat /proc/interrupts")
    assert sum(map(int, re.search(r"^ *4:((?:\s+\d+)+)\s+IO-APIC.*ttyS0", text, re.M)[1].split())) > 0
    assert re.search(r"^ERR:\s+0$", text, re.M) and re.search(r"^MIS:\s+0$", text, re.M)
    assert not any(map(int, re.search(r"^SPU:((?:\s+\d+)+)", text, re.M)[1].split()))


def test_time(machine):
    """The TSC is the clock, and the date is the machine's."""
    folder = "/sys/devices/system/clocksource/clocksource0"
    assert machine.command(f"cat {folder}/current_clocksource").strip() == "tsc"
    date = calendar.timegm(time.strptime(machine.command("date -u '+%F %T'").strip(), "%Y-%m-%d %H:%M:%S"))
    # An emulator's TSC may be slower than the host's clock.
    assert abs(date - time.time()) < 300


def test_clock_keeps_time(machine):
    """The clocks that a guest can compare run at one speed: RTC and TSC, within a second in three."""
    answer = machine.command("r=$(cat /sys/class/rtc/rtc0/since_epoch); u=$(cut -d. -f1 /proc/uptime); "
                             "until [ $(cat /sys/class/rtc/rtc0/since_epoch) -ge $((r+3)) ]; do :; done; "
                             "echo $(( $(cut -d. -f1 /proc/uptime) - u ))")
    assert 2 <= int(answer) <= 4


def test_memory(machine):
    """What is configured is there, and holds what is written."""
    total = int(re.search(r"Mem:\s+(\d+)", machine.command("free -k"))[1])
    assert 200 << 10 < total < 256 << 10
    machine.command(f"dd if=/dev/urandom of=/tmp/a bs=64k count={machine.blocks} 2>/dev/null; cp /tmp/a /tmp/b")
    machine.command("dd if=/tmp/a of=/tmp/c bs=4093 2>/dev/null")
    assert len(set(re.findall(r"^([0-9a-f]{32})  /tmp/[abc]$", machine.command("md5sum /tmp/a /tmp/b /tmp/c"),
                              re.M))) == 1
    machine.command("cmp /tmp/a /tmp/b && cmp /tmp/b /tmp/c; rm /tmp/a /tmp/b /tmp/c")


def test_shell_round_trip(machine):
    """What is typed arrives, in order and whole: arithmetic, a pipe, and eight thousand characters."""
    assert machine.command("echo $((6*7)) | tr 0-9 a-j").strip() == "ec"
    assert machine.try_command("false")[0] == 1
    lines = [f"{i:03} {'abcdefghijklmnopqrstuvwxyz' * 3}"[:79] for i in range(100)]
    machine.send("echo RE''ADY; cat >/tmp/typed; echo TY''PED\n")
    machine.expect_text("READY\r\n")
    for line in lines:
        machine.send(line + "\n")
        # A person reads along: the terminal's echo.
        machine.expect_text(line)
    machine.send("\x04")
    machine.expect_text("TYPED")
    machine.shell()
    wanted = hashlib.md5("".join(line + "\n" for line in lines).encode()).hexdigest()
    assert machine.command("md5sum </tmp/typed").split()[0] == wanted


def test_interrupt_key(machine):
    """Ctrl-C ends a program."""
    # One process says it and is then interrupted: a shell that has yet to start the second would swallow the key.
    machine.send("sh -c 'echo RE\"\"ADY; exec cat /dev/zero >/dev/null'\n")
    machine.expect_text("READY\r\n")
    machine.send("\x03")
    machine.shell()


def test_devices(machine):
    """The virtual PC's parts are found by their drivers, by way of ACPI."""
    assert "0000:00:00.0" in machine.command("ls /sys/bus/pci/devices")
    assert "APIC" in machine.command("ls /sys/firmware/acpi/tables")
    # 16550A, UART 4 of the kernel's list (serial_core.h).
    assert machine.command("cat /sys/class/tty/ttyS0/type").strip() == "4"


def test_kernel_log_is_clean(machine):
    """Nothing that is a warning or worse."""
    lines = machine.command("dmesg -r | grep -E '^<[0-4]>' || true").strip().splitlines()
    assert [line for line in lines if OVERCOMMITTED not in line] == []


def test_reboot_and_power_off(machine):
    """`reboot` brings the shell back in the same machine; `poweroff` ends it in an orderly way."""
    machine.command("touch /tmp/before")
    machine.send("reboot\n")
    machine.expect(r"info linux: reset by the guest")
    machine.shell()
    assert machine.command("nproc").strip() == str(machine.processors)
    assert machine.try_command("test -e /tmp/before")[0] == 1
    machine.send("poweroff\n")
    machine.expect(r"info linux: powered off by the guest")
    machine.ends(0)


def test_two_partitions(start, vendor):
    """Two Linux kernels on one console: their lines have their names before them, Ctrl-A three times moves the keys.
    One of them crashes and comes back, and the other does not notice."""
    machine = start(HEAD + linux("left", vendor, cpus="0") + linux("right", vendor, cpus="1", words="quiet panic=-1"),
                    vendor=vendor, firmware=FIRMWARE[vendor])
    machine.expect_text("[left] " + PROMPT, machine.boot_wait)
    machine.focus("right")
    machine.send("\n")
    machine.expect_text("[right] " + PROMPT, machine.boot_wait)
    machine.send("hostname starboard; hostname\n")
    machine.expect(r"\[right\] starboard\r\n")
    machine.focus("left")
    machine.send("\nhostname port; echo only ''here\n")
    machine.expect(r"\[left\] only here\r\n")
    machine.focus("right")
    machine.send("echo c >/proc/sysrq-trigger\n")
    machine.expect(r"\[right\] .*Kernel panic - not syncing: sysrq triggered crash", machine.boot_wait)
    machine.expect(r"info right: reset by the guest")
    machine.expect_text("[right] " + PROMPT, machine.boot_wait)
    machine.send("poweroff\n")
    machine.expect(r"info right: powered off by the guest")
    machine.focus("left")
    machine.send("hostname\n")
    machine.expect(r"\[left\] port\r\n")
    assert "[right] only here" not in machine.log()
    machine.send("poweroff\n")
    machine.expect(r"info left: powered off by the guest")
    machine.ends(0)


def test_long_command_line(start, vendor):
    """The command line of the configuration reaches the kernel whole; one that is too long is refused by name."""
    # Linux leaves words with a dot to modules, and takes any number of them.
    words = " ".join(f"m.word{i:04}" for i in range(170))
    machine = start(HEAD + linux("good", vendor, cpus="0", words=f"quiet {words}") +
                    linux("bad", vendor, cpus="1", words=f"{words} {words}"),
                    vendor=vendor, firmware=FIRMWARE[vendor])
    machine.expect(r"error bad: not started: vmlinuz: .*command line", machine.boot_wait)
    machine.shell()
    machine.send("md5sum </proc/cmdline\n")
    machine.expect_text(hashlib.md5(f"{CMDLINE[vendor]} quiet {words}\n".encode()).hexdigest())
    machine.send("poweroff -f\n")
    machine.expect(r"info good: powered off by the guest")
    machine.expect(r"no partition is running, 1 failed")

# SPDX-License-Identifier: MIT
"""Shared-memory channels: messages by doorbell between partitions, hostile peers, and what Linux sees of the device."""
import re

import pytest

from bulkhead import HEAD, guest, linux

MESSAGES = 10000


def channel(name, partitions, size="64K"):
    """A [channel] section."""
    return f"\n[channel {name}]\npartitions = {', '.join(partitions)}\nsize = {size}\n"


def passed(log, name):
    """The guest's lines; none failed."""
    lines = re.findall(rf"^\[{name}\] (.*)$", log, re.M)
    assert not [line for line in lines if line.startswith("FAILED")], name
    assert any(line.endswith(" passed, 0 failed") for line in lines), name
    return lines


def ask(machine, command):
    """The output of a command at Linux's prompt, without the partition's name before each line."""
    return re.sub(r"^\[linux\] ?", "", machine.command(command), flags=re.M).strip()


@pytest.mark.parametrize("cores,sched", [("01", None), ("00", "fair"), ("00", "rt budget=2ms period=5ms")],
                         ids=["two-cores", "fair", "rt"])
def test_messages_both_ways(start, vendor, cores, sched):
    """Each sends to the other and sleeps until the other's doorbell wakes it."""
    text = HEAD + channel("c", ["a", "b"])
    for name, core in zip("ab", cores):
        text += guest(name, "channel.elf", cpus=core, cmdline=f"{MESSAGES}", sched=sched)
    machine = start(text, vendor=vendor, cpus=2)
    machine.expect(r"all partitions are off", machine.boot_wait)
    machine.ends()
    for name in "ab":
        assert f"ok {MESSAGES} messages were sent and came" in passed(machine.log(), name)
        bells = re.search(rf"\[{name}\] ok the other rang for each \((\d+) interrupts\)", machine.log())
        assert MESSAGES - 1 <= int(bells.group(1)) <= MESSAGES


def test_hostile_peer(start, vendor):
    """The third of a channel does its worst; the two others exchange their messages."""
    text = HEAD + channel("c", ["a", "b", "bad"])
    for name, kernel in ("a", "channel"), ("b", "channel"), ("bad", "channel_hostile"):
        text += guest(name, f"{kernel}.elf", cpus="1" if name == "b" else "0", cmdline="3000", sched="fair")
    machine = start(text, vendor=vendor, cpus=2)
    machine.expect(r"all partitions are off", machine.boot_wait)
    machine.ends()
    for name in "a", "b", "bad":
        passed(machine.log(), name)


def test_several_channels(start, vendor):
    """Each has its place on the bus and in the address space, large ones at large pages."""
    text = HEAD + linux(cpus="0", vendor=vendor, autostart="no") + guest("a", "channel.elf", cmdline="10", cpus="0") + \
        guest("b", "channel.elf", cmdline="10", cpus="1")
    text = text.replace("cpus = 0\n", "cpus = 0\nsched = fair\n")
    text += channel("first", ["a", "b"]) + channel("large", ["b", "linux", "a"], "16M")
    text += channel("last", ["a", "linux"], "4K")
    machine = start(text, vendor=vendor, cpus=2)
    machine.expect_all(r"\[a\] \d+ passed, 0 failed", r"\[b\] \d+ passed, 0 failed", timeout=machine.boot_wait)
    for name, size, count in ("first", 64, 2), ("large", 16384, 3), ("last", 4, 2):
        assert f"channel {name}: {size} KiB, for {count} of {count} partitions" in machine.log()


def test_linux_sees_it(start, vendor):
    """The stock kernel finds the device with its addresses assigned, and user space maps its memory."""
    peer = guest("a", "channel.elf", cpus="1", autostart="no")
    machine = start(HEAD + linux(vendor=vendor, cpus="0") + peer + channel("c", ["a", "linux"]), vendor=vendor, cpus=2)
    machine.shell()
    device = "/sys/bus/pci/devices/0000:00:10.0"
    for name, value in ("vendor", "0x1af4"), ("device", "0x1110"), ("class", "0x050000"), ("revision", "0x01"):
        assert ask(machine, f"cat {device}/{name}") == value
    resources = [[int(word, 16) for word in line.split()] for line in
                 ask(machine, f"cat {device}/resource").splitlines()[:3]]
    assert [last - first + 1 for first, last, _ in resources] == [256, 4096, 65536]
    assert resources[2][0] == 0xf0000000
    assert resources[2][2] & 0x102000 == 0x102000  # 64 bits, prefetchable
    assert ask(machine, f"stat -c %s {device}/resource2") == "65536"
    assert not re.search(r"00:10\.0.*(can't|failed|conflict|no space)", ask(machine, "dmesg"))
    # The registers, through /dev/mem: its position. And the memory: a word is written and read.
    registers, memory = resources[0][0], resources[2][0]
    ask(machine, f"echo 1 > {device}/enable")
    assert ask(machine, f"devmem {registers + 8:#x} 32") == "0x00000001"
    assert ask(machine, f"devmem {memory + 0x1000:#x} 32") == "0x00000000"
    ask(machine, f"devmem {memory + 0x1000:#x} 32 0x12345678")
    assert ask(machine, f"devmem {memory + 0x1000:#x} 32") == "0x12345678"


def test_bad_channels(start, vendor):
    """Errors name the line; the partitions start without the channel."""
    text = HEAD + guest("a", "hello.elf", cpus="0") + guest("b", "hello.elf", cpus="1") + \
        channel("nowhere", ["a", "c"]) + channel("alone", ["a"]) + channel("odd", ["a", "b"], "5K")
    machine = start(text, vendor=vendor, cpus=2)
    machine.expect(r"all partitions are off", machine.boot_wait)
    machine.ends()
    log = machine.log()
    line = text.split("\n").index("[channel nowhere]") + 2
    assert f"bulkhead.conf:{line}: the channel leads to 'c', which is no partition of this file" in log
    assert "channel alone has one partition alone; name two or more" in log
    assert "5K is no size for a channel; write a power of two from 4K to 256M" in log
    for name in "nowhere", "alone", "odd":
        assert f"channel {name}: its configuration has errors, see above; its partitions start without it" in log
    for name in "a", "b":
        passed(log, name)

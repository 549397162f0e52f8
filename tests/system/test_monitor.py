# SPDX-License-Identifier: MIT
"""The operator's monitor: every command, what it says of mistakes, and what a terminal may send."""
import json
import os
import re
import subprocess

import pytest

from bulkhead import COMMAND, HEAD, MONITOR, guest, linux

COMMANDS = ("help list info stats top pause resume stop start reset console regs mem log sched trace version hw power").split()
FREE = re.compile(r"memory: (\d+) KiB free, hypervisor (\d+) KiB, guests (\d+) KiB")

# All three cores have vCPUs: the monitor works between them.
CONFIGURATION = HEAD + "".join([
    guest("beat", "neighbour.elf", cpus="0", cmdline="100000", memory="32M", sched="fair"),
    guest("other", "neighbour.elf", cpus="1", cmdline="100000", memory="32M"),
    guest("spin", "hostile.elf", cpus="2", cmdline="loop", sched="fair"),
    guest("later", "hello.elf", cpus="2", memory="4M", sched="fair weight=50", autostart="no"),
    guest("refused", "hello.elf", cpus="9"),
])


@pytest.fixture(name="machine", scope="module")
def fixture_machine(start_shared, vendor):
    """Runs all of CONFIGURATION, with the input at the monitor."""
    machine = start_shared(CONFIGURATION, vendor=vendor, cpus=3)
    machine.expect_all(r"\[beat\] beat 1\r", r"\[other\] beat 1\r", r"\[spin\] hostile: loop", timeout=machine.boot_wait)
    machine.enter_monitor()
    return machine


def state(machine, name):
    """Of a partition, as list shows it."""
    return re.search(rf"^{name} +(\w+) ", machine.monitor("list"), re.M).group(1)


def test_help(machine):
    """It lists every command, and explains each."""
    assert re.findall(r"^  (\w+) +(?:[A-Zo\[]|  )", machine.monitor("help"), re.M) == COMMANDS
    for command in COMMANDS:
        assert re.search(rf"^{command} .*: \w", machine.monitor(f"help {command}"), re.M)
    assert 'no command "hlep"; did you mean help?' in machine.monitor("hlep")
    assert 'no command "xyzzy"; help shows all' in machine.monitor("xyzzy x y z 1 2 3 4 5 6 7")
    assert 'no command "xyzzy"; help shows all' in machine.monitor("help xyzzy")


def test_list_and_info(machine):
    """What was configured, and what has become of it."""
    lines = re.findall(r"^(\w+) +(\w+) +([0-9,-]+) +(\d+) KiB (\w+) +(\d+)", machine.monitor("list"), re.M)
    assert lines == [("beat", "running", "0", "32768", "fair", "1"), ("other", "running", "1", "32768", "dedicated", "1"),
                     ("spin", "running", "2", "16384", "fair", "1"), ("later", "off", "2", "4096", "fair", "0"),
                     ("refused", "refused", "9", "16384", "dedicated", "0")]
    info = machine.monitor("info later")
    assert "later: partition 4 of 5, off" in info and "kernel hello.elf, 0 modules" in info
    assert "cores 2, fair weight 50; memory 4096 KiB" in info and "memory 0x0-0x3fffff" in info
    assert "autostart no; 0 starts, 0 failures in a row\n" in info and "vCPU 0: on core 2, parked" in info
    assert "refused: partition 5 of 5, refused" in machine.monitor("info refused")


def test_unknown_partition(machine):
    """Every command that takes one says so, with the nearest name."""
    for command in "info", "stats", "pause", "resume", "stop", "start", "reset", "console", "regs":
        assert 'there is no partition "bea"; did you mean beat?' in machine.monitor(f"{command} bea")
    assert 'there is no partition "x"; list shows all' in machine.monitor("mem x 0")


def test_wrong_use(machine):
    """Too few words, and too many."""
    assert "used like this: pause P\n" in machine.monitor("pause")
    assert "used like this: pause P\n" in machine.monitor("pause beat now")
    assert "used like this: mem P ADDRESS [COUNT]\n" in machine.monitor("mem beat")
    assert "used like this: list \n" in machine.monitor("list beat 1 2 3 4 5 6 7 8 9")
    assert "power off or power reboot" in machine.monitor("power on")
    assert machine.monitor("   ") == ""


def test_refused_partition(machine):
    """There is nothing of it to look at or to start."""
    for command in "pause", "resume", "stop", "start", "reset", "console", "stats":
        assert "refused could not be created" in machine.monitor(f"{command} refused")
    assert "refused has not been started yet" in machine.monitor("regs refused")
    assert "refused could not be created" in machine.monitor("mem refused 0")


def test_pause_and_resume(machine):
    """A paused guest does nothing while its neighbour beats on; then it goes on where it was."""
    assert "beat is paused\n" in machine.monitor("pause beat")
    assert state(machine, "beat") == "paused"
    seen = len(machine.console)
    last = int(re.findall(r"\[beat\] beat (\d+)", machine.console)[-1])
    for _ in range(4):
        machine.expect(r"\[other\] beat \d+\r")
    assert "[beat] beat" not in machine.console[seen:]
    assert "beat is paused already" in machine.monitor("pause beat")
    assert "start" in machine.monitor("start beat") and state(machine, "beat") == "paused"
    assert "beat goes on\n" in machine.monitor("resume beat")
    machine.expect(rf"\[beat\] beat {last + 1}\r")
    machine.expect(rf"\[beat\] beat {last + 2}\r")
    assert "beat is running, not paused" in machine.monitor("resume beat")


def test_pause_of_a_guest_that_never_exits(machine):
    """Its core is taken from it all the same, and its registers stay as they are."""
    assert "spin is paused\n" in machine.monitor("pause spin")
    first, second = (re.findall(r"^(?:R|CR|DR|[CSDEFG]S|[LIG]DTR).*", machine.monitor("regs spin"), re.M) for _ in range(2))
    assert len(first) == 16 and first == second
    assert "spin goes on\n" in machine.monitor("resume spin")


def test_reset(machine):
    """It begins anew; one that is off has to be started."""
    assert "other is started anew" in machine.monitor("reset other")
    machine.expect(r"\[other\] beat 1\r")
    assert "info other: reset by the operator" in machine.log()
    assert "later is off: start starts it" in machine.monitor("reset later")
    assert "beat is paused" in machine.monitor("pause beat")
    assert "beat is started anew" in machine.monitor("reset beat")
    machine.expect(r"\[beat\] beat 1\r")


def test_start_of_one_that_is_off(machine):
    """As often as the operator likes; it ends by itself."""
    for _ in range(2):
        assert "later is off already" in machine.monitor("stop later")
        assert "later is started" in machine.monitor("start later")
        machine.expect(r"info later: debug exit with status 0")
        machine.expect_text(MONITOR)
    assert machine.log().count("[later] hello\n") == 2


def test_stop_and_start_many_times(machine):
    """Twenty lives of a guest that never exits: memory is as it was, and so are the neighbours."""
    before = FREE.search(machine.monitor("version")).groups()
    starts = int(re.search(r"^spin .* (\d+) +\d+ s$", machine.monitor("list"), re.M).group(1))
    for _ in range(20):
        assert "spin is off\n" in machine.monitor("stop spin")
        assert state(machine, "spin") == "off"
        assert "spin is started\n" in machine.monitor("start spin")
    assert "spin is running already" in machine.monitor("start spin")
    assert FREE.search(machine.monitor("version")).groups() == before
    assert re.search(rf"^spin .* {starts + 20} +\d+ s$", machine.monitor("list"), re.M)
    machine.expect(r"\[other\] beat \d+\r")


def test_registers(machine):
    """Of a guest that runs, of one that never exits; mistakes."""
    spin = machine.monitor("regs spin")
    assert re.search(r"^spin vCPU 0 on core 2, partition running:\nRIP 00000000001\w{5} ", spin, re.M)
    assert re.search(r"^CR0 8\w{7}  CR2 \w{16}  CR3 \w{16}  CR4 \w{8}$", spin, re.M)
    assert re.search(r"^CS +0008  base 0000000000000000  limit ffffffff  attributes 0a09b$", spin, re.M)
    assert len(re.findall(r"R(?:[A-D]X|[SD]I|[SB]P|8 |9 |1[0-5]) [0-9a-f]{16}", spin)) == 16
    assert re.search(r"^IDTR ", machine.monitor("regs other 0"), re.M)
    assert "other has no vCPU 1: they are counted from 0 to 0" in machine.monitor("regs other 1")
    assert '"one" is not a number' in machine.monitor("regs other one")


def test_memory(machine):
    """The kernel's Multiboot header is where it was loaded; what is no memory is said to be none."""
    dump = machine.monitor("mem beat 0x100000 32")
    assert re.search(r"^000000100000: 02 b0 ad 1b 03 00 00 00 fb 4f 52 e4 ", dump, re.M)
    assert len(re.findall(r"^0000001000[01]0: (?:\w\w ){16} .{16}$", dump, re.M)) == 2
    assert re.search(r"^000000100003: 1b 03 +..$", machine.monitor("mem beat 1048579 2"), re.M)
    assert len(re.findall(r"^\w{12}: ", machine.monitor("mem later 0"), re.M)) == 16
    end = machine.monitor("mem beat 0x1fffff8 16")
    assert re.search(r"^000001fffff8: (?:\w\w ){8} ", end, re.M) and "000002000000: no memory of beat\n" in end
    for address in "0x2000000", "0xfee00000", "0xffffffffffffffff", "99999999999999999999999":
        assert "no memory of beat" in machine.monitor(f"mem beat {address}")
    assert '"here" is not a number' in machine.monitor("mem beat here")
    assert "COUNT is from 1 to" in machine.monitor("mem beat 0 0")
    assert "COUNT is from 1 to" in machine.monitor("mem beat 0 0x100001")


def exits(machine, name, kind):
    """How many of a kind stats shows."""
    return int(re.search(rf"^  {kind} +(\d+) ", machine.monitor(f"stats {name}"), re.M).group(1))


def test_statistics(machine):
    """Counts grow while the guest runs; times are there for each vCPU."""
    before = exits(machine, "other", "HLT"), exits(machine, "other", "port I/O")
    machine.expect(r"\[other\] beat \d+\r")
    machine.expect(r"\[other\] beat \d+\r")
    after = exits(machine, "other", "HLT"), exits(machine, "other", "port I/O")
    assert after[0] > before[0] and after[1] > before[1]
    everyone = machine.monitor("stats")
    for name in "beat", "other", "spin", "later":
        assert re.search(rf"^{name} vCPU 0: run [\d.]+ \w+, steal [\d.]+ \w+, wait [\d.]+ \w+; overruns ", everyone, re.M)
    assert "refused" not in everyone


def test_top(machine):
    """It refreshes until a key is pressed; the one that never waits has its core."""
    machine.send("top\r")
    for _ in range(2):
        machine.expect(r"NAME +STATE +CPU % +STEAL % +EXITS/S")
        machine.expect(r"spin +running +(\d+)\.\d ")
        assert int(machine.child.match.group(1)) > 50
        machine.expect_text("any key ends this")
    machine.send("q")
    machine.expect_text(MONITOR)
    machine.send("top\r")
    machine.expect(r"CPU %")
    machine.send("\x03")
    machine.expect_text("^C")
    machine.expect_text(MONITOR)
    assert "NAME" in machine.monitor("list")


def test_log_sched_version_hw(machine, vendor):
    """What they show of this machine."""
    # Debug builds log so much that only the last starts are still there.
    assert "info spin: started" in machine.monitor("log 128") and "info spin: started" in machine.monitor("log 99999")
    assert len(machine.monitor("log 2").strip().split("\n")) >= 2
    sched = machine.monitor("sched")
    assert "core 0: beat vCPU 0, fair weight 100; " in sched and "core 1: other vCPU 0, dedicated; " in sched
    assert "core 2: spin vCPU 0, fair weight 100; " in sched and "core 2: later vCPU 0, fair weight 50; waiting" in sched
    assert re.search(r"^Bulkhead.*configuration version 1", machine.monitor("version"), re.M)
    hardware = machine.monitor("hw")
    assert "cores: 3 online" in hardware and {"amd": "AMD-V", "intel": "VT-x"}[vendor] in hardware


def test_trace(machine, tmp_path):
    """What each core did last, in order; the host command makes a timeline and a file for Perfetto of it."""
    assert "the trace is on" in machine.monitor("trace on")
    machine.expect(r"\[other\] beat \d+\r")
    machine.expect(r"\[other\] beat \d+\r")
    dump = machine.monitor("trace dump 60", machine.boot_wait)
    assert re.search(r"^trace: 1 hz \d{7,}$", dump, re.M)
    kinds = dict(re.findall(r"^trace: exit (\d+) (.*)$", dump, re.M))
    records = re.findall(r"^trace: r (\d+) ([0-9a-f]+) (\d+) (\d+) (\w+) (\d+)$", dump, re.M)
    assert re.search(rf"^trace: end {len(records)} lost \d+$", dump, re.M)
    for core in "0", "1", "2":
        own = [record for record in records if record[0] == core]
        assert len(own) <= 60 and (len(own) > 1 or core == "2")  # what never leaves its guest leaves no trace
        times = [int(record[1], 16) for record in own]
        assert times == sorted(times)
        guest_or_not = [record[4] for record in own if record[4] in ("enter", "exit")]
        assert all(one != two for one, two in zip(guest_or_not, guest_or_not[1:])), "an entry without its exit"
    assert {kinds[record[5]] for record in records if record[4] == "exit" and record[2] == "1"} & {"HLT", "port I/O"}
    assert {record[2] for record in records if record[0] == "1"} == {"1"}
    assert "it is trace on, trace off or trace dump" in machine.monitor("trace perhaps")
    captured = tmp_path / "console.txt"
    captured.write_text(machine.console, newline="")
    picture = tmp_path / "trace.json"
    done = subprocess.run([COMMAND, "trace", captured], capture_output=True, text=True, check=True)
    assert "other" in done.stdout
    subprocess.run([COMMAND, "trace", captured, "--json", picture], capture_output=True, check=True)
    events = json.loads(picture.read_text(encoding="utf-8"))["traceEvents"]
    assert any("other" in str(event.get("name")) for event in events)


def test_editing(machine):
    """Keys that move and delete, the history, completion."""
    machine.send("stop spin\x15lisX\x7ft\r")
    machine.expect(r"NAME +STATE")
    machine.expect_text(MONITOR)
    machine.send("\x1b[A\r")
    machine.expect(r"NAME +STATE")
    machine.expect_text(MONITOR)
    machine.send("info oth\x01\x06\x06\x06\x06\x05er\r")
    machine.expect(r"other: partition 2 of 5")
    machine.expect_text(MONITOR)
    machine.send("inf\tot\t\r")
    machine.expect(r"other: partition 2 of 5")
    machine.expect_text(MONITOR)
    machine.send("st\t")
    machine.expect(r"stats +stop +start")
    machine.send("\x15info \t")
    machine.expect(r"beat +other +spin +later +refused")
    machine.send("\x15power \t")
    machine.expect(r"off +reboot")
    machine.send("\x03")
    machine.expect_text(MONITOR)
    # Several lines at once are taken one after the other.
    machine.send("pause beat\rresume beat\rinfo later\r")
    machine.expect(r"beat is paused[\s\S]*beat goes on[\s\S]*later: partition 4 of 5")
    machine.expect_text(MONITOR)


def test_bad_lines(machine):
    """A line that is too long is refused whole; bytes that are no text do nothing; too many of them are told."""
    machine.send("stop spin" + " x" * 200 + "\r")
    machine.expect(r"this line is too long, and was not executed: 160 characters are the most")
    machine.expect_text(MONITOR)
    assert state(machine, "spin") == "running"
    skipped = b"\x01\x03\x0a\x0d\x1d"
    garbage = bytes(byte for byte in list(range(256)) + [27, 91, 255, 0, 27, 79, 27] if byte not in skipped)
    os.write(machine.child.child_fd, garbage)
    machine.send("\x03")
    machine.expect_text("^C")
    machine.expect_text(MONITOR)
    assert "NAME" in machine.monitor("list")


def test_console(machine):
    """The input goes to the partition, and comes back by Ctrl-A."""
    machine.send("console other\r")
    machine.expect(r"--- input goes to other ")
    machine.expect(r"\[other\] beat \d+\r")
    machine.enter_monitor()
    # What was asked for before the focus went away is still answered.
    machine.send("info later\r\x01\x01\x01")
    machine.expect_all(r"later: partition 4 of 5", r"input goes to beat ")
    machine.enter_monitor()


def test_stop_of_one_that_waits_to_be_started(start, vendor):
    """During the back-off after failures; with a core that has nothing else to do."""
    machine = start(HEAD + guest("failing", "hostile.elf", cmdline="triple-fault", restart="always"), vendor=vendor, cpus=2)
    machine.expect(r"failed 2 times; starting again in 2 s", machine.boot_wait)
    machine.enter_monitor()
    assert state(machine, "failing") == "starting"
    assert "failing is starting: pause it when it runs" in machine.monitor("pause failing")
    assert "failing is off\n" in machine.monitor("stop failing")
    assert state(machine, "failing") == "off"
    # The last one was stopped by the operator: the machine stays on until it is turned off.
    assert "info bulkhead: all partitions are off: start one in the monitor" in machine.log()
    machine.send("start failing\r")
    machine.expect(r"failed 1 times; starting again in 1 s")
    machine.send("power off\r")
    machine.ends(0)
    assert "info bulkhead: power off" in machine.log()


def test_linux(start, vendor):
    """A stock kernel with two processors is paused and resumed many times, at work and idle, and goes on; the registers of
    each processor can be seen; then it is reset."""
    machine = start(HEAD + linux(vendor=vendor), vendor=vendor, cpus=2)
    machine.shell()
    for line in "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; echo count''ed $i\n", "\n":
        machine.send(line)
        machine.enter_monitor()
        for _ in range(10):
            assert "linux is paused\n" in machine.monitor("pause linux")
            assert "linux goes on\n" in machine.monitor("resume linux")
        for number in 0, 1:
            assert re.search(rf"^linux vCPU {number} on core {number}, partition running:\nRIP \w", machine.monitor(
                f"regs linux {number}"), re.M)
        machine.focus("linux")
    machine.send("\n")
    assert "2" in machine.command("nproc")
    assert "counted 20000" in machine.log()
    machine.enter_monitor()
    assert "linux is started anew" in machine.monitor("reset linux")
    machine.focus("linux")
    machine.shell()
    machine.send("poweroff\n")
    machine.ends(0, machine.boot_wait)


def test_nothing_starts_by_itself(start, vendor):
    """The machine waits for the operator, who can start a partition, and reset the machine."""
    machine = start(HEAD + guest("beat", "neighbour.elf", cmdline="100000", memory="32M", autostart="no"), vendor=vendor,
                    cpus=2)
    machine.expect(r"info bulkhead: no partition starts by itself: start one in the monitor", machine.boot_wait)
    machine.enter_monitor()
    machine.send("start beat\r")
    machine.expect_all(r"beat is started", r"beat 2\r")
    machine.send("power reboot\r")
    machine.expect(r"info bulkhead: reset")
    machine.expect(r"\[1/7\] kernel", machine.boot_wait)

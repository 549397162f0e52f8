# SPDX-License-Identifier: MIT
"""The host command: messages, boot media, and what it asks of the emulators, which are scripts here: nothing boots."""
import json
import os
import re
import signal
import subprocess
import uuid

import pexpect
import pytest

from bulkhead import BUILD, COMMAND, HEAD

GOOD = HEAD + """
[partition linux]
cpus = 0-1
memory = 64M
kernel = vmlinuz
initrd = boot/initrd.img

[partition rtos]
cpus = 2
memory = 16M
kernel = rtos.elf
module = boot/deep/data first words
"""
FILES = {"vmlinuz": b"kernel" * 1000, "boot/initrd.img": bytes(range(256)) * 999, "rtos.elf": b"",
         "boot/deep/data": b"data"}


def command(*words, **environment):
    """Runs `bulkhead` with these words."""
    return subprocess.run([COMMAND, *map(str, words)], env={**os.environ, **environment}, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)


def tool(*words):
    """The output of another program."""
    return subprocess.run(words, check=True, text=True, capture_output=True,
                          env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin", "MTOOLSRC": "/dev/null"}).stdout


@pytest.fixture
def folder(tmp_path):
    """A folder with a good configuration and its files."""
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "good.conf").write_text(GOOD)
    (tmp_path / "temporary").mkdir()
    return tmp_path


# --- words ---

def test_help():
    """Each command explains itself, with every option that it knows."""
    assert re.search(r"check CONF.*image CONF -o FILE.*run CONF.*trace FILE", command("--help").stdout, re.S)
    for name, options in (("check", ["--help"]), ("image", ["--output", "--firmware", "--build", "--force", "--help"]),
                          ("run", ["--vendor", "--firmware", "--cpus", "--memory", "--timeout", "--icount", "--model",
                                   "--qemu-arg", "--bochs-rc", "--build", "--help"]), ("trace", ["--json", "--help"])):
        result = command(name, "--help")
        assert result.returncode == 0 and result.stderr == "" and "Exit status" in result.stdout
        assert sorted(set(re.findall(r"^ .*?(--[a-z-]+)", result.stdout, re.M))) == sorted(options)
        assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize("words, sentence", [
    ((), "Usage: bulkhead COMMAND"),
    (("boot",), "there is no command boot; the commands are check, image, run and trace"),
    (("check",), "check takes one configuration"),
    (("check", "a", "b"), "check takes one configuration"),
    (("check", "--force", "a"), "there is no option --force"),
    (("image", "a"), "image takes one configuration and -o FILE"),
    (("image", "a", "-x"), "there is no option -x"),
    (("image", "a", "-o"), "option -o needs a value"),
    (("image", "a", "-o", "b", "--firmware", "coreboot"), "there is no firmware coreboot; write uefi or bios"),
    (("run",), "run takes one configuration"),
    (("run", "a", "--vendor", "via"), "there is no vendor via; write amd or intel"),
    (("run", "a", "--vendor", "intel", "--model", "ryzen"),
     "ryzen is a processor with AMD-V; leave --vendor intel out"),
    (("run", "a", "--cpus", "0"), "--cpus cannot be 0; write a number from 1 to 255"),
    (("run", "a", "--cpus", "1x"), "--cpus cannot be 1x"),
    (("run", "a", "--memory", "1000"), "--memory cannot be 1000; write a size in whole MiB"),
    (("run", "a", "--memory", "1M"), "--memory cannot be 1M"),
    (("run", "a", "--timeout", "-1"), "--timeout cannot be -1"),
    (("run", "a", "--timeout"), "option --timeout needs a value"),
    (("trace",), "trace takes one file"),
    (("trace", "a", "--json"), "option --json needs a value"),
])
def test_wrong_use(words, sentence):
    """A sentence, and status 2."""
    result = command(*words)
    assert (result.returncode, result.stdout) == (2, "")
    assert sentence in result.stderr


# --- check ---

def test_check_good(folder):
    """One line."""
    result = command("check", folder / "good.conf")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{folder}/good.conf: 2 partitions, no errors\n"


def test_check_relative_path(folder):
    """Files are looked for beside the configuration, wherever the command is run."""
    result = subprocess.run([COMMAND, "check", "good.conf"], cwd=folder, capture_output=True, text=True, check=True)
    assert result.stdout == "good.conf: 2 partitions, no errors\n"


def test_check_every_error_in_order(folder):
    """The parser's errors and missing files, by line."""
    path = folder / "bad.conf"
    path.write_text("[bulkhead]\nversion = 1\nlgo = debug\n[partition a]\ncpus = 0\nkernel = nowhere\ninitrd = boot\n"
                    "[partition b]\ncpus = 0\nmemory = 5\nkernel = vmlinuz\n"
                    "[partition c]\ncpus = 1\nmemory = 16M\nkernel = vmlinuz\n"
                    "[partition d]\nmemory = 16M\nkernel = vmlinuz\ncpus = 1\n")
    result = command("check", path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [f"{path}:{line}" for line in (
        "3: error: there is no key 'lgo' in this section; did you mean log?",
        "4: error: partition a has no memory; add memory = 512M",
        "6: error: file nowhere: No such file or directory; copy it beside the configuration or correct its name",
        "7: error: boot is not a file; name a file",
        "10: error: '5' is not a size; write a number and K, M or G, such as 512M",
        "19: error: partition d on core 1: the core is dedicated to partition c; give it another core",
    )] + [f"{path}: 6 errors"]


def test_check_names_on_fat(folder):
    """What a FAT file system cannot tell apart."""
    (folder / "Vmlinuz").write_bytes(b"other")
    (folder / "BULKHEAD.CONF").write_bytes(b"other")
    path = folder / "bad.conf"
    path.write_text(HEAD + "[partition a]\ncpus = 0\nmemory = 1M\nkernel = vmlinuz\nmodule = Vmlinuz\n"
                    "initrd = BULKHEAD.CONF\n")
    result = command("check", path)
    assert result.returncode == 1
    assert ":8: error: Vmlinuz and vmlinuz are one name on a boot medium; rename one" in result.stderr
    assert ":9: error: the boot medium has a file of that name already; rename the file" in result.stderr


def test_check_no_file(tmp_path):
    """Neither a missing configuration nor a folder nor a huge file is one."""
    (tmp_path / "huge").write_bytes(b"#" * (1 << 20) + b"\n")
    for name, sentence in (("none", "No such file"), (".", "Is a directory"), ("huge", "larger than 1 MiB")):
        result = command("check", tmp_path / name)
        assert (result.returncode, result.stdout) == (1, "")
        assert sentence in result.stderr


def test_check_hundred_errors(tmp_path):
    """More errors than anyone reads are counted."""
    path = tmp_path / "bad.conf"
    path.write_text(HEAD + "nonsense\n" * 150 + "[partition a]\n")
    lines = command("check", path).stderr.splitlines()
    assert len(lines) == 102
    assert lines[-2:] == [f"{path}: 53 more errors are not shown; mend these first", f"{path}: 153 errors"]


# --- image ---

def extract(image, name, target):
    """A file's bytes from the image's partition."""
    tool("mcopy", "-n", "-i", f"{image}@@1M", f"::/EFI/BOOT/{name}", str(target))
    return target.read_bytes()


def test_image_content(folder):
    """The firmware's file, the configuration, and every file under its name."""
    image = folder / "disk.img"
    result = command("image", folder / "good.conf", "-o", image)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    with open(os.path.join(BUILD, "bulkhead.efi"), "rb") as file:
        assert extract(image, "BOOTX64.EFI", folder / "copy0") == file.read()
    assert extract(image, "bulkhead.conf", folder / "copy1") == GOOD.encode()
    for number, (name, content) in enumerate(FILES.items()):
        assert extract(image, name, folder / f"copy{number + 2}") == content
    listing = tool("mdir", "-/", "-b", "-i", f"{image}@@1M", "::").split()
    assert len([name for name in listing if not name.endswith("/")]) == 2 + len(FILES)
    assert not (folder / "disk.img.part").exists()


def test_image_partition_table(folder):
    """One EFI system partition on MiB boundaries, both tables good."""
    image = folder / "disk.img"
    command("image", folder / "good.conf", "-o", image)
    assert "No problems found" in tool("sgdisk", "--verify", str(image))
    partition = tool("sgdisk", "--info=1", str(image))
    assert "Partition GUID code: C12A7328-F81F-11D2-BA4B-00A0C93EC93B" in partition
    assert "First sector: 2048 " in partition
    assert "Partition name: 'Bulkhead'" in partition
    assert uuid.UUID(re.search(r"unique GUID: (\S+)", partition).group(1))


@pytest.mark.parametrize("mebibytes, kind", [(0, "FAT16"), (230, "FAT16"), (252, "FAT32"), (300, "FAT32")])
def test_image_size(folder, mebibytes, kind):
    """A file system that holds the files, of the kind that its size asks for."""
    os.truncate(folder / "vmlinuz", mebibytes << 20)
    image = folder / "disk.img"
    assert command("image", folder / "good.conf", "-o", image).returncode == 0
    text = tool("minfo", "-i", f"{image}@@1M", "::")
    assert re.search(r'disk type="(\S+)\s*"', text).group(1) == kind
    assert re.search(r"hidden sectors: 2048\b", text)
    blocks = os.stat(image).st_size // 512
    sectors = int(re.search(r"(?:big|small) size: ([1-9]\d*)", text).group(1))
    assert blocks == sectors + 2 * 2048
    image.unlink()


def test_image_same_bytes(folder):
    """The same files make the same image, at any time; another configuration has another serial number."""
    first, second, third = (folder / f"{n}.img" for n in range(3))
    command("image", folder / "good.conf", "-o", first)
    os.utime(folder / "vmlinuz", (1, 1))
    command("image", folder / "good.conf", "-o", second, TZ="America/New_York")
    assert first.read_bytes() == second.read_bytes()
    (folder / "good.conf").write_text(GOOD + "# more\n")
    command("image", folder / "good.conf", "-o", third)
    assert tool("sgdisk", "-p", str(first)).split("GUID")[1] != tool("sgdisk", "-p", str(third)).split("GUID")[1]


def test_image_of_errors(folder):
    """Refused, unless it is forced; then what is there is on the image."""
    image = folder / "disk.img"
    (folder / "rtos.elf").unlink()
    result = command("image", folder / "good.conf", "-o", image)
    assert result.returncode == 1 and "file rtos.elf: No such file" in result.stderr
    assert "no image was made; mend the configuration, or use --force" in result.stderr
    assert not image.exists()
    assert command("image", folder / "good.conf", "-o", image, "--force").returncode == 0
    assert extract(image, "vmlinuz", folder / "copy") == FILES["vmlinuz"]


def test_image_failures(folder):
    """Each is a sentence, and leaves no half image."""
    image = folder / "disk.img"
    result = command("image", folder / "good.conf", "-o", image, PATH=str(folder))
    assert result.returncode == 1
    assert "the program mformat is missing; install Debian's package mtools" in result.stderr
    result = command("image", folder / "good.conf", "-o", image, "--build", folder)
    assert result.returncode == 1 and "bulkhead.efi: No such file or directory; build it with make" in result.stderr
    result = command("image", folder / "good.conf", "-o", folder / "none/disk.img")
    assert result.returncode == 1 and "cannot be written: No such file or directory" in result.stderr
    result = command("image", folder / "good.conf", "-o", "/dev/null")
    assert result.returncode == 1 and "/dev/null is not a file; make an image file first" in result.stderr
    assert [name for name in os.listdir(folder) if "disk" in name] == []


def test_image_for_bios(folder):
    """GRUB, the Multiboot2 image, and every file as a module under its name."""
    image = folder / "disk.iso"
    result = command("image", folder / "good.conf", "-o", image, "--firmware", "bios",
                     TMPDIR=str(folder / "temporary"))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    tool("xorriso", "-osirrox", "on", "-indev", str(image), "-extract", "/boot", str(folder / "out"))
    script = (folder / "out/grub/grub.cfg").read_text()
    modules = dict(re.findall(r"module2 --nounzip /boot/(\S+) '?([^'\n]+)'?", script))
    assert modules.pop("bulkhead.conf") == "bulkhead.conf"
    assert {name: (folder / "out" / number).read_bytes() for number, name in modules.items()} == FILES
    assert (folder / "out/bulkhead.conf").read_text() == GOOD
    with open(os.path.join(BUILD, "bulkhead.mb2"), "rb") as file:
        assert (folder / "out/bulkhead.mb2").read_bytes() == file.read()
    assert os.listdir(folder / "temporary") == []


# --- run, with scripts in the emulators' place ---

def fake(folder, script, name="qemu-system-x86_64"):
    """A program of that name, found first; its words are in the file `words`. Returns the environment."""
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >"{folder}/words"\n{script}\n')
    path.chmod(0o755)
    return {"PATH": f"{folder}/bin:{os.environ['PATH']}", "TMPDIR": str(folder / "temporary")}


def fake_emulator(folder, vendor, script):
    """The emulator of a vendor; the script's console is the machine's. Words and environment for `bulkhead run`."""
    if vendor == "amd":
        return [], fake(folder, script)
    terminal = """exec <>"$(sed -n 's/^com1.*dev=//p' "$3")" >&0; """
    return ["--vendor", "intel"], fake(folder, terminal + script, "bochs-bin")


NAMES = {"amd": "QEMU", "intel": "Bochs"}
OFF = "printf '[ 1.0] 0 info bulkhead: all partitions are off: power off\\r\\n'"
NOTHING = "printf '[ 1.0] 0 error bulkhead: no partition is running, 1 failed\\r\\n'; exec sleep 1000"
PANIC = "printf '[ 1.0] 0 error bulkhead: halted: switch the machine off\\r\\n'; exec sleep 1000"


# Bochs has status 1 at every end; and it has no power-off to end with where there are no ACPI tables.
@pytest.mark.parametrize("vendor, script, status", [
    ("amd", OFF, 0),
    ("amd", OFF + "; exit 1", 1),
    ("amd", "echo panic", 1),
    ("amd", "echo all partitions", 1),
    ("amd", OFF + "; kill -9 $$", 1),
    ("amd", NOTHING, 1),
    ("amd", PANIC, 1),
    ("amd", "exec sleep 1000", 124),
    ("amd", OFF + "; exec sleep 1000", 124),
    ("intel", OFF + "; exit 1", 0),
    ("intel", OFF + "; exec sleep 1000", 0),
    ("intel", "echo all partitions; exit 1", 1),
    ("intel", "kill -9 $$", 1),
    ("intel", NOTHING, 1),
    ("intel", PANIC, 1),
    ("intel", "exec sleep 1000", 124),
])
def test_run_status(folder, vendor, script, status):
    """0 only when Bulkhead said that it turns the machine off, and the machine went off."""
    seconds = 1 if status == 124 else 60
    words, environment = fake_emulator(folder, vendor, script)
    result = command("run", folder / "good.conf", *words, "--timeout", seconds, **environment)
    assert result.returncode == status
    assert f"{NAMES[vendor]} starts; Ctrl-] three times ends it" in result.stderr
    assert ("the time is over" in result.stderr) == (status == 124)
    assert ("nothing is running" in result.stderr) == (script in (NOTHING, PANIC))
    assert ("without an orderly power-off" in result.stderr) == (status == 1 and script not in (NOTHING, PANIC))
    assert os.listdir(folder / "temporary") == []


def words_of(folder):
    """What the emulator was called with."""
    return (folder / "words").read_text().splitlines()


def test_run_qemu_words(folder):
    """Defaults from the configuration, and every option."""
    environment = fake(folder, OFF)
    command("run", folder / "good.conf", **environment)
    line = " ".join(words_of(folder))
    assert "-machine q35 -accel tcg,thread=multi -cpu max -smp 3 -m 608256K" in line
    assert "-chardev stdio,id=c,signal=off -serial chardev:c" in line and "OVMF_CODE_4M" in line
    command("run", folder / "good.conf", "--cpus", "5", "--memory", "1G", "--icount", "--model", "EPYC", "--firmware",
            "bios", "--qemu-arg", "-device", "--qemu-arg", "x y", **environment)
    line = " ".join(words_of(folder))
    assert "-accel tcg,thread=single -icount shift=0,sleep=off -cpu EPYC -smp 5 -m 1048576K" in line
    assert "media=cdrom" in line and "OVMF" not in line
    assert words_of(folder)[-2:] == ["-device", "x y"]


def test_run_console(folder):
    """The terminal is on the UART that the configuration names; where there is none, that is said."""
    environment = fake(folder, OFF)
    (folder / "good.conf").write_text(GOOD.replace("com1", "com2"))
    assert command("run", folder / "good.conf", **environment).returncode == 0
    assert "-serial null -serial chardev:c" in " ".join(words_of(folder))
    for console in "none", "0x1000,9600":
        (folder / "good.conf").write_text(GOOD.replace("com1,115200", console))
        result = command("run", folder / "good.conf", **environment)
        assert result.returncode == 1 and f"console = {console} leaves this terminal without" in result.stderr


def test_run_with_errors(folder):
    """They are said, and the machine boots all the same."""
    (folder / "good.conf").write_text(GOOD + "memory = 1M\n")
    result = command("run", folder / "good.conf", **fake(folder, OFF))
    assert result.returncode == 0
    assert "error: key memory stands in line 13 already" in result.stderr


@pytest.mark.parametrize("words, model", [(["--vendor", "intel"], "broadwell_ult"), (["--model", "ryzen"], "ryzen")])
def test_run_bochs(folder, words, model):
    """Bochs gets a set-up file and a pseudo-terminal, and is ended when it does not end itself."""
    script = f'cp "$3" {folder}/setup; {OFF} >$(sed -n "s/^com1.*dev=//p" "$3"); exec sleep 1000'
    result = command("run", folder / "good.conf", *words, "--timeout", "60", **fake(folder, script, "bochs-bin"))
    assert result.returncode == 0
    assert "all partitions are off: power off" in result.stdout
    setup = (folder / "setup").read_text()
    assert f"cpu: model={model}, count=3," in setup and "memory: guest=594, host=594" in setup
    assert "OVMF.fd" in setup and "path=" + str(folder / "temporary") in setup


def test_run_bochs_limits(folder):
    """What Bochs cannot do is said before it starts."""
    environment = fake(folder, OFF, "bochs-bin")
    result = command("run", folder / "good.conf", "--vendor", "intel", "--memory", "3G", **environment)
    assert result.returncode == 1 and "Bochs has 2048 MiB of memory at the most" in result.stderr
    result = command("run", folder / "good.conf", "--vendor", "intel", "--qemu-arg", "x", **environment)
    assert result.returncode == 1 and "--qemu-arg is for QEMU" in result.stderr


def test_run_bochs_debugger(folder):
    """Commands for its debugger are the ones given, otherwise the one to go on."""
    environment = fake(folder, f'cp "$5" {folder}/rc; cp "$3" {folder}/setup', "bochs-bin")
    command("run", folder / "good.conf", "--vendor", "intel", **environment)
    assert (folder / "rc").read_text() == "c\n" and "debugger_log" not in (folder / "setup").read_text()
    (folder / "commands").write_text("lb 0x1\nc\n")
    command("run", folder / "good.conf", "--vendor", "intel", "--bochs-rc", folder / "commands", **environment)
    assert (folder / "rc").read_text() == "lb 0x1\nc\n"
    assert f"debugger_log: {folder}/commands.log\n" in (folder / "setup").read_text()


def test_run_bochs_says_why_it_ends(folder):
    """The real one, with a processor that it does not know: its own words."""
    result = command("run", folder / "good.conf", "--vendor", "intel", "--model", "z80")
    assert result.returncode == 1 and "wrong value for parameter 'model'" in result.stderr


def test_run_cores(folder):
    """As many as the configuration names; in QEMU at least 2, since one that only sleeps costs nothing there."""
    (folder / "good.conf").write_text(HEAD + "[partition a]\ncpus = 0\nmemory = 1M\nkernel = vmlinuz\n")
    for words, cores in ([], 2), (["--cpus", 1], 1):
        command("run", folder / "good.conf", *words, **fake(folder, OFF))
        assert f"-smp {cores} " in " ".join(words_of(folder))
    for words, cores in ([], 1), (["--cpus", 2], 2):
        command("run", folder / "good.conf", "--vendor", "intel", *words,
                **fake(folder, f'cp "$3" {folder}/setup', "bochs-bin"))
        assert f"count={cores}," in (folder / "setup").read_text()


def spawn(folder, vendor, script):
    """`bulkhead run` on a terminal."""
    words, environment = fake_emulator(folder, vendor, script)
    return pexpect.spawn(COMMAND, ["run", str(folder / "good.conf"), "--timeout", "100", *words], timeout=30,
                         env={**os.environ, **environment}, encoding="utf-8")


@pytest.mark.parametrize("vendor", NAMES)
def test_run_keys(folder, vendor):
    """Every key goes to the machine, Ctrl-C and Ctrl-A too."""
    child = spawn(folder, vendor, f"echo ready; head -c 7 | od -An -tx1; {OFF}")
    child.expect("ready")
    child.send("a\x01x\x03\x1d\r\x04")
    child.expect("61 01 78 03 1d 0d 04")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


@pytest.mark.parametrize("vendor", NAMES)
def test_run_escape(folder, vendor):
    """Ctrl-] three times ends the emulator; with another key between, it does not."""
    child = spawn(folder, vendor, "echo ready; exec cat")
    child.expect("ready")
    child.send("\x1d\x1dx\x1d\x1dy")
    child.expect("\x1d\x1dx\x1d\x1dy")
    child.send("\x1d\x1d\x1d")
    child.expect(rf"{NAMES[vendor]} was ended by Ctrl-\]")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert os.listdir(folder / "temporary") == []


@pytest.mark.parametrize("vendor", NAMES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_run_signal(folder, vendor, number):
    """A signal ends the emulator, too, and leaves nothing behind."""
    child = spawn(folder, vendor, "echo ready $$; exec cat")
    child.expect(r"ready (\d+)")
    pid = int(child.match.group(1))
    child.kill(number)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 128 + number
    assert os.listdir(folder / "temporary") == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_run_without_emulator(folder):
    """The package's name."""
    for words, package in (([], "qemu-system-x86"), (["--vendor", "intel"], "bochs")):
        (folder / "bin").mkdir(exist_ok=True)
        for name in "mformat", "mmd", "mcopy", "sgdisk":
            path = folder / "bin" / name
            if not path.exists():
                path.write_text("#!/bin/sh\n")
                path.chmod(0o755)
        result = command("run", folder / "good.conf", *words, PATH=str(folder / "bin"))
        assert result.returncode == 1 and f"is missing; install Debian's package {package}" in result.stderr


# --- trace ---

TRACE = """bulkhead> trace\r
\x1b[Ktrace: 1 hz 2000000000\r
trace: partition 0 linux\r
trace: exit 12 CPUID\r
trace: exit 13 CR "x"\r
trace: r 1 1000 0 1 wake 0\r
linux: trace of something else\r
trace: r 0 17d0 0 1 run 0\r
trace: r 0 1fa0 0 1 enter 0\r
trace: r 0 2f40 0 1 exit 12\r
trace: r 0 3328 0 1 inject 236\r
trace: r 0 3710 0 1 enter 0\r
trace: r 0 46b0 0 1 exit 13\r
trace: r 0 4e80 0 1 leave 2\r
trace: r 0 4e82 3 0 overrun 4000\r
trace: end 9 lost 12\r
bulkhead> """


def slices(events):
    """(process, name, beginning, end) of what begins and ends, in order of the beginnings."""
    stacks, found = {}, []
    for event in events:
        stack = stacks.setdefault(event["pid"], [])
        if event["ph"] == "B":
            stack.append(event)
        elif event["ph"] == "E":
            begin = stack.pop()
            found.append((event["pid"], begin["name"], begin["ts"], event["ts"]))
    assert not any(stacks.values())
    return sorted(found, key=lambda found: (found[2], -found[3]))


def test_trace_json(tmp_path):
    """Slices that nest, instants, and the arrow from a wake to its run."""
    (tmp_path / "capture").write_text(TRACE, newline="")
    result = command("trace", tmp_path / "capture", "--json", tmp_path / "out.json")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["otherData"] == {"lost": 12}
    events = document["traceEvents"]
    assert {event["pid"]: event["args"]["name"] for event in events if event.get("name") == "process_name"} == {
        1: "core 0", 2: "core 1"}
    assert slices(events) == [(1, "linux/v1", 1, 8), (1, "guest", 2, 4), (1, "CPUID", 4, 5), (1, "guest", 5, 7),
                              (1, 'CR "x"', 7, 8)]
    assert [(event["pid"], event["name"], event["ts"], event["args"]) for event in events if event["ph"] == "i"] == [
        (2, "wake", 0, {"vcpu": "linux/v1"}), (1, "inject", 4.5, {"vcpu": "linux/v1", "vector": 236}),
        (1, "overrun", 8.001, {"vcpu": "3/v0", "ns": 2000})]
    assert [(event["ph"], event["pid"], event["ts"], event["id"]) for event in events if event["ph"] in "sf"] == [
        ("s", 2, 0, 1), ("f", 1, 1, 1)]


def test_trace_timeline(tmp_path):
    """A line for each record, and what it comes to."""
    (tmp_path / "capture").write_text(TRACE, newline="")
    result = command("trace", tmp_path / "capture")
    assert (result.returncode, result.stderr) == (0, "")
    assert [line.split() for line in result.stdout.splitlines()[1:11]] == [line.split() for line in (
        "0.000 1 linux/v1 wake",
        "1.000 0 linux/v1 run 1.000 us after its wake",
        "2.000 0 linux/v1 enter",
        "4.000 0 linux/v1 exit CPUID after 2.000 us in the guest",
        "4.500 0 linux/v1 inject vector 236",
        "5.000 0 linux/v1 enter handled in 1.000 us",
        "7.000 0 linux/v1 exit CR \"x\" after 2.000 us in the guest",
        "8.000 0 linux/v1 leave: waits after 7.000 us on the core",
        "8.001 0 3/v0 overrun by 2.000 us",
        "")]
    assert "9 records in 8.001 us; 12 older ones were overwritten" in result.stdout
    assert "linux/v1: 1 run, 7.000 us on a core, from wake to run 1.000 us at the worst" in result.stdout
    assert re.search(r"^    CPUID +1 +1\.000 +1\.000$", result.stdout, re.M)


def test_trace_of_no_use(tmp_path):
    """The line, what is wrong with it, and what to do; a good trace before it is shown."""
    path = tmp_path / "capture"
    cut = TRACE[:TRACE.index("trace: end")]
    for text, sentence in ((cut, ":15: error: the text ends within a trace; let the monitor print the trace again"),
                           (TRACE.replace("enter", "entry"), ":9: error: there is no such kind of record"),
                           ("", ": error: there is no trace in it; capture the console while")):
        path.write_text(text, newline="")
        result = command("trace", path)
        assert (result.returncode, result.stdout) == (1, "")
        assert f"{path}{sentence}" in result.stderr
    path.write_text(TRACE + cut, newline="")
    result = command("trace", path)
    assert result.returncode == 0 and "9 records" in result.stdout
    assert "warning: the text ends within a trace; an earlier trace is shown" in result.stderr
    result = command("trace", path, "--json", tmp_path / "none/out.json")
    assert result.returncode == 1 and "none/out.json cannot be written: No such file" in result.stderr
    result = command("trace", tmp_path)
    assert result.returncode == 1 and "cannot be read: Is a directory" in result.stderr

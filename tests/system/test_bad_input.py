# SPDX-License-Identifier: MIT
"""Bad files, configurations and machines: a sentence that says what is wrong and how to mend it, and no hang; partitions
without errors run to their end."""
import re
import shutil
import subprocess

import pytest

import bulkhead
from bulkhead import FIRMWARE, HEAD, guest, linux, partition

MIB = 1 << 20

# (partition, its section, what the console says of it). Each error is of one kind alone.
BROKEN = [
    ("absent", guest("absent", "absent.elf", cpus="1"),
     r'not started: file "absent.elf" was not found beside the configuration; copy it there or correct the name'),
    ("noinitrd", partition("noinitrd", cpus="2", memory="128M", kernel="vmlinuz", initrd="absent.img"),
     r'not started: file "absent.img" was not found beside the configuration; copy it there or correct the name'),
    ("nomodule", guest("nomodule", "modules.elf", cpus="3", module="absent.bin words"),
     r'not started: file "absent.bin" was not found beside the configuration; copy it there or correct the name'),
    ("short", partition("short", cpus="4", memory="128M", kernel="short"),
     rf"not started: short: cut short: its header says [0-9]+ bytes, the file has {MIB}: copy it again"),
    ("header", partition("header", cpus="5", memory="128M", kernel="header"),
     r"not started: header: cut short: it ends within its header: copy it again"),
    ("text", partition("text", cpus="6", memory="16M", kernel="readme"),
     r"not started: readme: not a kernel: a Linux bzImage or a Multiboot 1 kernel is needed \(the file has 21 bytes\)"),
    ("empty", partition("empty", cpus="7", memory="16M", kernel="nothing"),
     r"not started: nothing: the file is empty: copy it again"),
    ("packed", partition("packed", cpus="8", memory="16M", kernel="packed.gz"),
     r"not started: packed.gz: compressed with gzip: unpack it \(gunzip\)"),
    ("bulky", partition("bulky", cpus="9", memory="72M", kernel="vmlinuz", initrd="bulky.img"),
     r"not started: bulky.img: the initrd \(8 MiB\) does not fit in 72 MiB of memory beside the kernel "
     r"\(up to [0-9]+ MiB\): raise `memory` or use a smaller one"),
    ("tiny", partition("tiny", cpus="10", memory="16M", kernel="vmlinuz"),
     r"not started: vmlinuz: it needs [0-9]+ MiB of memory to start, the partition has 16 MiB: raise `memory`"),
    ("modules", partition("modules", cpus="11", memory="128M", kernel="vmlinuz", module="readme"),
     r"not started: vmlinuz: Linux takes no modules: use `initrd` instead of `module`"),
    ("greedy", guest("greedy", "hello.elf", cpus="12", memory="64G"),
     r"not started: it wants 65536 MiB of memory, but the largest free block of this machine has [0-9]+ MiB; "
     r"lower its memory"),
    ("crowd", guest("crowd", "hello.elf", cpus="14-40"),
     r"not started: it wants core 15, but this machine has cores 0-14; change its cpus"),
    ("port", partition("port", cpus="13", memory="16M", kernel="hello.elf", debug_exit="0x3f8"),
     r"not started: its debug-exit port 0x3f8 belongs to another device; choose 0xf4"),
    ("taken", guest("taken", "hello.elf", cpus="0"), None),
    ("typo", partition("typo", cpus="41", memroy="16M", kernel="hello.elf"), None),
]
CORES = 15


def files():
    """What the configuration names and nobody built."""
    kernel = bulkhead.built("vmlinuz")
    return {"short": kernel[:MIB], "header": kernel[:0x220], "readme": b"This is not a kernel\n", "nothing": b"",
            "packed.gz": b"\x1f\x8b\x08\x00" + bytes(100), "bulky.img": bytes(8 * MIB)}


# Fifteen processors take turns on one thread in Bochs: half a minute by its BIOS, two by UEFI.
@pytest.fixture(scope="module", params=[("amd", "uefi"), ("amd", "bios"), ("intel", "bios")], ids="-".join)
def bad(request, start_shared):
    """The console of a machine with one good partition and one of each kind of broken ones, after its end."""
    vendor, firmware = request.param
    text = HEAD + guest("good", "hello.elf", cpus="0") + "".join(section for _, section, _ in BROKEN)
    machine = start_shared(text, files(), vendor=vendor, firmware=firmware, cpus=CORES, memory="1G")
    machine.text = text
    machine.expect(r"QEMU starts|Bochs starts")
    machine.expect(r"no partition is running, [0-9]+ failed: see above; reset the machine to start again",
                   machine.boot_wait)
    yield machine
    machine.close()


def hypervisor(machine):
    """What Bulkhead's kernel says, without what the host command and the loader say before it."""
    return machine.log().split(": Bulkhead, loaded by")[1]


@pytest.mark.parametrize("name,sentence", [(name, sentence) for name, _, sentence in BROKEN if sentence],
                         ids=[name for name, _, sentence in BROKEN if sentence])
def test_broken_partition(bad, name, sentence):
    """The log says why, once, and nothing of it runs."""
    lines = re.findall(rf" error {name}: (.*)", hypervisor(bad))
    assert len(lines) == 1
    assert re.fullmatch(sentence, lines[0])
    assert f" info {name}: started" not in bad.log()


@pytest.mark.parametrize("name", ["taken", "typo"])
def test_partition_with_configuration_errors(bad, name):
    """It is named beside the error's line."""
    assert re.findall(rf" error {name}: (.*)", hypervisor(bad)) == \
        ["not started: its configuration has errors, see above"]


def test_configuration_errors(bad):
    """Each with its file, line and mend, from the loader (UEFI) and from the kernel."""
    lines = bad.text.splitlines()
    wanted = [
        (lines.index("[partition taken]") + 2, "partition taken on core 0: the core is dedicated to partition "
                                               "good; give it another core"),
        (lines.index("[partition typo]") + 1, "partition typo has no memory; add memory = 512M"),
        (lines.index("memroy = 16M") + 1, "there is no key 'memroy' in this section; did you mean memory?"),
    ]
    for number, message in wanted:
        assert f"error bulkhead: bulkhead.conf:{number}: {message}\n" in hypervisor(bad)


def test_good_partition_runs_to_its_end(bad):
    """What the others lack does not touch it."""
    log = hypervisor(bad)
    assert "[good] hello\n" in log
    assert re.search(r"\[good\] [0-9]+ passed, 0 failed\n", log)
    assert " info good: debug exit with status 0\n" in log


# --- machines on which nothing can run ---

@pytest.mark.parametrize("vendor,model,sentence", [
    ("amd", "max,-svm", r"no AMD-V: this processor has no AMD-V \(CPUID 80000001h ECX bit 2 is clear\)"),
    ("amd", "qemu64,+svm", r"no AMD-V: this processor's AMD-V has no nested paging "
                           r"\(CPUID 8000000Ah EDX bit 0 is clear\)"),
    ("intel", "p4_prescott_celeron_336", r"no VT-x: this processor has no VT-x \(CPUID 1 ECX bit 5 is clear\)"),
    ("intel", "core2_penryn_t9600", r"no VT-x: this processor's VT-x has no extended page tables \(EPT\): use a newer "
                                    r"processor"),
    ("intel", "corei5_lynnfield_750", r"no VT-x: this processor's VT-x cannot run real-mode guests "
                                      r'\(no "unrestricted guest"\): use a newer processor'),
], ids=["amd-no-svm", "amd-no-npt", "intel-no-vmx", "intel-no-ept", "intel-no-unrestricted-guest"])
def test_processor_without_virtualization(start, vendor, model, sentence):
    """The reason, and what follows from it; nothing is started, and the hypervisor waits for somebody to read that."""
    machine = start(HEAD + guest("good", "hello.elf"), vendor=vendor, model=model)
    machine.expect(sentence, machine.boot_wait)
    machine.expect(r"no partition is running: this machine cannot run guests, see above")
    machine.ends(1)
    assert "info good: started" not in machine.log() and "panic" not in machine.log()


def test_every_partition_is_broken(start, vendor):
    """Nothing can start: what to mend."""
    machine = start(HEAD + guest("only", "absent.elf"), vendor=vendor, firmware=FIRMWARE[vendor])
    machine.expect(r'error only: not started: file "absent.elf" was not found', machine.boot_wait)
    machine.expect(r"partitions: 0 of 1 can be started")
    machine.expect(r"no partition is running: mend bulkhead.conf and reset the machine")
    machine.ends(1)


@pytest.mark.parametrize("text,errors", [
    ("", [(1, "there is no section [bulkhead]; begin the file with [bulkhead] and version = 1"),
          (1, "there is no partition; add [partition NAME] with cpus, memory and kernel")]),
    ("[bulkhead]\nversion = 7\n" + guest("good", "hello.elf"),
     [(2, "this Bulkhead does not know version '7' of the configuration; write version = 1")]),
    ("\x00\x01\x02 not text\n" * 3, [(1, "the line has bytes that are not text; type it again in a text editor")]),
], ids=["empty", "version", "binary"])
def test_useless_configuration(start, vendor, text, errors):
    """Nothing starts, every error is said, and the last line says what to do."""
    machine = start(text, vendor=vendor, firmware=FIRMWARE[vendor])
    for line, message in errors:
        machine.expect(rf"error bulkhead: bulkhead.conf:{line}: {re.escape(message)}", machine.boot_wait)
    machine.expect(r"no partition is running: mend bulkhead.conf and reset the machine")
    machine.ends(1)


def test_missing_configuration(start, tmp_path):
    """An image alone on its medium: the firmware's console says what is missing."""
    configuration = bulkhead.write_configuration(tmp_path / "conf", HEAD + guest("good", "hello.elf"))
    medium = bulkhead.make_image(configuration, tmp_path / "boot.img")
    subprocess.run(["mdel", "-i", f"{medium}@@1M", "::/EFI/BOOT/bulkhead.conf"], check=True)
    variables = tmp_path / "vars.fd"
    shutil.copy("/usr/share/OVMF/OVMF_VARS_4M.fd", variables)
    machine = start.add(bulkhead.Machine([
        "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", "512", "-nic", "none",
        "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
        "-drive", f"if=pflash,unit=1,format=raw,file={variables}", "-drive", f"media=disk,format=raw,file={medium}",
        "-display", "none", "-monitor", "none", "-serial", "stdio"], "no configuration"))
    machine.expect(r"there is no configuration bulkhead.conf beside its image. Copy one there, or name another with "
                   r"-cfg=NAME", machine.boot_wait)


def test_machine_with_little_memory(start):
    """A kernel's file is larger than the machine's memory: said, and the good partition runs. This is the UEFI loader's
    doing, which knows no vendor; GRUB leaves such a file out."""
    machine = start(HEAD + guest("good", "hello.elf", memory="2M") + linux("large", cpus="1", memory="64M"),
                    {"initrd.img": bytes(200 * MIB)}, firmware="uefi", memory="192M")
    machine.expect(r'error large: not started: file "initrd.img" does not fit in the machine\'s memory',
                   machine.boot_wait)
    machine.expect(r"info good: debug exit with status 0")

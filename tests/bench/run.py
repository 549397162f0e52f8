# SPDX-License-Identifier: MIT
"""The benchmarks: boots each configuration twice under QEMU, where one instruction is one nanosecond and one tick of the
TSC, and compares with bounds.json. run.py BUILD [--once] [NAME...]; NAME is guest or linux, both when none is given.
Writes BUILD/bench/NAME.json. Status 1: a bound is broken, or two runs differ."""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 600  # seconds of the host, for one run
# The exits do not care how the machine started, and a BIOS is there sooner; the boot is measured as it is on machines.
MACHINES = {
    "guest": ["--firmware", "bios", "--cpus", "4", "--memory", "1G"],
    "linux": ["--firmware", "uefi", "--cpus", "1", "--memory", "2G"],
}
# The firmware waits for devices of the host's time; Linux draws random numbers (addresses, RDRAND).
INEXACT = {"boot-to-first-guest", "linux-boot"}
INEXACT_BY = 0.02


# Every bound must have been measured by somebody.
EXPECTED = {
    "guest": ["cpuid", "x2apic-eoi", "tsc-deadline-to-handler", "self-ipi-to-handler", "port-read-pm-timer",
              "port-read-uart", "kernel-image-bytes", "hypervisor-memory-bytes"],
    "linux": ["boot-to-first-guest", "linux-boot"],
}


class Failed(Exception):
    """A run that gave no figures, and why."""


def newc(name, mode, data=b""):
    """One entry of a cpio archive in "newc" format."""
    raw = name.encode() + b"\0"
    head = b"070701" + b"".join(b"%08x" % value for value in (
        0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0))
    entry = head + raw
    entry += b"\0" * (-len(entry) % 4) + data
    return entry + b"\0" * (-len(entry) % 4)


def bench_initrd(build, target):
    """The demo's initrd and, in an archive behind it, /bench."""
    with open(os.path.join(build, "demo/initrd.img"), "rb") as file:
        demo = file.read()
    with open(os.path.join(build, "bench/init"), "rb") as file:
        init = file.read()
    with open(target, "wb") as file:
        file.write(demo + b"\0" * (-len(demo) % 4))
        file.write(newc("bench", 0o100755, init) + newc("TRAILER!!!", 0))


def gather(build, name, folder):
    """The configuration and what it names, in one folder."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    if name == "guest":
        shutil.copy(os.path.join(HERE, "bench.conf"), os.path.join(folder, "bulkhead.conf"))
        shutil.copy(os.path.join(build, "tests/bench/bench.elf"), folder)
    else:
        shutil.copy(os.path.join(HERE, "linux.conf"), os.path.join(folder, "bulkhead.conf"))
        shutil.copy(os.path.join(build, "demo/vmlinuz"), folder)
        bench_initrd(build, os.path.join(folder, "initrd.img"))


def boot(build, name, folder):
    """One run; returns what came out of the serial port."""
    command = [os.path.join(build, "bulkhead"), "run", os.path.join(folder, "bulkhead.conf"), "--icount",
               "--timeout", str(TIMEOUT), *MACHINES[name]]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    text = done.stdout.decode(errors="replace").replace("\r", "")
    if done.returncode:
        raise Failed(f"the run ended with status {done.returncode}; its last lines:\n" + text[-2000:])
    return text


def figures(name, text):
    """What a run says: the guest's "bench NAME VALUE" lines, and the hypervisor's own log."""
    found = {figure: int(value) for figure, value in re.findall(r"bench ([a-z0-9-]+) (\d+)$", text, re.M)}
    logged = {"guest": ("hypervisor-memory-bytes", r"hypervisor uses (\d+) KiB", 1024),
              "linux": ("boot-to-first-guest", r"first guest after (\d+) ticks", 1)}
    figure, pattern, unit = logged[name]
    match = re.search(pattern, text)
    if match:
        found[figure] = int(match.group(1)) * unit
    if not re.search(r"bench done$", text, re.M):
        raise Failed("the guest did not come to its end; the last lines:\n" + text[-2000:])
    return found


def image_size(build):
    """Bytes of text, read-only data and data of the kernel."""
    out = subprocess.run(["size", "-B", os.path.join(build, "bulkhead.elf")], stdout=subprocess.PIPE, text=True,
                         check=True).stdout.split("\n")[1].split()
    return int(out[0]) + int(out[1])


def differences(first, second):
    """Names of figures that are not the same in two runs."""
    bad = []
    for name in sorted(set(first) | set(second)):
        a, b = first.get(name), second.get(name)
        inexact = name in INEXACT and None not in (a, b) and abs(a - b) <= INEXACT_BY * max(a, b)
        if a != b and not inexact:
            bad.append(name)
    return bad


def measure(build, name, runs):
    """Runs one configuration; returns its figures and what is wrong with them."""
    folder = os.path.join(build, "bench", name)
    gather(build, name, folder)
    results = [figures(name, boot(build, name, folder)) for _ in range(runs)]
    wrong = [f"{figure} differs between two runs: {results[0].get(figure)} and {results[-1].get(figure)}"
             for figure in differences(results[0], results[-1])]
    if name == "guest":
        results[0]["kernel-image-bytes"] = image_size(build)
    wrong += [f"{figure} was not measured" for figure in EXPECTED[name] if figure not in results[0]]
    with open(os.path.join(build, "bench", name + ".json"), "w", encoding="utf-8") as file:
        json.dump(results[0], file, indent="\t", sort_keys=True)
        file.write("\n")
    return results[0], wrong


def judge(found, bounds):
    """Prints the table; returns the bounds that are broken."""
    wrong = []
    for figure, value in found.items():
        bound = bounds.get(figure)
        good = bound is None or value <= bound
        print(f"{figure:28} {value:>14,} {f'{bound:,}' if bound else '':>14}{'' if good else '  TOO MUCH'}")
        if not good:
            wrong.append(f"{figure} is {value:,}, more than {bound:,}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description="Bulkhead's benchmarks, counted in instructions.")
    parser.add_argument("build")
    parser.add_argument("names", nargs="*", metavar="NAME", help="guest or linux; both when none is given")
    parser.add_argument("--once", action="store_true", help="one run of each, without the comparison of two")
    arguments = parser.parse_args()
    with open(os.path.join(HERE, "bounds.json"), encoding="utf-8") as file:
        bounds = json.load(file)
    wrong = []
    print(f"{'':28} {'measured':>14} {'bound':>14}")
    for name in arguments.names or ["guest", "linux"]:
        try:
            found, bad = measure(arguments.build, name, 1 if arguments.once else 2)
        except Failed as reason:
            sys.exit(f"{name}: {reason}")
        wrong += bad + judge(found, bounds)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

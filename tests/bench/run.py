# SPDX-License-Identifier: MIT
"""The benchmarks: boots each machine of machines.py twice, under emulators whose clock counts instructions, and compares
with bounds.json. run.py BUILD [--once] [--vendor V] [NAME...]; NAME is guest or linux, both when none is given.
Writes BUILD/bench/VENDOR-MODEL.json. Status 1: a bound is broken, or two runs differ."""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys

from machines import HEAD, MACHINES

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 600  # seconds of the host, for one run
# The firmware waits for devices of the host's time; Linux draws random numbers (addresses, RDRAND).
INEXACT = {("amd", "boot-to-first-guest"), ("amd", "linux-boot"), ("intel", "linux-boot")}
INEXACT_BY = 0.02

LOGGED = {
    "hypervisor-memory-bytes": (r"hypervisor uses (\d+) KiB", 1024),
    "boot-to-first-guest": (r"first guest after (\d+) ticks", 1),
}

# What the guest does many times, by the name of its partition, and the kind of exit that shows it.
COUNTED = {"cpuid": ("cpuid", "CPUID"), "timer": ("timer", "timer"), "eoi": ("timer", "WRMSR")}


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


def gather(build, configuration, folder):
    """The configuration and what it names, in one folder."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(os.path.join(folder, "bulkhead.conf"), "w", encoding="utf-8") as file:
        file.write(configuration)
    if "bench.elf" in configuration:
        shutil.copy(os.path.join(build, "tests/bench/bench.elf"), folder)
    else:
        shutil.copy(os.path.join(build, "demo/vmlinuz"), folder)
        bench_initrd(build, os.path.join(folder, "initrd.img"))


def debug_build(build):
    """Where the debug build is: beside a release build, or this one itself."""
    beside = os.path.join(build, "debug")
    return beside if os.path.isdir(beside) else build


def start(build, machine, boot, folder):
    """One run; returns what came out of the serial port."""
    gather(build, HEAD + boot.partitions, folder)
    command = [os.path.join(build, "bulkhead"), "run", os.path.join(folder, "bulkhead.conf"), "--build",
               debug_build(build) if boot.counts else build, "--icount", "--timeout", str(TIMEOUT), "--vendor",
               machine.vendor, "--model", machine.model, *boot.options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    text = done.stdout.decode(errors="replace").replace("\r", "")
    with open(os.path.join(folder, "console.txt"), "w", encoding="utf-8") as file:
        file.write(text)
    title = f"{machine.title()}, {boot.name}"
    if done.returncode:
        raise Failed(f"{title}: the run ended with status {done.returncode}; its last lines:\n" + text[-2000:])
    if len(re.findall(r"bench done$", text, re.M)) != boot.partitions.count("[partition "):
        raise Failed(f"{title}: the guest did not come to its end; the last lines:\n" + text[-2000:])
    return text


def count_figures(text):
    """From the log of a debug build, what one CPUID, timer interrupt or EOI costs in VMREADs, VMWRITEs and exits."""
    found = {}
    for name, (partition, kind) in COUNTED.items():
        times = re.search(rf"\[{partition}\] bench counted (\d+)$", text, re.M)
        line = re.search(rf"debug {partition}: vCPU 0, {kind}: (\d+) exits, .* (\d+) VMREADs, (\d+) VMWRITEs", text)
        for what, number in zip(("exits", "vmreads", "vmwrites"), line.groups() if times and line else ()):
            # The same kind also happens a few times at the guest's start: not often enough to be seen here.
            found[f"{name}-{what}"] = round(int(number) / int(times.group(1)))
    return found


def figures(build, machine, boot, folder):
    """What a run says: the guest's "bench NAME VALUE" lines, and the hypervisor's own log."""
    text = start(build, machine, boot, folder)
    if boot.counts:
        return count_figures(text)
    found = {figure: int(value) for figure, value in re.findall(r"bench ([a-z0-9-]+) (\d+)$", text, re.M)}
    for figure in boot.logged:
        pattern, unit = LOGGED[figure]
        match = re.search(pattern, text)
        if match:
            found[figure] = int(match.group(1)) * unit
    return found


def image_size(build):
    """Bytes of text, read-only data and data of the kernel."""
    out = subprocess.run(["size", "-B", os.path.join(build, "bulkhead.elf")], stdout=subprocess.PIPE, text=True,
                         check=True).stdout.split("\n")[1].split()
    return int(out[0]) + int(out[1])


def differences(machine, first, second):
    """What is not the same in two runs."""
    wrong = []
    for name in sorted(set(first) | set(second)):
        a, b = first.get(name), second.get(name)
        inexact = (machine.vendor, name) in INEXACT and None not in (a, b) and abs(a - b) <= INEXACT_BY * max(a, b)
        if a != b and not inexact:
            wrong.append(f"{machine.title()}: {name} differs between two runs: {a} and {b}")
    return wrong


def measure(build, machines, groups, runs):
    """Runs everything, as many at once as there are processors: the figures do not depend on the host's time. Returns
    [figures of each machine], and what is wrong with them."""
    folder = os.path.join(build, "bench")
    results = [[{} for _ in range(runs)] for _ in machines]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {}
        for column, machine in enumerate(machines):
            for boot in [boot for group in groups for boot in machine.groups.get(group, [])]:
                for run in range(runs):
                    name = f"{machine.vendor}-{machine.model}-{boot.name}-{run + 1}"
                    job = pool.submit(figures, build, machine, boot, os.path.join(folder, name))
                    jobs[job] = results[column][run]
        for job in concurrent.futures.as_completed(jobs):
            jobs[job].update(job.result())
    wrong = []
    for machine, found in zip(machines, results):
        wrong += differences(machine, found[0], found[-1])
        if "guest" in groups:
            found[0]["kernel-image-bytes"] = image_size(build)
        with open(os.path.join(folder, f"{machine.vendor}-{machine.model}.json"), "w", encoding="utf-8") as file:
            json.dump(found[0], file, indent="\t", sort_keys=True)
            file.write("\n")
    return [found[0] for found in results], wrong


def table(machines, found, bounds):
    """Prints a line for each figure: for each machine what was measured and, in brackets, the bound."""
    print(" " * 26 + "".join(f"{machine.title():>32}" for machine in machines))
    for figure in dict.fromkeys(figure for column in found for figure in column):
        line = f"{figure:26}"
        for column, limits in zip(found, bounds):
            value, bound = column.get(figure), limits.get(figure)
            limit = f"({bound:,})" if bound is not None else ""
            line += f"{'' if value is None else f'{value:,}':>17}{limit:>15}"
        print(line.rstrip())


def judge(machines, found, bounds):
    """The bounds that are broken, or that nobody has measured."""
    wrong = []
    for machine, column, limits in zip(machines, found, bounds):
        for figure, bound in limits.items():
            if figure not in column:
                wrong.append(f"{machine.title()}: {figure} was not measured")
            elif column[figure] > bound:
                wrong.append(f"{machine.title()}: {figure} is {column[figure]:,}, more than {bound:,}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description="Bulkhead's benchmarks, counted in instructions.")
    parser.add_argument("build")
    parser.add_argument("names", nargs="*", metavar="NAME", help="guest or linux; both when none is given")
    parser.add_argument("--once", action="store_true", help="one run of each, without the comparison of two")
    parser.add_argument("--vendor", choices=["amd", "intel"], help="this one alone")
    arguments = parser.parse_args()
    groups = arguments.names or ["guest", "linux"]
    machines = [machine for machine in MACHINES if arguments.vendor in (None, machine.vendor)]
    with open(os.path.join(HERE, "bounds.json"), encoding="utf-8") as file:
        sections = json.load(file)
    bounds = [{figure: bound for group in groups for figure, bound in sections[machine.title()].get(group, {}).items()}
              for machine in machines]
    try:
        found, wrong = measure(arguments.build, machines, groups, 1 if arguments.once else 2)
    except Failed as reason:
        sys.exit(str(reason))
    table(machines, found, bounds)
    wrong += judge(machines, found, bounds)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

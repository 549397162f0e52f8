# SPDX-License-Identifier: MIT
"""What guests were seen to print, kept in files for the tests that compare it, so that no machine runs twice for it."""
import json
import os
import re

import bulkhead

FOLDER = os.path.join(bulkhead.BUILD, "facts")

# Name of a fact: how Linux tells it.
COMMANDS = {
    "processors": "cat /proc/cpuinfo",
    "interrupts": "cat /proc/interrupts",
    "memory": "cat /proc/iomem",
    "ports": "cat /proc/ioports",
    "clock sources": "cat /sys/devices/system/clocksource/clocksource0/[ac]*_clocksource",
    "clock event devices": "cat /sys/devices/system/clockevents/clockevent*/current_device",
    "ACPI tables": "md5sum /sys/firmware/acpi/tables/[A-Z]*",
    "ACPI devices": "ls /sys/bus/acpi/devices",
    "PNP devices": "cat /sys/bus/pnp/devices/*/id /sys/bus/pnp/devices/*/resources",
    "PCI devices": "for i in /sys/bus/pci/devices/*; do echo $i; hexdump -C $i/config; cat $i/resource; done",
    "platform devices": "ls /sys/bus/platform/devices",
    "serial port": "cat /sys/class/tty/ttyS0/type /sys/class/tty/ttyS0/port /sys/class/tty/ttyS0/irq",
    "messages": "dmesg",
}


def keep(value, *name):
    """Text in lists or dictionaries."""
    os.makedirs(FOLDER, exist_ok=True)
    with open(path(name), "w", encoding="utf-8") as file:
        json.dump(value, file)


def find(*name):
    """What was kept, unless the hypervisor or a guest has been built since: None."""
    built = [os.path.join(bulkhead.BUILD, "bulkhead.elf")]
    guests = os.path.join(bulkhead.BUILD, "tests/guests")
    built += [os.path.join(guests, file) for file in os.listdir(guests) if file.endswith(".elf")]
    if not os.path.exists(path(name)) or os.path.getmtime(path(name)) < max(map(os.path.getmtime, built)):
        return None
    with open(path(name), encoding="utf-8") as file:
        return json.load(file)


def path(name):
    """Of the file."""
    return os.path.join(FOLDER, "-".join(str(part) for part in name) + ".json")


def ask_linux(machine, vendor):
    """All of COMMANDS, of a machine with two processors at its prompt. The echo of what was typed ahead can come with
    the output."""
    answers = {}
    for name, command in COMMANDS.items():
        lines = machine.command(command).splitlines()
        answers[name] = "\n".join(line for line in lines if "E''ND" not in line)
    keep(answers, vendor, "linux")
    return answers


def flags(linux):
    """Of /proc/cpuinfo."""
    return set(re.search(r"^flags\s*: (.*)$", linux["processors"], re.M).group(1).split())

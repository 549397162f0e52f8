# SPDX-License-Identifier: MIT
"""What guests were seen to print, kept for the tests that compare it, so that no machine runs twice for it."""
import re

# (vendor, model, name of a guest): its lines.
guests = {}
# Vendor: {fact: text}, of a stock Linux with two processors.
linux = {}

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


def ask_linux(machine, vendor):
    """All facts of a machine at its prompt. The echo of what was typed ahead can come with the output."""
    for name, command in COMMANDS.items():
        lines = machine.command(command).splitlines()
        linux.setdefault(vendor, {})[name] = "\n".join(line for line in lines if "E''ND" not in line)


def flags(vendor):
    """Of /proc/cpuinfo."""
    return set(re.search(r"^flags\s*: (.*)$", linux[vendor]["processors"], re.M).group(1).split())

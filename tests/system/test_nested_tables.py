# SPDX-License-Identifier: MIT
"""The nested page tables as the machine's memory holds them, read by the emulator and walked here (APM 5.3, 15.25; SDM
29.3), with none of the hypervisor's own code: every leaf is the partition's own memory, and nothing else is mapped."""
import re

import pytest

import debugger
from bulkhead import HEAD, guest

LARGE = 1 << 7
ADDRESS = debugger.ADDRESS
PAGE = 4096
GUEST_WINDOW = 448  # top-level entry under which the hypervisor maps the partition that a core runs
MEMORY = re.compile(r"debug (\S+): memory (0x[0-9a-f]+|0) at machine address 0x([0-9a-f]+), size 0x([0-9a-f]+), "
                    r"stage-2 root 0x([0-9a-f]+)")
KERNEL = re.compile(r"kernel: (\d+) KiB at 0x([0-9a-f]+)")


# Bits of an entry: which make it present, which a leaf has of those in the mask. Every nested access of AMD-V is a user
# access (APM 15.25.5); an entry of VT-x allows reads, writes and execution, memory is write-back (SDM 29.3.2, 29.3.7).
FORMATS = {
    "amd": {"present": 1, "mask": 7, "leaf": 7},
    "intel": {"present": 7, "mask": 0x3f, "leaf": 7 | 6 << 3},
}
HOST = {"present": 1}
PROCESSORS = 3


def walk(memory, root, form, skip=None):
    """Leaves [(guest-physical, machine, size, entry)] and the addresses of all tables of a 4-level table; without the
    part under entry `skip` of the top level."""
    leaves, tables = [], []

    def visit(address, level, base):
        tables.append(address)
        entries = memory.words(address, 512)
        assert len(entries) == 512, f"no page table can be read at {address:#x}"
        for index, entry in enumerate(entries):
            if level == 3 and index == skip:
                continue
            if not entry & form["present"]:
                assert entry == 0, f"an entry that is not present holds {entry:#x}"
                continue
            size = PAGE << 9 * level
            gpa = base + index * size
            if level == 0 or entry & LARGE:
                assert level < 3, "a leaf in the top level"
                assert not entry & ADDRESS & (size - 1) & ~PAGE, "a large page that is not aligned"
                leaves.append((gpa, entry & ADDRESS & ~(size - 1), size, entry))
            else:
                visit(entry & ADDRESS, level - 1, gpa)

    visit(root, 3, 0)
    return leaves, tables


def overlaps(a, b):
    """Do two ranges (start, size) share a byte?"""
    return a[0] < b[0] + b[1] and b[0] < a[0] + a[1]


class Tables:
    """All that the machine holds: ranges by partition as the log tells them, leaves and tables as memory has them, and
    what the hypervisor maps for itself."""

    def __init__(self, log, memory, form):
        self.ranges, roots = {}, {}
        for name, gpa, hpa, size, root in MEMORY.findall(log):
            self.ranges.setdefault(name, []).append((int(gpa, 16), int(hpa, 16), int(size, 16)))
            roots[name] = int(root, 16)
        self.leaves, self.tables = {}, {}
        for name, root in roots.items():
            self.leaves[name], self.tables[name] = walk(memory, root, form)
        leaves, tables = walk(memory, memory.host_cr3(PROCESSORS), HOST, GUEST_WINDOW)
        self.own = [(hpa, size) for _, hpa, size, _ in leaves] + [(table, PAGE) for table in tables]
        kernel = KERNEL.search(log)
        assert kernel, "the log does not tell where the kernel is"
        self.kernel = (int(kernel.group(2), 16), int(kernel.group(1)) << 10)

    def all_leaves(self):
        """(machine address, size) of every leaf of every partition."""
        return [(hpa, size) for leaves in self.leaves.values() for _, hpa, size, _ in leaves]


@pytest.fixture(scope="module")
def tables(vendor, start_shared, tmp_path_factory):
    """Three partitions that run, one of which has halted for ever."""
    memory = {"amd": debugger.Qemu, "intel": debugger.Bochs}[vendor](tmp_path_factory.mktemp("debugger"))
    machine = start_shared(HEAD + "log = debug\n" +
                           guest("small", "hostile.elf", cpus="0", cmdline="loop", memory="17M") +
                           guest("middle", "hostile.elf", cpus="1", cmdline="loop", memory="64M") +
                           guest("odd", "provoke.elf", cpus="2", cmdline="hlt-off", memory="5000K"),
                           vendor=vendor, cpus=PROCESSORS, memory="512M", **memory.options())
    machine.expect_all(r"\[small\] hostile: loop", r"\[middle\] hostile: loop", r"\[odd\] provoke: hlt-off",
                       timeout=machine.boot_wait)
    memory.stop(machine)
    found = Tables(machine.log(), memory, FORMATS[vendor])
    found.form = FORMATS[vendor]
    memory.close()
    machine.close()
    return found


def test_every_partition_is_there(tables):
    assert sorted(tables.leaves) == ["middle", "odd", "small"]


def test_leaves_are_the_memory_of_the_partition_and_all_of_it(tables):
    for name, leaves in tables.leaves.items():
        for gpa, hpa, size, _ in leaves:
            assert any(gpa >= g and gpa + size <= g + s and hpa - h == gpa - g for g, h, s in tables.ranges[name]), \
                f"{name}: {gpa:#x} is mapped to {hpa:#x}"
        assert sum(size for _, _, size, _ in leaves) == sum(size for _, _, size in tables.ranges[name])


def test_memory_has_the_configured_size(tables):
    sizes = {name: sum(size for _, _, size in ranges) >> 10 for name, ranges in tables.ranges.items()}
    assert sizes == {"small": 17 << 10, "middle": 64 << 10, "odd": 5000}


def test_large_pages_where_alignment_allows(tables):
    for name, leaves in tables.leaves.items():
        small = sum(1 for _, _, size, _ in leaves if size == PAGE)
        assert small < 512, f"{name}: {small} pages of 4 KiB"


def test_leaves_permit_what_memory_permits(tables):
    for leaves in tables.leaves.values():
        assert all(entry & tables.form["mask"] == tables.form["leaf"] for _, _, _, entry in leaves)


def test_partitions_do_not_overlap(tables):
    leaves = sorted(tables.all_leaves())
    for first, second in zip(leaves, leaves[1:]):
        assert not overlaps(first, second), f"{first[0]:#x} and {second[0]:#x} overlap"


def test_no_page_table_is_mapped(tables):
    pages = [page for pages in tables.tables.values() for page in pages]
    assert len(set(pages)) == len(pages), "two partitions share a page table"
    for page in pages:
        assert not any(overlaps((page, PAGE), leaf) for leaf in tables.all_leaves()), f"{page:#x} is mapped"


def test_the_hypervisor_is_not_mapped(tables):
    assert any(overlaps(tables.kernel, own) for own in tables.own), "its own tables were not found"
    for own in tables.own:
        assert not any(overlaps(own, leaf) for leaf in tables.all_leaves()), f"{own[0]:#x} is mapped"
    assert not any(overlaps(tables.kernel, leaf) for leaf in tables.all_leaves())

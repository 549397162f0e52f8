# SPDX-License-Identifier: MIT
"""The screen says what the serial console says: a picture of it is read. On QEMU alone: the machine that Bochs shows to
a BIOS has no linear framebuffer here, and drawing knows no vendor."""
import json
import socket
import time

import pytest

from bulkhead import HEAD, guest

WIDTH, HEIGHT = 8, 16  # of a character, in pixels


@pytest.fixture(scope="module")
def vendor():
    return "amd"


def ask(monitor, command, **arguments):
    """One command of QEMU's machine protocol; events in between are passed over."""
    monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    monitor.flush()
    while True:
        answer = json.loads(monitor.readline())
        assert "error" not in answer, answer
        if "return" in answer:
            return


def photograph(path, picture):
    """The display of the machine whose QMP socket is `path`: (width, height, 3 bytes per pixel)."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(path))
        with line.makefile("rw") as monitor:
            assert "QMP" in json.loads(monitor.readline())
            ask(monitor, "qmp_capabilities")
            ask(monitor, "screendump", filename=str(picture))
    magic, width, height, depth, pixels = picture.read_bytes().split(maxsplit=4)
    assert (magic, depth) == (b"P6", b"255")
    assert len(pixels) == int(width) * int(height) * 3
    return int(width), int(height), pixels


def cells(width, height, pixels):
    """Rows of cells; a cell is a tuple of 16 numbers, a bit for each pixel that has not the colour of the corner."""
    ground = pixels[:3]
    lit = bytes(pixels[at:at + 3] != ground for at in range(0, len(pixels), 3))
    rows = []
    for top in range(0, height - HEIGHT + 1, HEIGHT):
        lines = [lit[(top + y) * width:(top + y + 1) * width] for y in range(HEIGHT)]
        rows.append([tuple(line[left:left + WIDTH] for line in lines) for left in range(0, width - WIDTH + 1, WIDTH)])
    return rows


def mismatch(rows, lines):
    """What speaks against `rows` being pictures of `lines`; None: nothing does."""
    pictures = {" ": tuple([bytes(WIDTH)] * HEIGHT)}
    for row, line in zip(rows, lines):
        for cell, character in zip(row, line.ljust(len(row))):
            if pictures.setdefault(character, cell) != cell:
                return f"{character!r} in {line!r} does not look as before"
    if len(set(pictures.values())) < len(pictures):
        return "two characters look the same"
    return None


def test_screen_shows_the_console(start, tmp_path):
    """Which picture stands for which character is not asked: only that every character has one, and only one."""
    path = tmp_path / "qmp"
    machine = start(HEAD + guest("hostile", "hostile.elf", cmdline="loop"), vendor="amd", firmware="uefi",
                    qemu=["-vga", "std", "-qmp", f"unix:{path},server=on,wait=off"])
    machine.expect(r"hostile: loop\r?\n")
    text = machine.log()
    shown = text[text.index("[1/7] kernel"):].splitlines()
    assert len({*"".join(shown)}) > 50
    problem, until = "no picture", time.monotonic() + machine.wait
    while problem and time.monotonic() < until:  # the screen is painted row by row, after the serial line
        width, height, pixels = photograph(path, tmp_path / "screen.ppm")
        columns = width // WIDTH
        lines = [line[at:at + columns] for line in shown for at in range(0, max(len(line), 1), columns)]
        rows = cells(width, height, pixels)
        assert len(lines) < len(rows), "it scrolled: a shorter log is needed"
        problem = mismatch(rows, lines)
    assert not problem, problem

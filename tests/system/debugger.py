# SPDX-License-Identifier: MIT
"""Memory and registers of an emulated machine as its emulator sees them, by QEMU's monitor or Bochs's debugger, with
nothing of the hypervisor's in between."""
import os
import re
import signal
import socket
import time

ADDRESS = 0x000FFFFFFFFFF000


class Qemu:
    """QEMU's monitor on a socket."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "monitor")
        self.socket = None

    def options(self):
        """For the start of the machine."""
        return {"qemu": ["-monitor", f"unix:{self.path},server=on,wait=off"]}

    def stop(self, machine):
        """The machine stands still from now on."""
        del machine
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(self.path)
        self.answer()
        self.command("stop")

    def answer(self):
        """All up to the next prompt."""
        text = b""
        while not text.endswith(b"(qemu) "):
            data = self.socket.recv(65536)
            assert data, "the monitor is gone"
            text += data
        return text.decode(errors="replace")

    def command(self, text):
        """Its answer to a command."""
        self.socket.sendall(text.encode() + b"\n")
        return self.answer().replace("\r", "")

    def words(self, address, count):
        """Quadwords of the machine's memory."""
        lines = re.findall(r"^[0-9a-f]{16}: (.*)$", self.command(f"xp /{count}gx {address:#x}"), re.M)
        return [int(word, 16) for line in lines for word in line.split()]

    def host_cr3(self, processors):
        """CR3 of a processor whose guest halts: the hypervisor's own."""
        for processor in range(processors):
            self.command(f"cpu {processor}")
            registers = self.command("info registers")
            if "HLT=1" in registers:
                return int(re.search(r"CR3=([0-9a-f]+)", registers).group(1), 16) & ADDRESS
        raise AssertionError("no processor sleeps in the hypervisor")

    def close(self):
        """Lets it go."""
        if self.socket:
            self.socket.close()


class Bochs:
    """Bochs's debugger: a pipe for its commands, a file of what it says."""

    def __init__(self, folder, go=True):
        self.path = os.path.join(folder, "debugger")
        os.mkfifo(self.path)
        # For reading, too: so neither side waits for the other.
        self.pipe = os.open(self.path, os.O_RDWR)
        self.count = 0
        if go:
            self.send("c")

    def options(self):
        """For the start of the machine."""
        return {"bochs_rc": self.path}

    def send(self, text):
        """A command."""
        os.write(self.pipe, text.encode() + b"\n")

    def log(self):
        """All that it said."""
        if not os.path.exists(self.path + ".log"):
            return ""
        with open(self.path + ".log", encoding="ascii", errors="replace") as file:
            return file.read()

    def command(self, text):
        """Its answer to a command, when the machine stands still."""
        self.count += 1
        start, mark = len(self.log()), f"? 0x{self.count:x}\n"
        self.send(text + "\n" + mark.rstrip())
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self.log()[start:]
            # Commands are in the log when they are read: this one after the answer to the one before.
            if mark in answer:
                return answer.split(mark)[0]
        raise AssertionError("the debugger does not answer")

    def stop(self, machine):
        """The machine stands still from now on."""
        with open(f"/proc/{machine.child.pid}/task/{machine.child.pid}/children", encoding="ascii") as file:
            children = file.read().split()
        assert len(children) == 1, children
        os.kill(int(children[0]), signal.SIGINT)

    def words(self, address, count):
        """Quadwords of the machine's memory."""
        lines = re.findall(r"^0x[0-9a-f]+ <[^>]*>:(.*)$", self.command(f"xp /{count}gx {address:#x}"), re.M)
        return [int(word, 16) for line in lines for word in line.split()]

    def host_cr3(self, processors):
        """CR3 of a processor that is in the hypervisor."""
        for processor in range(processors):
            self.command(f"set $cpu = {processor}")
            rip = re.search(r"rip: ([0-9a-f]+)_([0-9a-f]+)", self.command("r"))
            if (rip.group(1) + rip.group(2)).startswith("ffffffff8"):
                return int(re.search(r"CR3=(0x[0-9a-f]+)", self.command("creg")).group(1), 16) & ADDRESS
        raise AssertionError("no processor is in the hypervisor")

    def close(self):
        """Lets it go."""
        os.close(self.pipe)

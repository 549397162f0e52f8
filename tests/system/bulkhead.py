# SPDX-License-Identifier: MIT
"""A machine that boots Bulkhead: started by the host command, with a person's eyes and hands on its console."""
import os
import re
import shutil
import signal
import subprocess

import pexpect

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("BULKHEAD_BUILD", os.path.join(ROOT, "build"))
DEMO = os.path.join(ROOT, "build/demo")  # the same for release and debug builds
COMMAND = os.path.join(BUILD, "bulkhead")
FOLDERS = [DEMO, os.path.join(BUILD, "tests/guests"), os.path.join(BUILD, "tests/bench")]

# Processors that every test runs on. AMD-V is QEMU's, VT-x Bochs's.
VENDORS = ["amd", "intel"]

# AMD-V in Bochs, for what QEMU's has not: length of an instruction told by the processor, flush by ASID.
BOCHS_AMD = ["ryzen"]

# Seconds, for a busy machine with two cores; Bochs is several times slower than QEMU. Only failures take as long.
WAIT = {"QEMU": 60, "Bochs": 180}
BOOT = {"QEMU": 180, "Bochs": 420}

# The way in where a test does not care is BIOS: UEFI takes some seconds more. Tests in which the loader has a part run
# through one on each vendor.
FIRMWARE = {"amd": "uefi", "intel": "bios"}

# Linux's words: Bochs runs 50 million instructions a second, its virtual clock is the count of them.
CMDLINE = {"amd": "console=ttyS0",
           "intel": "console=ttyS0 mitigations=off tsc=reliable no_timer_check cryptomgr.notests"}

HEAD = "[bulkhead]\nversion = 1\nconsole = com1,115200\n"
PROMPT = "bulkhead:/root# "
MONITOR = "bulkhead> "
PANIC = re.compile(r"error bulkhead: PANIC: ")
ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]")


class Failed(AssertionError):
    """Something did not appear in time, or the machine ended before."""


def partition(name, **keys):
    """A [partition] section; debug_exit stands for debug-exit. Keys that are None are left out."""
    lines = [f"{key.replace('_', '-')} = {value}" for key, value in keys.items() if value is not None]
    return "\n".join([f"\n[partition {name}]"] + lines) + "\n"


def linux(name="linux", vendor="amd", cpus="0-1", memory="256M", words="quiet", **keys):
    """A partition with the demo's stock Debian kernel; `words` end its command line."""
    return partition(name, cpus=cpus, memory=memory, kernel="vmlinuz", initrd="initrd.img",
                     cmdline=f"{CMDLINE[vendor]} {words}".strip(), **keys)


def guest(name, kernel, cpus="0", memory="16M", cmdline=None, **keys):
    """A partition with one of tests/guests; its debug exit ends it."""
    return partition(name, cpus=cpus, memory=memory, kernel=kernel, cmdline=cmdline, debug_exit="0xf4", **keys)


def write_configuration(folder, text, files=None):
    """bulkhead.conf with `text`, beside the files that it names and that were built, and beside `files`: {name: bytes}.
    Returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    files = files or {}
    for name in set(re.findall(r"^(?:kernel|initrd|module)\s*=\s*(\S+)", text, re.M)) - set(files):
        for source in FOLDERS:
            if os.path.exists(os.path.join(source, name)):
                shutil.copy(os.path.join(source, name), folder / name)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    path = folder / "bulkhead.conf"
    path.write_text(text)
    return path


def built(name):
    """The bytes of a file that the configurations of tests may name."""
    for folder in FOLDERS:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with open(path, "rb") as file:
                return file.read()
    raise FileNotFoundError(name)


def make_image(configuration, target):
    """The boot medium of a configuration; errors in it are no failure."""
    subprocess.run([COMMAND, "image", str(configuration), "-o", str(target)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return target


class Machine:
    """An emulated machine. `console` is all that it wrote."""

    def __init__(self, words, title, emulator="QEMU"):
        self.title = title
        self.wait = WAIT[emulator]
        self.boot_wait = BOOT[emulator]
        self.console = ""
        self.status = None
        self.child = pexpect.spawn(words[0], [str(word) for word in words[1:]], encoding="utf-8",
                                   codec_errors="replace", timeout=None, dimensions=(24, 80))
        self.child.delaybeforesend = None
        self.child.delayafterclose = None
        self.child.logfile_read = self

    def write(self, text):
        """For pexpect: what is read goes to `console`."""
        self.console += text

    def flush(self):
        """For pexpect."""

    def log(self):
        """The console as a person read it: no escape sequences, no carriage returns."""
        return ESCAPES.sub("", self.console).replace("\r", "")

    def expect(self, pattern, timeout=None):
        """Waits for a regular expression (. matches no line end); returns the match."""
        try:
            which = self.child.expect([re.compile(pattern), PANIC], timeout=timeout or self.wait)
        except pexpect.TIMEOUT:
            raise Failed(f"{self.title}: no /{pattern}/ in {timeout or self.wait} s") from None
        except pexpect.EOF:
            raise Failed(f"{self.title}: ended before /{pattern}/") from None
        if which == 1:
            self.expect_end_of_panic()
            raise Failed(f"{self.title}: panic before /{pattern}/")
        return self.child.match

    def expect_end_of_panic(self):
        """For the report: registers and backtrace."""
        try:
            self.child.expect(["halted: ", pexpect.EOF], timeout=self.wait)
        except pexpect.TIMEOUT:
            pass

    def expect_all(self, *patterns, timeout=None):
        """Waits for several, in any order."""
        left = list(patterns)
        while left:
            match = self.expect("|".join(f"(?:{pattern})" for pattern in left), timeout)
            left = [pattern for pattern in left if not re.fullmatch(pattern, match.group(0))]

    def expect_text(self, text, timeout=None):
        """Waits for exactly this text."""
        return self.expect(re.escape(text), timeout)

    def send(self, text):
        """Keys as they are."""
        self.child.send(text)

    def shell(self, timeout=None):
        """Waits for the prompt of the demo's Linux."""
        self.expect_text(PROMPT, timeout or self.boot_wait)

    def command(self, text, timeout=None):
        """A command at the prompt, once it has ended: its output. It must succeed."""
        status, output = self.try_command(text, timeout)
        if status:
            raise Failed(f"{self.title}: '{text}' ended with status {status}:\n{output}")
        return output

    def try_command(self, text, timeout=None):
        """The same; (status, output)."""
        # Quotes keep the shell's echo of the command from looking like its output. All is one line: the terminal's echo
        # of another, typed while the command runs, could come anywhere in it.
        self.send(f"echo BEG''IN; {text}; echo E''ND $?\n")
        match = self.expect(r"BEGIN\r\n([\s\S]*?)END ([0-9]+)\r\n", timeout)
        self.expect_text(PROMPT)
        return int(match.group(2)), ESCAPES.sub("", match.group(1)).replace("\r", "")

    def focus(self, name):
        """Ctrl-A three times, until the input goes to partition `name`."""
        for _ in range(64):
            self.send("\x01\x01\x01")
            if self.expect(r"input goes to (\S+) ").group(1) == name:
                return
        raise Failed(f"{self.title}: Ctrl-A never reached {name}")

    def monitor(self, command, timeout=None):
        """A command at the monitor's prompt, once it has ended: its output, and what else came meanwhile. The focus must
        be there, and the prompt must have been waited for."""
        self.send(command + "\r")
        self.expect_text(command + "\r\n", timeout)
        output = self.expect(r"([\s\S]*?)" + re.escape(MONITOR), timeout).group(1)
        return ESCAPES.sub("", output).replace("\r", "")

    def enter_monitor(self):
        """Moves the focus to the monitor, and waits for its prompt."""
        self.focus("monitor")
        self.expect_text(MONITOR)

    def ends(self, status=0, timeout=None):
        """Waits for the end of the machine, which must have this exit status."""
        try:
            self.child.expect(pexpect.EOF, timeout=timeout or self.wait)
        except pexpect.TIMEOUT:
            raise Failed(f"{self.title}: still runs after {timeout or self.wait} s") from None
        self.close()
        assert self.status == status, f"{self.title}: exit status {self.status}, not {status}"

    def close(self):
        """Ends it, where it has not ended."""
        if self.status is not None:
            return
        if self.child.isalive():
            self.child.kill(signal.SIGTERM)
            try:
                self.child.expect(pexpect.EOF, timeout=30)
            except pexpect.TIMEOUT:
                self.child.kill(signal.SIGKILL)
        self.child.wait()
        self.child.close()
        self.status = self.child.exitstatus if self.child.signalstatus is None else -self.child.signalstatus


def run(configuration, vendor="amd", firmware="bios", cpus=None, memory=None, timeout=1200, model=None, qemu=(),
        bochs_rc=None):
    """`bulkhead run`; qemu: more words for QEMU's command line, bochs_rc: commands for Bochs's debugger."""
    emulator = "Bochs" if vendor == "intel" or model in BOCHS_AMD else "QEMU"
    words = [COMMAND, "run", configuration, "--build", BUILD, "--vendor", vendor, "--firmware", firmware,
             "--timeout", timeout]
    for option, value in ("--cpus", cpus), ("--memory", memory), ("--model", model), ("--bochs-rc", bochs_rc):
        if value is not None:
            words += [option, value]
    for word in qemu:
        words += ["--qemu-arg", word]
    return Machine(words, f"{vendor}, {model or 'default model'}, {firmware}", emulator)

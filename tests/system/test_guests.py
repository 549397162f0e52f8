# SPDX-License-Identifier: MIT
"""Small guests that check what the manuals promise to software: what they print is judged by themselves."""
import pytest

from bulkhead import HEAD, guest

# Guest and its processors.
GUESTS = {"hello": 1, "cpu": 1, "step": 1, "memory": 1, "smp": 4, "time": 2, "fpu": 2, "xsave": 1}

# Not in Bochs: its processors share one thread and a clock of 50 MHz, which these two are too fast and too exact for.
NOT_IN_BOCHS = {"smp", "time"}


@pytest.fixture(scope="module", params=["amd", "intel"])
def vendor(request):
    """Both, whatever the other files run on: a small guest takes seconds."""
    return request.param


def run_guest(start, vendor, name, cpus):
    """One guest alone, to the end of the machine; its lines."""
    machine = start(HEAD + guest(name, f"{name}.elf", cpus=f"0-{cpus - 1}", memory="32M"), vendor=vendor, cpus=cpus)
    machine.expect(r"info \S+: debug exit with status 0", machine.boot_wait)
    machine.ends()
    return machine.log().splitlines()


@pytest.mark.parametrize("name", GUESTS)
def test_architecture(start, vendor, name):
    if vendor == "intel" and name in NOT_IN_BOCHS:
        pytest.skip("Bochs is too slow for it")
    lines = run_guest(start, vendor, name, GUESTS[name])
    assert not [line for line in lines if line.startswith("FAILED")]
    assert any(line.endswith(" passed, 0 failed") for line in lines)


def test_memory_is_zero_at_every_start(start, vendor):
    """Nothing of an earlier life of the partition is left, nor of who had the memory before."""
    lines = run_guest(start, vendor, "zero", 1)
    for number in 1, 2, 3:
        assert any(line.startswith(f"ok start {number}: ") for line in lines), f"start {number}"
    assert len([line for line in lines if line.endswith("reset by the guest")]) == 2

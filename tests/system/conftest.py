# SPDX-License-Identifier: MIT
"""Fixtures: machines that end with their test, and whose console is shown when it fails."""
import re

import pytest

import bulkhead

shown = []  # machines that run or ran for the present test: a failure shows their consoles


class Starter:
    """Starts machines: start(text, files=..., cpus=...) is bulkhead.run() of a configuration."""

    def __init__(self, folder):
        self.folder = folder
        self.machines = []

    def __call__(self, text, files=None, **options):
        folder = self.folder / str(len(self.machines))
        path = bulkhead.write_configuration(folder, text, files)
        return self.add(bulkhead.run(path, **options))

    def add(self, machine):
        """A machine that was started otherwise."""
        self.machines.append(machine)
        shown.append(machine)
        return machine

    def close(self):
        """Ends all."""
        for machine in self.machines:
            machine.close()
            if machine in shown:
                shown.remove(machine)


@pytest.fixture
def start(tmp_path):
    """Starts machines for one test."""
    starter = Starter(tmp_path)
    yield starter
    starter.close()


@pytest.fixture(scope="module")
def start_shared(tmp_path_factory):
    """Starts machines for all tests of a file."""
    starter = Starter(tmp_path_factory.mktemp("shared"))
    yield starter
    starter.close()


@pytest.fixture(scope="module", params=bulkhead.VENDORS)
def vendor(request):
    """Each vendor in turn."""
    return request.param


def pytest_configure(config):
    """For -m."""
    config.addinivalue_line("markers", "same: compares what the other tests have seen, so it comes after them")
    config.addinivalue_line("markers", "models: on a processor of Bochs that is not the usual one")
    config.addinivalue_line("markers", "bochs: a machine in Bochs; set for every test of VT-x or of a model of Bochs")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks what runs in Bochs, so that it can run beside what runs in QEMU (tools/make/tests.py)."""
    for item in items:
        if set(re.split(r"[\[\]-]", item.name)) & {"intel", *bulkhead.BOCHS_AMD}:
            item.add_marker(pytest.mark.bochs)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Forgets the machines of tests before."""
    del item
    shown[:] = [machine for machine in shown if machine.status is None]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the consoles to a failure's report."""
    del call
    report = (yield).get_result()
    if not report.failed:
        return
    used = [value for value in item.funcargs.values() if isinstance(value, bulkhead.Machine)]
    for machine in shown + [machine for machine in used if machine not in shown]:
        report.sections.append((f"console of {machine.title}", machine.log()))

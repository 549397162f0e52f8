# SPDX-License-Identifier: MIT
"""Runs the unit tests, the system tests or both, and ends with one line: N passed, N failed."""
import glob
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as xml


def run_unit(build):
    """Every program in build/tests/unit; a crash counts as one failure."""
    passed = failed = 0
    sources = sorted(glob.glob("tests/unit/test_*.c"))
    for source in sources:
        program = os.path.join(build, "tests/unit", os.path.basename(source)[:-2])
        result = subprocess.run(["timeout", "-k", "5", "300", program], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        good = sum(map(int, re.findall(r"^\[  PASSED  \] (\d+) test", result.stdout, re.M)))
        bad = sum(map(int, re.findall(r"^\[  FAILED  \] (\d+) test", result.stdout, re.M)))
        if result.returncode != 0 and bad == 0:
            bad = 1
        if bad or not good:
            print(result.stdout)
        print(f"{program}: {good} passed, {bad} failed", flush=True)
        passed += good
        failed += bad
    return passed, failed


def start_pytest(build, name, selection):
    """pytest over the part of tests/system that the marker expression selects; (process, its report, its output)."""
    report, output = (os.path.join(build, f"system-{name}.{kind}") for kind in ("xml", "log"))
    if os.path.exists(report):
        os.remove(report)
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", BULKHEAD_BUILD=os.path.abspath(build))
    with open(output, "w", encoding="utf-8") as file:
        process = subprocess.Popen([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml", report,
                                    "--durations=10", "-m", selection, "tests/system"],
                                   env=environment, stdout=file, stderr=subprocess.STDOUT)
    return process, report, output


def count(report, status):
    """Tests of a report: (passed, failed)."""
    passed = failed = 0
    if os.path.exists(report):
        for suite in xml.parse(report).getroot().iter("testsuite"):
            bad = int(suite.get("failures")) + int(suite.get("errors"))
            failed += bad
            passed += int(suite.get("tests")) - bad - int(suite.get("skipped"))
    if status != 0 and failed == 0:
        failed = 1
    return passed, failed


def finish(run):
    """Waits for a pytest and shows its output; (passed, failed)."""
    process, report, output = run
    status = process.wait()
    with open(output, encoding="utf-8", errors="replace") as file:
        print(file.read(), flush=True)
    return count(report, status)


def run_system(build):
    """The machines in QEMU beside those in Bochs, which has one thread only and more to do: a part of its machines comes
    after those in QEMU. Then what compares them."""
    if not glob.glob("tests/system/test_*.py"):
        return 0, 0
    runs = [start_pytest(build, "qemu", "not bochs and not same"),
            start_pytest(build, "bochs", "bochs and not models and not same")]
    print("System tests run; what they say is in", *(output for _, _, output in runs), flush=True)
    counts = [finish(runs[0]), finish(start_pytest(build, "models", "models")), finish(runs[1]),
              finish(start_pytest(build, "same", "same"))]
    return sum(passed for passed, _ in counts), sum(failed for _, failed in counts)


def main():
    what, build = sys.argv[1:3]
    runs = {"unit": [run_unit], "system": [run_system], "all": [run_unit, run_system]}[what]
    counts = [run(build) for run in runs]
    passed = sum(count[0] for count in counts)
    failed = sum(count[1] for count in counts)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

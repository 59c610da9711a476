"""What the plugin adds to Suricata, in CPU time and memory, by turns with `wormsift detect`.

For each run mode: Suricata without the plugin and with it (`stream: yes`), and `detect` on
one thread, each once a turn; medians are printed. The flow manager is Suricata's own: with
`-r` it looks for flows that have timed out without a pause, so that its time is a share of
the run's duration, whatever the reason for that. It is told apart.
"""

import argparse
import os
import re
import statistics
import subprocess
import time
from pathlib import Path

FLOW_MANAGER = "FM#01"


def flow_manager(process):
    """CPU seconds of the flow manager so far, in user mode."""
    for task in Path(f"/proc/{process.pid}/task").glob("*"):
        try:
            name, rest = re.fullmatch(r"\d+ \((.*)\) (.*)", (task / "stat").read_text().strip()).groups()
        except (OSError, AttributeError):
            continue
        if name == FLOW_MANAGER:
            return int(rest.split()[11]) / os.sysconf("SC_CLK_TCK")
    return 0


def once(command):
    """User seconds, those of the flow manager, seconds, MiB."""
    start, manager = time.monotonic(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        manager = max(manager, flow_manager(process))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.02)
    assert status == 0, command
    return usage.ru_utime, manager, time.monotonic() - start, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("capture")
    parser.add_argument("--turns", type=int, default=5)
    for name in ["suricata", "plugin", "wormsift", "work"]:
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    work = Path(options.work)
    base = Path(options.suricata, "etc/suricata/suricata.yaml").read_text()
    base = re.sub(r"(?m)^plugins:\n(?:[ #].*\n)*", "", base)
    (work / "without.yaml").write_text(base)
    (work / "with.yaml").write_text(f"{base}\nplugins:\n  - {options.plugin}\n")
    logs = work / "logs"
    logs.mkdir()
    commands = {"detect --threads 1": [options.wormsift, "detect", "-q", "--json", "--threads", "1",
                                       options.capture]}
    for mode in ["single", "autofp"]:
        for name in ["without", "with"]:
            commands[f"{mode}, {name}"] = [
                f"{options.suricata}/bin/suricata", "-c", str(work / f"{name}.yaml"),
                "-S", "/dev/null", "-l", str(logs), "--runmode", mode, "-k", "none",
                "-r", options.capture]
    turns = [{name: once(command) for name, command in commands.items()}
             for _ in range(options.turns)]
    print("| | user CPU s | of it flow manager | duration s | resident MiB |\n|---|---|---|---|---|")
    for name in commands:
        middle = [statistics.median(turn[name][i] for turn in turns) for i in range(4)]
        print("| {} | {:.2f} | {:.2f} | {:.2f} | {:.0f} |".format(name, *middle))
    for mode in ["single", "autofp"]:
        for without, what in [(0, "in all"), (1, "without the flow manager")]:
            added = statistics.median(
                (turn[f"{mode}, with"][0] - without * turn[f"{mode}, with"][1]
                 - turn[f"{mode}, without"][0] + without * turn[f"{mode}, without"][1])
                / turn["detect --threads 1"][0] for turn in turns)
            print(f"{mode}: the plugin adds {added:.2f} of what detect takes, {what}")


if __name__ == "__main__":
    main()

"""What eight devices cost a till: the real agent, eight emulated devices on ptys, each asked every 5 s, a collector
on loopback. python -m tests.benchmarks.devices [SECONDS] CPU is that of the agent's process, all threads, after its
start. Ends with 1 where a bar is missed."""

import sys

from tests.benchmarks.agent_footprint import measure
from tests.benchmarks.figure import Figure

CPU_PERCENT = 0.3
POLL_S = 5.0
DEVICES = {
    "receipt": "escpos", "kitchen": "escpos", "bar": "star_line", "fiscal": "datecs_isl_legacy",
    "fiscal-x": "datecs_isl_x", "shtrih": "shtrih_v2", "posnet": "posnet", "tremol": "tremol_zfp",
}  # fmt: skip


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 180.0
    found = measure(seconds, POLL_S, DEVICES).agent
    polls = seconds / POLL_S * len(DEVICES)
    figures = (
        Figure("devices", "cpu_percent", found.cpu_percent, "% of one core", CPU_PERCENT),
        Figure("devices", "cpu_ms_per_poll", found.cpu_percent / 100 * seconds * 1000 / polls, "ms"),
        Figure("devices", "wakeups_per_s", found.wakeups_per_s, "1/s"),
        Figure("devices", "rss_mib", found.rss_mib, "MiB"),  # its bar is for three devices: agent_footprint
        Figure("devices", "threads", found.last.threads, ""),
    )
    met = [figure.tell(devices=len(DEVICES), poll_s=POLL_S) for figure in figures]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())

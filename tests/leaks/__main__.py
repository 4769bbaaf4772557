"""Command line: the table of channels and secrets, and what was found where."""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from leaks.failures import Failure, all_failures
from leaks.marked import finds, marked
from leaks.world import Channels


@dataclass(slots=True)
class Tally:
    """What was searched, and found."""

    searched: Counter[str] = field(default_factory=Counter)
    """Bytes by channel."""
    played: Counter[str] = field(default_factory=Counter)
    """Failures by sort."""
    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By channel and secret."""
    told: list[str] = field(default_factory=list)
    """Of each find where it was."""

    def search(self, failure: Failure, channels: Channels) -> None:
        """Search all that came out of a failure."""
        self.played[failure.sort] += 1
        for channel, content in channels.joined().items():
            self.searched[channel] += len(content)
            for name, hits in finds(content).items():
                self.found[channel, name] += hits
                self.told.append(f"{failure.sort}, {failure.name}: {channel}: {name}")

    def table(self) -> list[str]:
        """Give a line per channel, with its bytes and the finds per secret."""
        width = max(map(len, self.searched), default=0)
        heads = list(marked())
        lines = [f"{'channel':{width}}  {'bytes':>12}  {'  '.join(heads)}"]
        for channel, size in sorted(self.searched.items()):
            cells = (f"{self.found[channel, name]:>{len(name)}}" for name in heads)
            lines.append(f"{channel:{width}}  {size:>12,}  {'  '.join(cells)}")
        return lines


def hunt(failures: Sequence[Failure], *, beats: bool = False) -> Tally:
    """Play failures, and search what came out of each; *beats*: say how far it is."""
    tally = Tally()
    for number, each in enumerate(failures, 1):
        channels = Channels()
        each.play(channels)
        tally.search(each, channels)
        if beats and number % 50 == 0:
            print(f"    ... {number} of {len(failures)}, {len(tally.told)} finds", flush=True)
    return tally


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m leaks")
    parser.add_argument("--part", type=int, default=0, help="so many failures only")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    options = parser.parse_args()
    began = time.monotonic()
    failures = list(all_failures())
    if options.part:
        failures = random.Random(options.seed).sample(failures, options.part)  # noqa: S311
    tally = hunt(failures, beats=True)
    sorts = ", ".join(f"{count} of sort {sort}" for sort, count in tally.played.items())
    print(f"\n{len(failures)} failures ({sorts}), {time.monotonic() - began:.0f} s\n")
    print(*tally.table(), sep="\n")
    print(*tally.told, sep="\n")
    print(f"\n{sum(tally.searched.values()):,} bytes searched, {sum(tally.found.values())} finds")
    return 1 if tally.found else 0


if __name__ == "__main__":
    sys.exit(main())

"""How large a run is: what follows from the number of objects."""

from dataclasses import dataclass

SMALL = 100
"""Below this many objects a run is a smoke test, and its scenarios shrink."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Sizes and times of the scenarios."""

    objects: int
    change_seconds: float = 180.0
    """How long a change takes in the scenario `slow`."""

    @property
    def small(self) -> bool:
        """Whether this is a smoke test."""
        return self.objects < SMALL

    @property
    def keys(self) -> int:
        """RSA keys that the certificates share; to make one takes a tenth of a second."""
        return 4 if self.small else 40

    @property
    def rotations(self) -> int:
        """Secrets that are changed, one after the other."""
        return min(self.objects, 5 if self.small else 40)

    @property
    def rotation_gap(self) -> float:
        """Seconds between two of them."""
        return 0.3 if self.small else 0.5

    @property
    def idle_resync(self) -> int:
        """Seconds: fifteen checks each second, or less where there are few objects."""
        return max(10, self.objects // 15)

    @property
    def few(self) -> int:
        """Objects of a scenario in which each is a sample of its own."""
        return min(self.objects, 3 if self.small else 10)

    @property
    def limited(self) -> int:
        """Objects under the rate limit."""
        return min(self.objects, 200)

    @property
    def unrelated(self) -> int:
        """Secrets that nobody uses."""
        return self.objects * 10 if self.objects < 1000 else 10_000

    @property
    def patience(self) -> float:
        """Seconds to wait for all objects: three times what was measured on a slow machine."""
        return 60 + self.objects * 0.5

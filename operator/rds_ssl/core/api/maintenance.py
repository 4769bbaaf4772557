"""When a change that may restart the instance may start, as the spec declares it."""

from typing import Annotated

from pydantic import Field, StrictBool

from rds_ssl.core.api.schema import Block, Part, rule
from rds_ssl.core.api.spec_types import ExpiryMargin, Schedule, TimeZone, WindowDuration


class Window(Part):
    """A time in which a restart is welcome."""

    schedule: Schedule
    """
    When the window opens: five cron fields (minute, hour, day of month, month, day of week), such
    as "0 3 * * SAT".
    """
    duration: WindowDuration
    """How long the window is open; 30m to 24h, such as 2h (units h, m, s)."""
    # Syntactically checked only: the zone may not exist.
    time_zone: TimeZone = "UTC"
    """The IANA time zone of the schedule, such as Asia/Shanghai. Default UTC."""


class Maintenance(Block):
    """When a change that may restart the instance may start; an absent block: at any time."""

    windows: Annotated[tuple[Window, ...], Field(max_length=16)] = ()
    """
    Times in which such a change may start, except in their last 15 minutes. Excludes
    useInstanceWindow.
    """
    use_instance_window: StrictBool = False
    """
    Use the instance's own maintenance time (MaintainTime). Default false. Excludes windows.
    """
    override_before_expiry: ExpiryMargin | None = None
    """
    What replaces material that expires within this time does not wait for a window; 1h to 2160h,
    such as 72h (units h, m, s). Default: it waits as well. Needs windows or useInstanceWindow.
    """

    @rule(
        "windows and useInstanceWindow exclude each other",
        cel="!(has(self.windows) && size(self.windows) > 0 && self.useInstanceWindow)",
    )
    def _has_one_kind_of_window(self) -> bool:
        return not (self.windows and self.use_instance_window)

    @rule(
        "overrideBeforeExpiry needs windows or useInstanceWindow",
        cel="!has(self.overrideBeforeExpiry)"
        " || (has(self.windows) && size(self.windows) > 0) || self.useInstanceWindow",
        field="overrideBeforeExpiry",
    )
    def _has_a_window_to_override(self) -> bool:
        return not self.override_before_expiry or bool(self.windows or self.use_instance_window)

"""The figures by name: how each is told to a person, and in which order."""

from collections.abc import Mapping
from types import MappingProxyType

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "wall_seconds": "wall, s",
        "first_ready_seconds": "first Ready after, s",
        "median_ready_seconds": "median Ready after, s",
        "delay_p50_ms": "delay p50, ms",
        "delay_p95_ms": "delay p95, ms",
        "delay_max_ms": "delay max, ms",
        "delay_p50_seconds": "delay p50, s",
        "delay_max_seconds": "delay max, s",
        "not_ready_again": "not Ready again within two minutes, objects",
        "cpu_seconds": "CPU, s",
        "cpu_ms_per_check": "CPU per check, ms",
        "checks": "checks",
        "rss_peak_mib": "RSS peak, MiB",
        "rss_mib": "RSS, MiB",
        "rss_empty_mib": "RSS without objects, MiB",
        "rss_of_five_times_mib": "RSS with five times as many, MiB",
        "kib_per_further_object": "RSS per further object, KiB",
        "unrelated": "unrelated Secrets",
        "rss_without_mib": "RSS without them, MiB",
        "rss_with_mib": "RSS with them, MiB",
        "first_ready_without_seconds": "first Ready without, s",
        "first_ready_with_seconds": "first Ready with, s",
        "calls_of_one": "calls of one object alone",
        "wall_to_least": "wall ÷ (calls needed ÷ rate)",
        "ready": "share that became Ready",
        "refused_percent": "refused calls, %",
        "change_seconds": "a change takes, s",
        "cloud_calls": "cloud calls",
        "modifies": "accepted changes",
        "patches": "PATCHes",
        "patches_of_one": "PATCHes, the object with most",
        "events_created": "Events created",
        "events_patched": "Events counted up",
        "api_requests": "requests to the API server",
        "writes": "writes, all",
        "refused_calls": "calls answered by an error",
        "error_lines": "ERROR lines",
        "loop_held_ms": "loop held at most, ms",
        "collection_ms": "longest collection of garbage, ms",
    }
)
"""
By the name that samples and the JSON have. Calls, changes, PATCHes, Events and requests are per
object (idle: per check; rotation: per rotation) unless the title says otherwise.
"""

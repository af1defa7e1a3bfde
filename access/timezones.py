"""Time zones people choose from: places, and UTC."""

from zoneinfo import available_timezones

ZONES = [
    "UTC",
    *sorted(z for z in available_timezones() if "/" in z and not z.startswith(("Etc/", "posix", "right", "SystemV"))),
]

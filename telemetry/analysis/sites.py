"""What the devices of one site share: the weather in the room."""

import numpy as np
from numpy.typing import NDArray

OWN_NORMAL_H = 10 * 24
FEWEST_OTHERS = 2  # with the device itself, three


def own_normal(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median of a device's first ten days of hour values, or of the days so far; values: (H,), NaN where missing.

    At every hour only what was known by then.
    """
    normal = np.full(values.shape, np.nan, np.float32)
    present = np.flatnonzero(np.isfinite(values))
    if present.size == 0:
        return normal
    start = int(present[0])
    stop = min(values.size, start + OWN_NORMAL_H)
    for hour in range(start, stop):
        so_far = values[start : hour + 1]
        normal[hour] = np.median(so_far[np.isfinite(so_far)])
    normal[stop:] = normal[stop - 1]
    return normal


def common_mode(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the site's other devices are above their own normal, for each device and hour; 0 with too few others.

    values: (D, H) hour values in degrees of the devices of one site.
    """
    above = values - np.array([own_normal(row) for row in values]).reshape(values.shape)
    common = np.zeros(values.shape, np.float32)
    for device in range(len(values)):
        others = np.sort(np.delete(above, device, axis=0), axis=0)  # NaN last
        count = np.isfinite(others).sum(axis=0)
        hours = np.flatnonzero(count >= FEWEST_OTHERS)
        upper, lower = others[count[hours] // 2, hours], others[(count[hours] - 1) // 2, hours]
        common[device, hours] = (upper + lower) / np.float32(2)
    return common

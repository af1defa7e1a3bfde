"""All stories by name."""

from smartcare.simulator import faults, lookalikes
from smartcare.simulator.story import Story

_FAULTS: tuple[type[Story], ...] = (
    faults.MemoryLeak,
    faults.FlashFill,
    faults.Flapping,
    faults.LinkErrors,
    faults.DuplexMismatch,
    faults.FanWear,
    faults.TemperatureCreep,
    faults.OpticsDecay,
    faults.PsuSag,
    faults.PoeBudget,
    faults.RebootLoop,
    faults.WanLoss,
    faults.UplinkSaturation,
    faults.SuddenSilence,
)
_LOOKALIKES: tuple[type[Story], ...] = (
    lookalikes.NightlyBackup,
    lookalikes.LogRotation,
    lookalikes.FirmwareReboot,
    lookalikes.PulledCable,
    lookalikes.NightPowerOff,
    lookalikes.MemoryWarmUp,
    lookalikes.HeatWave,
)
FAULTS = {story.name: story for story in _FAULTS}
LOOKALIKES = {story.name: story for story in _LOOKALIKES}
STORIES: dict[str, type[Story]] = {Story.name: Story, **FAULTS, **LOOKALIKES}

"""Which tables a category has. The names of tables in SQL come from here and from nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from access.models import Category
from telemetry import models
from telemetry.models.samples import BlockRow, LatestRow, LayoutRow, RollupRow, SampleRow


@dataclass(frozen=True, slots=True)
class Tables:
    category: Category
    sample: type[SampleRow]
    layout: type[LayoutRow]
    latest: type[LatestRow]
    block: type[BlockRow]
    rollup: type[RollupRow]

    @property
    def hot(self) -> str:
        return f'"{self.sample._meta.db_table}"'


TABLES: Final = MappingProxyType(
    {
        Category.HEALTH: Tables(
            Category.HEALTH,
            models.HealthSample,
            models.HealthLayout,
            models.HealthLatest,
            models.HealthBlock,
            models.HealthRollup,
        ),
        Category.TRAFFIC: Tables(
            Category.TRAFFIC,
            models.TrafficSample,
            models.TrafficLayout,
            models.TrafficLatest,
            models.TrafficBlock,
            models.TrafficRollup,
        ),
    }
)

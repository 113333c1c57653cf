"""What the configurations of all sources share."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Writeback:
    """[sources.NAME.writeback]: whether the source is told at all, and whether Resolve resolves the record there."""

    enabled: bool = True
    resolve: bool = False

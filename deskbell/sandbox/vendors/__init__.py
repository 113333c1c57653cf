"""The stand-ins of the vendors that people and records are told through: one small file a vendor, with a VENDOR."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from deskbell.sandbox.vendors.stand_in import Vendor


def vendors() -> Iterator[Vendor]:
    """Every vendor that has a file here."""
    for module in iter_modules(__path__):
        if module.name != "stand_in":
            yield import_module(f"{__name__}.{module.name}").VENDOR

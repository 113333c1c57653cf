"""A finished request, cut to what the vendor takes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from channels.service import Notice, Request
from deskbell.core.sizes import Size, fit


def fitted(request: Request, sizes: Mapping[str, Size], notice: Notice) -> Request:
    """Refs and links stay whole."""
    if not sizes:
        return request
    own = f"{notice.say} {notice.link}" if notice.code else ""  # without its code a link does nothing
    keep = (own, notice.link, notice.url, notice.ref)
    json, form = request.json, request.form
    for path, size in sizes.items():
        json = _cut(json, path.split("."), size, keep)
        form = _cut(form, [path], size, keep)
    return replace(request, json=json, form=form)


def _cut(value: Any, path: list[str], size: Size, keep: tuple[str, ...]) -> Any:
    """The value with what stands at the path cut; `*` is each item of a list."""
    if not path:
        return fit(value, size, keep) if isinstance(value, str) else value
    name, rest = path[0], path[1:]
    if name == "*" and isinstance(value, list):
        return [_cut(item, rest, size, keep) for item in value]
    if isinstance(value, Mapping) and name in value:
        return {**value, name: _cut(value[name], rest, size, keep)}
    return value

"""config.toml: read strictly, refused with the key and the reason, never printing a secret."""

from deskbell.config.settings import Settings, load, with_roles
from deskbell.config.strict import ConfigError

__all__ = ["ConfigError", "Settings", "load", "with_roles"]

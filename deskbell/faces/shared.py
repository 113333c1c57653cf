"""What every face shows alike: the icon of a tone, and the reasons that end most alerts."""

from collections.abc import Mapping

from deskbell.core.card import Tone

ICONS: Mapping[Tone, str] = {
    Tone.CRITICAL: "\U0001f534",  # red circle
    Tone.HIGH: "\U0001f7e0",  # orange circle
    Tone.MEDIUM: "\U0001f7e1",  # yellow circle
    Tone.LOW: "\U0001f535",  # blue circle
    Tone.ACKED: "\U0001f440",  # eyes
    Tone.SNOOZED: "\U0001f4a4",  # zzz
    Tone.RESOLVED: "\u2705",  # white check mark
}

REASONS = ("Customer informed", "Rescheduled", "Technician on site", "Fixed", "Not a real problem")

"""`deskbell clockproof`: clocks that are set, machines that sleep, nights on which the clock changes."""

"""The seeded fault runner: the real daemon among stand-ins, a hostile network between, and an oracle that judges."""

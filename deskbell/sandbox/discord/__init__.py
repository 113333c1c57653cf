"""Discord on the loopback: its REST API, its gateway, its interactions endpoint, and the people in one server."""

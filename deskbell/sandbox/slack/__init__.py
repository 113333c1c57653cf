"""A stand-in of one Slack workspace: Web API, Socket Mode or request URL, modals, and the people who tap."""

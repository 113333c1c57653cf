"""A stand-in of ServiceNow's Table API."""

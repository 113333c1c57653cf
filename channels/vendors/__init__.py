"""One small file a vendor; channels/catalog.py lists them, channels/engine.py does the rest."""

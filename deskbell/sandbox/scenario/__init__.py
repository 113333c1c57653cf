"""The day at an air-compressor repair firm: what is laid out, what happens when, and who reacts."""

"""The proof that no exception is missed: made-up histories of sources, played to us and judged by an oracle."""

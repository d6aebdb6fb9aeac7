"""Work on bytes compiled for the machine it runs on (ADR 0019)."""

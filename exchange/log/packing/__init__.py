"""Record batches (Kafka's format v2) written in one compiled pass (ADR 0019)."""

"""The names of what a story tells beside its rate; readers of latest.json find them as `facts`."""

# Single records beside batches.
P99_RATIO = "p99_ratio"
P99_RATIO_LEAST, P99_RATIO_MOST = "p99_ratio_least", "p99_ratio_most"
P99_ALONE, P99_BESIDE = "p99_alone_ms", "p99_beside_ms"
BATCHES_DUE, BATCHES_ANSWERED = "batches_due_per_second", "batches_answered_per_second"

# Suspensions under load: from the answer to `suspend` to the last byte on any connection.
SUSPENSIONS = "suspensions"
LAST_BYTE_P50 = "suspension_to_last_byte_p50_ms"
LAST_BYTE_P99 = "suspension_to_last_byte_p99_ms"
LATEST_RECORD = "latest_record_after_suspension_ms"
POLL_ENDED = "long_poll_ended_after_ms"

# A storm: what another system's single records took meanwhile.
BYSTANDER_P99 = "bystander_p99_ms"

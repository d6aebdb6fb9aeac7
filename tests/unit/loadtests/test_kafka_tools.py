"""What Kafka's tools print, and what of it is a steady window."""

from loadtests import kafka_tools

SENT = """\
Reading payloads from: /somewhere/payloads.ndjson
2500 records sent, 10000.0 records/sec (3.0 MB/sec), 2.0 ms avg latency, 9.0 ms max latency.
In steady state.
1 records sent, 1.0 records/sec (0.00 MB/sec), 968.0 ms avg latency, 968.0 ms max latency.
1500 records sent, 6000.0 records/sec (1.9 MB/sec), 2.0 ms avg latency, 9.0 ms max latency.
10000 records sent, 9000.0 records/sec (2.7 MB/sec), 2.0 ms avg latency, 1 ms 50th, 2 ms 95th
5000 steady state records sent, 9000.0 records/sec, 5 ms 50th, 6 ms 95th, 7 ms 99th, 8 ms 99.9th.
""".splitlines()


def test_only_the_producers_steady_windows_are_added_up() -> None:
    """It said nothing of 2,500 records that waited in its buffer, and a run was called failed."""
    progress = kafka_tools.Sent(5000)
    told = [None, None, None, 5001, 6501, None, None]
    assert [progress(line) for line in SENT] == told


def test_the_producers_sums_are_told_apart() -> None:
    text = "\n".join(SENT)
    whole, steady = kafka_tools.WHOLE.search(text), kafka_tools.STEADY.search(text)
    assert whole is not None
    assert steady is not None
    assert whole[1] == "10000"
    assert steady.groups() == ("5", "7")


def test_the_consumer_counts_from_its_start() -> None:
    line = "2026-11-22 05:48:24:258, 0, 34.3068, 22.1508, 113185, 73080.0781, 0, 512, 22.1, 73080.0"
    assert kafka_tools.received(line) == 113185
    assert kafka_tools.received("WARN something, with commas") is None

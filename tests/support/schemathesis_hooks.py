"""What Schemathesis, which runs as a program of its own, must know of our media types."""

import schemathesis

# A part of an upload (tus 1.0) is bytes, whatever its type is called.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
# Records, one JSON text a line.
schemathesis.serializer.alias("application/x-ndjson", "text/plain")

"""The worker's name in answers: opaque, tells workers apart without telling machines apart."""

import os
import secrets

WORKER = f"{secrets.token_hex(4)}-{os.getpid() & 0xFFFF:04x}"

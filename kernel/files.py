"""Where the settings keep files, and who looks at those that come from outside."""

import importlib.util
from urllib.parse import urlsplit

from kernel.blob_bucket import Bucket, Place
from kernel.blob_store import Folder, Store
from kernel.blobs import Blobs
from kernel.scanning import Clamd
from kernel.settings import Settings
from kernel.tls import read_text


def blobs_of(settings: Settings) -> Blobs:
    """Return the platform's files; ValueError says which setting of their place is wrong."""
    scan = Clamd(settings.scan_address) if settings.scan_address else None
    return Blobs(store_of(settings), scan)


def store_of(settings: Settings) -> Store | None:
    if not settings.bucket_url:
        return None if settings.blobs_dir is None else Folder(settings.blobs_dir)
    if settings.blobs_dir is not None:
        raise ValueError("SHUYUAN_BLOBS_DIR and SHUYUAN_BUCKET_URL: only one may be set")
    if importlib.util.find_spec("obstore") is None:
        raise ValueError("SHUYUAN_BUCKET_URL needs the extra s3: pip install shuyuan[s3]")
    return Bucket(_place(settings))


def _place(settings: Settings) -> Place:
    """Read where the bucket is and how to get in; ValueError names a file that cannot be read."""
    address = urlsplit(settings.bucket_url)
    bucket, _, prefix = address.path.strip("/").partition("/")
    secret, authorities = settings.bucket_secret_file, settings.bucket_ca_file
    if not settings.bucket_key_id or secret is None:
        raise ValueError(
            "SHUYUAN_BUCKET_URL needs SHUYUAN_BUCKET_KEY_ID and SHUYUAN_BUCKET_SECRET_FILE"
        )
    return Place(
        endpoint=f"{address.scheme}://{address.netloc}",
        bucket=bucket,
        prefix=prefix,
        region=settings.bucket_region,
        key_id=settings.bucket_key_id,
        secret=read_text("SHUYUAN_BUCKET_SECRET_FILE", secret).strip(),
        authorities=None
        if authorities is None
        else read_text("SHUYUAN_BUCKET_CA_FILE", authorities).encode(),
    )

"""`shuyuan new-key`: a private key in place of a secret (private_key_jwt, RFC 7523)."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer

from shuyuan_client.cli.explaining import explained, note
from shuyuan_client.cli.outputs import WholeFile
from shuyuan_client.cli.profile import KEY_FILE, KEY_ID
from shuyuan_client.failures import Failure, unusable_file
from shuyuan_client.grants import COORDINATE_BYTES
from shuyuan_client.wording import say


def new_key(
    out: Annotated[
        Path, typer.Option("--out", help=say("新的私钥文件", "file of the private key, a new one"))
    ],
) -> None:
    """生成私钥，打印待登记的公钥 / make a private key and print the public one to register."""
    with explained():
        pem, public = generated()
        try:
            with WholeFile(out) as file:
                file.stream.write(pem)
        except OSError as error:
            raise unusable_file(str(out), error) from error
    typer.echo(json.dumps({"keys": [public]}))
    named = f"{KEY_FILE}={out} {KEY_ID}={public['kid']}"
    note(
        f"✓ 私钥已写入 {out}，仅本人可读，请勿外传。由负责人把上面的公钥登记为应用系统的 jwks；"
        f"配置文件中以 {named} 代替密钥。更换密钥时：jwks 中先同时登记新旧公钥，改用新私钥后再移除"
        "旧公钥。",
        f"✓ The private key is in {out}, for its owner alone; give it to nobody. The head "
        f"registers the public one above as the client's jwks; in the profile {named} stand in "
        "place of the secret. To change keys, register both public keys, use the new private one, "
        "then remove the old public one.",
    )


def generated() -> tuple[bytes, dict[str, str]]:
    """Return a new private key, EC P-256 in PEM, and its public key as a JWK."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            Encoding,
            NoEncryption,
            PrivateFormat,
        )
    except ImportError as error:
        raise Failure(
            "生成私钥需要 cryptography：pip install 'shuyuan-client[keys]'。",
            "A private key needs cryptography: pip install 'shuyuan-client[keys]'.",
        ) from error
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    public = {"crv": "P-256", "kty": "EC", "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}
    # RFC 7638: a digest of the key itself names it.
    named = json.dumps(public, sort_keys=True, separators=(",", ":")).encode()
    kid = _base64(hashlib.sha256(named).digest())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, {**public, "alg": "ES256", "use": "sig", "kid": kid}


def _coordinate(number: int) -> str:
    return _base64(number.to_bytes(COORDINATE_BYTES))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

"""The metadata document, checked by authlib's own rules (RFC 8414, 9207)."""

from authlib.oauth2 import rfc8414, rfc9207

from auth.oauth.metadata import describe


def test_the_metadata_is_valid_and_promises_only_what_is_done() -> None:
    document = describe("https://exchange.example")
    metadata = rfc8414.AuthorizationServerMetadata(document)
    metadata.validate(metadata_classes=[rfc9207.AuthorizationServerMetadata])
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code"]
    assert "client_secret_post" not in document["token_endpoint_auth_methods_supported"]  # type: ignore[operator]
    grant_types = document["grant_types_supported"]
    assert "urn:ietf:params:oauth:grant-type:device_code" in grant_types  # type: ignore[operator]
    assert "device_authorization_endpoint" in document

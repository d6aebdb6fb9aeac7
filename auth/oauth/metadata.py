"""What the authorization server says of itself (RFC 8414, 9207); pure."""

from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from auth.jwks import ALGORITHMS
from auth.oauth.public_client import DEVICE_CODE
from auth.principal import Scope

CLIENT_METHODS = ["client_secret_basic", "private_key_jwt"]


def describe(issuer: str) -> dict[str, object]:
    """Return the metadata document of the issuer."""
    return AuthorizationServerMetadata(  # type: ignore[no-any-return]
        issuer=issuer,
        authorization_endpoint=f"{issuer}/oauth/authorize",
        token_endpoint=f"{issuer}/oauth/token",
        device_authorization_endpoint=f"{issuer}/oauth/device_authorization",
        jwks_uri=f"{issuer}/oauth/jwks",
        introspection_endpoint=f"{issuer}/oauth/introspect",
        revocation_endpoint=f"{issuer}/oauth/revoke",
        scopes_supported=[scope.value for scope in Scope],
        response_types_supported=["code"],
        response_modes_supported=["query"],
        grant_types_supported=[
            "authorization_code",
            "client_credentials",
            "refresh_token",
            DEVICE_CODE,
        ],
        code_challenge_methods_supported=["S256"],
        token_endpoint_auth_methods_supported=[*CLIENT_METHODS, "none"],
        token_endpoint_auth_signing_alg_values_supported=list(ALGORITHMS),
        introspection_endpoint_auth_methods_supported=CLIENT_METHODS,
        introspection_endpoint_auth_signing_alg_values_supported=list(ALGORITHMS),
        revocation_endpoint_auth_methods_supported=[*CLIENT_METHODS, "none"],
        revocation_endpoint_auth_signing_alg_values_supported=list(ALGORITHMS),
        authorization_response_iss_parameter_supported=True,
        ui_locales_supported=["zh-CN", "en"],
        service_documentation=f"{issuer}/docs",
    )

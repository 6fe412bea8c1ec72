"""How the OpenAPI document tells of logins. To import it registers its classes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer aura_…`"""

    target_class = "governance.identity.TokenAuthentication"
    name = "tokenAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        del auto_schema
        return build_bearer_security_scheme_object(
            header_name="Authorization",
            token_prefix="Bearer",  # noqa: S106 - the scheme's name, not a password
        )


class ConsoleScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """The admin's session cookie."""

    target_class = "governance.identity.ConsoleSession"

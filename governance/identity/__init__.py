"""Who is asking: a request becomes a user, and a user a `Principal`.

credentials  what a bearer token is good for, and for how long that is believed
tokens       tokens of ours: made, revoked, deleted
oidc         JWTs of the OpenID provider; `jwks` are its keys, `accounts` the people it names
people       the person behind a request; the console's session
scopes       the same for what raw asynchronous code answers

With `AURA_AUTH=off` (loopback only, see `aura.config`) everybody may use the API, as its document
says; a credential that is sent all the same must be good. The admin always wants a login.
"""

from governance.identity.credentials import (
    HOW_TO_LOG_IN,
    TokenAuthentication,
    Verified,
    digest,
    forget,
    known,
    known_again,
    may,
    user_of,
    was_known,
)
from governance.identity.people import (
    ConsoleSession,
    caller,
    decider,
    known_caller,
    opener,
    principal,
)
from governance.identity.scopes import Credentials
from governance.identity.tokens import (
    PREFIX,
    VALID_FOR,
    delete_token,
    issue_token,
    revoke_token,
)

__all__ = [
    "HOW_TO_LOG_IN",
    "PREFIX",
    "VALID_FOR",
    "ConsoleSession",
    "Credentials",
    "TokenAuthentication",
    "Verified",
    "caller",
    "decider",
    "delete_token",
    "digest",
    "forget",
    "issue_token",
    "known",
    "known_again",
    "known_caller",
    "may",
    "opener",
    "principal",
    "revoke_token",
    "user_of",
    "was_known",
]

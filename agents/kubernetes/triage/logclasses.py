"""What the log of a program says of its own end: phrases of runtimes, drivers and resolvers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from agents.kubernetes.triage.phrases import Phrases

TAIL: Final = 120  # lines from the end that may tell

# What a program cannot reach or is not let into. Their order decides between causes of one line.
_OUTWARD: Final = (
    (
        "network/dns-failure",
        r"temporary failure in name resolution|\bEAI_AGAIN\b|server misbehaving|SERVFAIL",
        r"lookup \S+ on \S+:53: .*(?:timeout|refused|unreachable)|DNS (?:query|lookup) timed out",
        r"no servers could be reached|dns: .*timeout",
    ),
    (
        "network/certificate-expired",
        r"certificate (?:has |is )?expired|CERT_HAS_EXPIRED|certificate is not yet valid",
        r"CertificateExpired|NotAfter:|expired or is not yet valid",
    ),
    (
        "network/certificate-untrusted",
        r"unknown authority|self[- ]?signed certificate|unable to get local issuer",
        r"certificate is (?:valid for|not valid for)|CERTIFICATE_VERIFY_FAILED|PKIX path",
        r"ALTNAME_INVALID|hostname .*doesn't match|failed to verify certificate|SSLPeerUnverified",
    ),
    (
        "network/tls-mismatch",
        r"does not look like a TLS handshake|wrong version number|unrecognized SSL message",
        r"HTTP request was sent to HTTPS|HTTP request to an HTTPS server",
        r"gave HTTP response to HTTPS client|SSL is not enabled on the server",
    ),
    (
        "network/unknown-host",
        r"no such host|NXDOMAIN|name or service not known|\bENOTFOUND\b|UnknownHostException",
        r"nodename nor servname|could not translate host name|name does not resolve",
        r"host not found|unknown \w+ server host|name resolution (?:failed|error)",
        r"failed to resolve|could not resolve host|no address associated with hostname",
    ),
    (
        "application/too-many-connections",
        r"too many (?:clients|connections)|remaining connection slots",
        r"max(?:imum)? number of clients",
        r"connection limit exceeded|connection pool (?:exhausted|is full)",
    ),
    (
        "application/missing-privilege",
        r"permission denied for (?:table|relation|schema|database|sequence|view)",
        r"command denied to user|read-only transaction|--read-only option|NOPERM",
        r"\bREADONLY\b|must be owner of|not authorized to perform",
    ),
    (
        "application/wrong-credentials",
        r"authentication[_ ]?(?:error|failed|failure)|WRONGPASS|\bNOAUTH\b",
        r"access denied for user|login failed for user|no pg_hba\.conf entry|ACCESS_REFUSED",
        r"(?:invalid|wrong|bad|incorrect) (?:user ?name|password|credentials?|api[ _-]?key|token)",
        r"role \"?\S+\"? does not exist|SASL\S* (?:authentication )?fail|InvalidAccessKeyId",
        r"SignatureDoesNotMatch|401 Unauthorized|status(?: ?code)?[:= ]+401|code = Unauthenticated",
        r"not authorized on|failed to authenticate|could not authenticate",
    ),
    (
        "cluster/forbidden",
        r"is forbidden: User \"system:serviceaccount|cannot \w+ resource \"\w+\" in API group",
    ),
    (
        "application/missing-database",
        r"database \"?\S+\"? does not exist|unknown database|relation \"?\S+\"? does not exist",
        r"table \S+ doesn't exist|no such table|NoSuchBucket|undefined table|topic \S+ not found",
        r"UNKNOWN_TOPIC_OR_PARTITION|NOT_FOUND - no (?:queue|exchange|vhost)",
    ),
    (
        "application/slow-downstream",
        r"deadline[_ ]exceeded|read timed out|read timeout|awaiting headers|request timed? ?out",
        r"statement timeout|504 gateway|upstream (?:request )?timeout|upstream timed out",
        r"socket hang up|slow (?:query|response|upstream)|status(?: ?code)?[:= ]+504",
    ),
    (
        "network/connection-timeout",
        r"i/o timeout|\bETIMEDOUT\b|connect(?:ion)? timed? ?out|connection timeout|timed out",
        r"no route to host|\bEHOSTUNREACH\b|\bENETUNREACH\b|(?:host|network) is unreachable",
    ),
    (
        "application/dependency-unreachable",
        r"connection refused|\bECONNREFUSED\b|could(?: not|n't) (?:connect|reach)",
        r"can(?:not|'t) connect",
        r"(?:unable|failed) to (?:connect|reach|dial)|connection (?:was )?reset|\bECONNRESET\b",
        r"no brokers? available|NoNodeAvailable|ServerSelection|cannot reach|code = Unavailable",
        r"(?:server|upstream|database|backend|service) (?:is )?(?:unavailable|unreachable|down)",
        r"connection failure|lost connection|not reachable|no healthy upstream|broken pipe",
    ),
    ("run/disk-full", r"no space left on device|\bENOSPC\b|disk quota exceeded|disk (?:is )?full"),
    ("storage/read-only", r"read-only file system|\bEROFS\b"),
    (
        "application/upstream-errors",
        r"50[023] (?:Internal|Bad|Service)|status(?: ?code)?[:= ]+50[0-3]|upstream .*50[0-3]",
    ),
)
OUTWARD: Final = Phrases.of(*_OUTWARD)

# A variable by its name: upper case, which the rest of a phrase need not be.
_VARIABLE: Final = r"(?-i:\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b)\W{0,3}"
_UNSET: Final = r"(?:not set|missing|required|undefined|unset|empty|not defined|not found)"
_SETTINGS: Final = r"(?:config|settings|propert|\.ya?ml|\.json|\.toml|\.conf)"
_NO_READ: Final = r"(?:cannot|could not|couldn't|failed to|unable to|error)"
CRASH: Final = Phrases.of(
    (
        "run/migration-failed",
        r"migrations? .{0,60}(?:fail|error|dirty|abort|could not)",
        r"(?:fail|error).{0,60}\bmigrat|dirty database version|FlywayException",
        r"LiquibaseException|alembic.{0,40}error|can't locate revision",
    ),
    (
        "application/missing-environment",
        rf"{_VARIABLE} (?:is |must be |was |env |variable )*(?:{_UNSET}|provided)",
        rf"env(?:ironment)?[ _]?(?:var\w*)?\W{{1,3}}\w+\W{{0,3}} (?:is |was )?{_UNSET}",
        rf"env(?:ironment)? var\w* (?:is |are |must be )?(?:{_UNSET}|set)",
        r"(?:missing|required|undefined|unset) (?:required )?env(?:ironment)?(?:[ _]var\w*)?\b",
        r"(?-i:KeyError: '[A-Z][A-Z0-9_]+')|password (?:option )?is not specified",
        rf"you (?:must|need to) (?:specify|set|provide) .{{0,40}}{_VARIABLE}",
    ),
    (
        "application/misconfigured-environment",
        r"missing protocol scheme|unsupported protocol scheme|invalid (?:URL|URI|DSN|port)\b",
        rf"strconv\.\w+: parsing|invalid value .{{0,40}}{_VARIABLE}|malformed (?:URL|URI|DSN)",
        rf"{_VARIABLE} .{{0,20}}(?:invalid|not valid|malformed|not a (?:valid )?\w+)",
        r"invalid literal for int\(\)|invalid connection string|invalid log ?level",
        r"could not parse \S*(?:URL|URI|DSN)",
    ),
    *_OUTWARD,
    (
        "run/port-in-use",
        r"address already in use|\bEADDRINUSE\b|port \S+ (?:is |was )?already (?:in use|allocated)",
    ),
    (
        "run/heap-exhausted",
        r"OutOfMemoryError|heap out of memory|std::bad_alloc|MemoryError|cannot allocate memory",
        r"runtime: out of memory|allocation failed",
    ),
    ("run/too-many-files", r"too many open files|\bEMFILE\b"),
    (
        "run/bad-configuration",
        r"(?:yaml|json|toml|xml|ini)\b.{0,40}(?:error|line \d+|invalid|unmarshal|unexpected|parse)",
        r"invalid (?:configuration|config|option|argument|setting)|configuration (?:error|is inv)",
        rf"{_NO_READ} (?:load|read|pars|decod|unmarshal)\w*.{{0,60}}{_SETTINGS}",
        r"unknown (?:directive|flag|option|field|key|command)|unrecogni[sz]ed (?:option|argument)",
        r"flag provided but not defined|mapping values are not allowed|\[emerg\]|bad config",
        r"config\w* .{0,40}(?:invalid|missing|not found|malformed|syntax)|ConfigurationException",
        r"error reading config|unexpected token .{0,20} in JSON|did not find expected",
    ),
    (
        "run/permission-denied",
        r"permission denied|\bEACCES\b|operation not permitted|\bEPERM\b|AccessDenied",
        r"PermissionError",
    ),
    (
        "run/missing-file",
        r"no such file or directory|FileNotFound|\bENOENT\b|NoSuchFile|cannot find module",
        r"ModuleNotFoundError|ClassNotFoundException|No module named|cannot open shared object",
    ),
    (
        "run/panic",
        r"\bpanic: |panicked at|runtime error: |goroutine \d+ \[running\]|level=panic",
    ),
    ("run/segmentation-fault", r"segmentation fault|SIGSEGV|core dumped"),
    (
        "run/unhandled-exception",
        r"Traceback \(most recent|exception in thread|un(?:handled|caught) \w*",
        r"^\S*(?:Error|Exception)\b|[a-z]\.[A-Z]\w+(?:Exception|Error)\b|UnhandledPromise",
        r"assertion (?:failed|error)|AssertionError|NullPointerException|TypeError: ",
    ),
)
_FATAL: Final = re.compile(
    r"\bfatal\b|\bpanic(?:ked)?\b|\bcritical\b|\bemerg\b|traceback|un(?:handled|caught)"
    r"|^\S*(?:Error|Exception)\b|exception in thread|caused by:|giving up|exiting|abort"
    r"|cannot start|failed to start|startup failed|level=(?:fatal|panic)",
    re.IGNORECASE,
)
# What says of itself that it is no trouble.
_CALM: Final = re.compile(
    r"level=\"?(?:info|debug|trace)|\b(?:INFO|DEBUG|TRACE|NOTICE)\b|\[(?:info|debug|notice)\]"
    r"|\"(?:info|debug|trace)\""
)
_GENERIC: Final = frozenset({"run/panic", "run/unhandled-exception"})
_ERROR: Final = re.compile(
    r"\b(?:error|fatal|critical|panic|severe|exception)\b|^E\d{4} ", re.IGNORECASE
)


def of_crash(lines: Sequence[str]) -> tuple[str, str]:
    """(cause, line) of the end of a program: its last words first, what led to them then."""
    tail = [line for line in lines[-TAIL:] if line.strip() and not _CALM.search(line)]
    cause, line = CRASH.first(reversed([it for it in tail if _FATAL.search(it)]))
    if cause and cause not in _GENERIC:
        return cause, line
    other = CRASH.first(reversed(tail[-_LAST:]))
    if cause == "run/panic" and "runtime error" in line:
        return cause, line
    return other if other[0] else (cause, line)


_LAST: Final = 30


def of_errors(lines: Sequence[str]) -> tuple[str, list[str]]:
    """(cause, lines) of what a running program complains about most; "" where it does not."""
    counted: dict[str, list[str]] = {}
    for line in lines[-TAIL:]:
        if not _CALM.search(line) and (cause := OUTWARD.read(line)):
            counted.setdefault(cause, []).append(line)
    order = [cause for cause, *_ in _OUTWARD]
    best = max(counted, key=lambda it: (len(counted[it]), -order.index(it)), default="")
    return best, counted.get(best, [])


def errors(lines: Sequence[str]) -> list[str]:
    """The lines that report an error."""
    return [line for line in lines[-TAIL:] if _ERROR.search(line)]

"""Secrets in texts: what goes, and what must stay."""

from __future__ import annotations

import json
import logging
import pickle
import string
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from progressive import MetricCheck, SpecError
from progressive._log import log
from progressive._model.checks import Sample
from progressive._model.events import Command, Commanded
from progressive._redaction import names_a_secret, private_part, redacted
from progressive._run.parts import who
from progressive.errors import ClusterError, ErrorKind, MetricsError, PluginError

SECRETS = st.text(string.ascii_letters + string.digits, min_size=12, max_size=40).map(
    lambda text: f"S3{text}"
)
PASSWORDS = st.text(
    string.ascii_letters + string.digits + "!$%&()*+,;=^_`|~-.:", min_size=12, max_size=40
)
"""What may stand in an address, or be written there though it should be escaped."""

PLACES = {
    "user info": "GET https://ada:{}@prometheus.example.com/base failed",
    "user alone": "cannot clone https://{}@git.example.com/team/app.git",
    "database": "postgres://app:{}@db:5432/shop?sslmode=disable is down",
    "query": "https://prometheus/api?access_token={}&query=up answered 500",
    "signature": "https://store/blob?sv=1&sig={}&se=2",
    "bearer": "Authorization: Bearer {}",
    "raw header": "Authorization: {}",
    "python headers": "sent {{'Accept': '*/*', 'Authorization': 'Bearer {}'}}",
    "go headers": "map[Accept:[*/*] Authorization:[Bearer {}]]",
    "json": '{{"password": "{}", "user": "ada"}}',
    "json in json": '{{"body": "{{\\"clientSecret\\":\\"{}\\"}}"}}',
    "cookie": "Set-Cookie={}; Path=/",
    "variable": "DB_PASSWORD={} in the environment",
    "flag": "Command '['login', '--password', '{}']' returned 1",
    "flag with =": "login --api-key={} failed",
    "yaml": "user:\n  token: {}\n",
    "env in json": '[{{"name":"DSN","value":"{}"}}]',
    "env in go": 'core.EnvVar{{Name:"DSN", Value:"{}", ValueFrom:(*v1.EnvVarSource)(nil)}}',
    "env in yaml": "- name: DSN\n  value: {}\n",
    "env in a map": "map[name:DSN value:{}]",
    "slack": "POST https://hooks.slack.com/services/T0/B0/{} answered 404",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
    "half a key": "-----BEGIN PRIVATE KEY-----\n{}",
    "token": "pushed with ghp_{}XXXXXXXXXXXXXXXX to main",
    "vault": "denied for hvs.{}XXXXXXXXXXXXXXXX",
    "auth": "redis said no: auth={}",
    "session": "sessionid={}; Path=/",
    "chat": "https://api.telegram.org/bot{}/send failed",
    "key in base64": "client-key-data: LS0tLS1CRUdJTi{}",
    "old decoder": "error found in #10 byte of ...|{}|..., bigger context ...|x|...",
    "jwt": "eyJhbGciOiJSUzI1NiJ9.eyJ{}.sig refused",
}


@pytest.mark.parametrize("place", PLACES)
@given(secret=SECRETS)
def test_a_secret_in_a_known_place_never_survives(place: str, secret: str) -> None:
    """
    Whatever it looks like: the place says that it is one.
    """
    text = PLACES[place].format(secret)
    clean = redacted(text)

    assert secret not in clean
    assert "…" in clean
    assert clean == redacted(clean), "what is clean stays as it is"


@given(password=PASSWORDS)
def test_a_password_in_an_address_goes_whole(password: str) -> None:
    """
    People forget to escape; a rest of the password would be a secret as well.
    """
    clean = redacted(f"https://ada:{password}@prometheus:9090/base cannot be reached")

    assert "https://…@prometheus:9090/base cannot be reached" == clean


@given(secret=st.text(min_size=8, max_size=60).filter(str.strip))
def test_a_secret_that_is_known_goes_in_every_spelling(secret: str) -> None:
    """
    A server echoes what was sent: as it is, inside of JSON, or in an address.
    """
    assume(secret not in 'raw … | "…" | {"a": "…"}')
    echoes = f"raw {secret} | {json.dumps(secret)} | {json.dumps({'a': secret})}"

    assert secret not in redacted(echoes, [secret])


ORDINARY = [
    "http://prometheus.monitoring:9090/base cannot be reached: Connection refused",
    "https://10.0.0.1:6443 gave no answer in time",
    "the API server does not accept the credentials: Unauthorized",
    "the token file /var/run/secrets/token: Permission denied",
    "the credential plugin aws failed: exit status 255: Token has expired and refresh failed",
    "request-success-rate 98.72 % < 99 %; request-duration 612 ms > 500 ms",
    'leases.coordination.k8s.io is forbidden: User "ci" cannot create resource "leases" in API '
    'group "coordination.k8s.io" in the namespace "shop"',
    'secrets "web-tls" not found',
    "shop/web is held by 20260101t120000-ab12 by process 12 on ci-7: its driver renewed the Lease",
    "spec.provider.secretRef: credentials from a Secret are not supported yet; take secretRef out",
    "PROGRESSIVE_METRICS_TOKEN (or …_USERNAME and …_PASSWORD)",
    "https://jenkins.example.com/job/shop/42/ drives it on",
    "image registry.example.com:5000/web@sha256:0123456789abcdef",
    "Basic authentication is off; a Bearer authentication is on",
    "host:8080/users/a@example.com and /apis/apps/v1/namespaces/shop/deployments/web",
    "resourceVersion=123&fieldManager=progressive&dryRun=All",
    "error: step weight=20 of 100, canary has 3 pods (Readiness probe failed: HTTP 503)",
    "git+ssh is no scheme; key=value pairs, a=b, compass=north, monkey=1, max_tokens=5",
    "http://host:8080/path@v1",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_what_an_engineer_needs_stays(text: str) -> None:
    """
    Hosts, paths, names, numbers: a message without them is no help at three in the morning.
    """
    assert text == redacted(text)


WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=14)
ATOMS = st.one_of(
    WORDS,
    st.integers(0, 10**9).map(str),
    st.floats(0, 1e6).map(lambda number: f"{number:.3g} %"),
    st.tuples(WORDS, st.integers(1, 65535)).map(lambda pair: f"http://{pair[0]}:{pair[1]}/api"),
    st.tuples(WORDS, WORDS).map("/".join),
    st.tuples(WORDS, WORDS).map("-".join),
    WORDS.map(lambda word: f"({word})"),
    WORDS.map(lambda word: f'"{word}"'),
)


@given(words=st.lists(ATOMS, max_size=30), marks=st.lists(st.sampled_from(" ,;"), min_size=30))
def test_ordinary_words_stay(words: list[str], marks: list[str]) -> None:
    """
    A rule that is too eager makes messages useless, and nobody finds out until it matters.
    """
    text = " ".join(f"{word}{mark.strip()}" for word, mark in zip(words, marks, strict=False))

    assert text == redacted(text)


@given(text=st.text(max_size=400))
def test_any_text_can_be_looked_through_and_is_clean_then(text: str) -> None:
    """
    Logs hold anything; a second look must not change what the first one left.
    """
    clean = redacted(text)

    assert clean == redacted(clean)


@pytest.mark.parametrize("piece", ["a", "://a:", "name:", "a=", '"a":"', "eyJ", "--a ", "Bearer "])
def test_a_long_text_takes_no_long_time(piece: str) -> None:
    """
    A page of a broken proxy must not hold up the way home; a slow pattern would take minutes.
    """
    assert redacted(piece * 20_000)


def test_a_known_secret_that_is_short_goes_as_a_word_only() -> None:
    """
    The password "web1" must not empty every "web1-primary-x" into dots, nor stay alone.
    """
    assert "sent …, to web12" == redacted("sent web1, to web12", ["web1"])
    assert "an ok is no secret" == redacted("an ok is no secret", ["ok"])


@pytest.mark.parametrize(
    "name", ["password", "DB_PASSWORD", "--token", "apiKey", "X-Api-Key", "client_secret", "sig"]
)
def test_a_name_that_says_so(name: str) -> None:
    """
    The names that people and libraries use.
    """
    assert names_a_secret(name)


@pytest.mark.parametrize(
    "name", ["secretName", "token_file", "password-file", "key", "compass", "bypass", "max_tokens"]
)
def test_a_name_that_only_sounds_so(name: str) -> None:
    """
    Names of Secrets and paths of files are what one looks for when credentials are wrong.
    """
    assert not names_a_secret(name)


# where texts are made


ADDRESS = "http://ada:hunter2@h:1/x"
CLEAN = "http://…@h:1/x"


@pytest.mark.parametrize(
    "error",
    [
        MetricsError(ADDRESS, ErrorKind.INVALID),
        ClusterError(ADDRESS, ErrorKind.INVALID, None, 422, "Invalid"),
        SpecError("spec.x", ADDRESS, (ADDRESS,)),
        PluginError("mine", ADDRESS),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_made_without_secrets(error: Exception) -> None:
    """
    Its words, its repr, its arguments and its pickled form all end on build pages.
    """
    for text in (str(error), repr(error), repr(error.args), repr(vars(error))):
        assert "hunter2" not in text
        assert CLEAN in text
    assert b"hunter2" not in pickle.dumps(error)


def test_words_from_outside_enter_the_journal_without_secrets() -> None:
    """
    A provider of somebody else may put anything into a sample, a person into a decision.
    """
    told = Commanded(at=datetime.now(UTC), command=Command.ABORT, by=ADDRESS, why=f"see {ADDRESS}")

    assert (CLEAN, f"see {CLEAN}") == (told.by, told.why)
    assert CLEAN == Sample(detail=ADDRESS).detail


def test_a_query_is_left_as_it_was_asked() -> None:
    """
    It is what one pastes into Prometheus; a secret is in it only if its author wrote one.
    """
    query = 'sum(rate(logins{token="x"}[1m]))'

    assert query == Sample(query=query).query


@pytest.mark.parametrize("address", [ADDRESS, "http://h:1?token=abc"])
def test_the_address_of_a_check_holds_no_secret(address: str) -> None:
    """
    The journal keeps it, and whoever may read ConfigMaps would read the password.
    """
    with pytest.raises(SpecError) as told:
        MetricCheck(name="mine", query="up", at_most=1.0, address=address)

    assert "address" == told.value.path
    assert "hunter2" not in str(told.value)
    assert private_part(address) is not None


def test_a_job_is_named_without_its_credentials() -> None:
    """
    Some Jenkins put a user and a token into BUILD_URL; the link must still work.
    """
    told = who({"BUILD_URL": "https://ci:11aa22@jenkins.example.com/job/shop/42/"})

    assert "https://jenkins.example.com/job/shop/42/" == told


class Kept(logging.Handler):
    """What a formatter of the standard library makes of each record."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@pytest.fixture
def kept() -> Iterator[Kept]:
    """A handler of the library's logger."""
    handler = Kept()
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


def test_a_log_line_has_no_secret_whoever_formats_it(kept: Kept) -> None:
    """
    Handlers are the host's; so the record itself is clean, and its traceback.
    """
    try:
        raise RuntimeError(f"{ADDRESS} is away")
    except RuntimeError:
        log.exception("asking %s", ADDRESS)
    log.warning("%s of %d", "nothing", 2)

    assert "hunter2" not in "".join(kept.texts)
    assert f"asking {CLEAN}" in kept.texts[0]
    assert f"RuntimeError: {CLEAN} is away" in kept.texts[0]
    assert "nothing of 2" == kept.texts[1]

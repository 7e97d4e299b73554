"""A database's URL as it may be shown: in reports, plans, errors and pages.

libpq takes a password from a URL's query too (`?password=`, `?sslpassword=`, PostgreSQL manual, 34.1.2), mysqlclient takes `?passwd=`, and
Airflow's extra `sqlalchemy_query` becomes such a query. So a query's values are withheld unless the option is known to hold no secret.
"""

from __future__ import annotations

from urllib.parse import quote, quote_plus

import sqlalchemy as sa

HIDDEN = "***"
_HARMLESS = {
    "access_mode",
    "application_name",
    "channel_binding",
    "charset",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "driver",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "mode",
    "port",
    "read_timeout",
    "sslmode",
    "ssl_mode",
    "target_session_attrs",
    "tcp_user_timeout",
    "unix_socket",
    "uri",
    "user",
    "write_timeout",
}


def shown(url: sa.URL) -> str:
    """The URL with *** for its password, and for the value of every option that may hold a secret."""
    options = {name: value if name.lower() in _HARMLESS else HIDDEN for name, value in url.query.items()}
    return url.set(query=options).render_as_string(hide_password=True).replace(quote_plus(HIDDEN), HIDDEN)


def of_text(url: str) -> str:
    """A URL that was written as text, as it may be shown. Of one that can't be read nothing is shown but its scheme."""
    try:
        return shown(sa.make_url(url))
    except (sa.exc.ArgumentError, ValueError):
        return f"{url.partition('://')[0]}://{HIDDEN}"


def without_secrets(text: str, url: sa.URL) -> str:
    """`text`, such as a driver's error, with *** for every secret of the URL that is in it, as it is or as a URL writes it."""
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _secrets(url: sa.URL) -> set[str]:
    found = {str(url.password)} if url.password else set[str]()
    for name, value in url.query.items():
        if name.lower() not in _HARMLESS:
            found |= {value} if isinstance(value, str) else set(value)
    return {written for secret in found if secret for written in (secret, quote(secret, safe=""), quote_plus(secret))}

"""The cookies of people's browsers: the secret of a session, and what a device is known by."""

from lyceum.platform import ids
from lyceum.platform.cookies import cookie_names, find_cookie, set_cookie
from lyceum.platform.http import RequestInfo
from lyceum.platform.settings import Settings
from lyceum.users.service.browser_sessions import COOKIE, SECONDS
from lyceum.users.service.devices import REMEMBERED_DAYS

SESSION = COOKIE
DEVICE = "lyceum_device"
OIDC = "lyceum_oidc"
_OIDC_SECONDS = 3600


def session(settings: Settings, secret: str) -> tuple[str, str]:
    """Return the header that opens a browser's session."""
    return set_cookie(settings, SESSION, secret, seconds=SECONDS)


def no_session(settings: Settings) -> tuple[str, str]:
    """Return the header that takes the cookie of a session away."""
    return set_cookie(settings, SESSION, "", seconds=0)


def device(settings: Settings, token: str) -> tuple[str, str]:
    """Return the header by which a device is known from now on."""
    return set_cookie(settings, DEVICE, token, seconds=REMEMBERED_DAYS * 86_400)


def oidc(settings: Settings, secret: str) -> tuple[str, str]:
    """Return the header by which the browser that begins a sign-in elsewhere is known when it
    comes back, also by a form that another site has it post."""
    return set_cookie(settings, OIDC, secret, seconds=_OIDC_SECONDS, from_other_sites=True)


def oidc_browser(request: RequestInfo) -> str:
    """Return what a browser is known by there, made anew for one that has nothing yet."""
    return read(request, OIDC) or ids.new_secret()


def read(request: RequestInfo, name: str) -> str:
    """Return the value of a cookie, empty where there is none."""
    header = request.header(b"cookie") or ""
    values = (find_cookie(header, whole) for whole in cookie_names(name))
    return next((value for value in values if value), "")

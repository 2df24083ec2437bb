"""Another service asks Lyceum about a token and about rights, by signed requests.

    lyceum service-keys create timetable
    LYCEUM=http://127.0.0.1:3000 KEY=sk_… SECRET=… python examples/service_client.py TOKEN

Nothing but Python's own library; the signing takes ten lines in any language.
"""

import hashlib
import hmac
import json
import os
import secrets
import sys
import time
import urllib.request
from typing import Any
from urllib.parse import urlsplit


def signed_headers(key: str, secret: str, method: str, url: str, body: bytes) -> dict[str, str]:
    """Return the headers of a request; path and query are signed exactly as they are sent."""
    parts = urlsplit(url)
    timestamp, nonce = str(int(time.time())), secrets.token_urlsafe(18)
    digest = hashlib.sha256(body).hexdigest()
    signed = ["LYCEUM-1", method, parts.path, parts.query, digest, timestamp, nonce]
    signature = hmac.new(secret.encode(), "\n".join(signed).encode(), "sha256").hexdigest()
    return {
        "content-type": "application/json",
        "authorization": f"HMAC-SHA256 key={key}, timestamp={timestamp}, nonce={nonce},"
        f" signature={signature}",
    }


def ask(base: str, key: str, secret: str, path: str, question: dict[str, Any]) -> Any:
    """Post a question to `/internal/v1` and return the data of the answer."""
    url, body = f"{base}/internal/v1{path}", json.dumps(question).encode()
    headers = signed_headers(key, secret, "POST", url, body)
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["data"]


def main() -> None:
    """Ask whose token it is, and whether that person may list people."""
    base, key, secret = os.environ["LYCEUM"], os.environ["KEY"], os.environ["SECRET"]
    meaning = ask(base, key, secret, "/tokens/introspect", {"token": sys.argv[1]})
    print(json.dumps(meaning, indent=2))
    if meaning["active"]:
        question = {"userId": meaning["userId"], "checks": [{"permission": "users:read"}]}
        print(json.dumps(ask(base, key, secret, "/permissions/check", question), indent=2))


if __name__ == "__main__":
    main()

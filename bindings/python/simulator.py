"""For the tests: the provider's stand-in, its switches, and the person in front of the browser.

It listens at FITBIT_SIMULATOR: `cargo run --example simulator` starts one.
"""

import html
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request

URI = os.environ["FITBIT_SIMULATOR"]

CALLBACK_URI = "http://127.0.0.1:8080/callback"
FITBIT = {
    "client_id": "22SRVR",
    "client_secret": "5e2f7e7a90c14d1b8a6d3b0f4c9e1a27",
    "callback_uri": CALLBACK_URI,
}
GOOGLE = {
    "client_id": "620184410597-demo.apps.googleusercontent.com",
    "client_secret": "GOCSPX-d3mo_9aB2cD4eF6gH8iJ0kL2",
    "callback_uri": CALLBACK_URI,
    "provider": "google",
}


class _StaysWhereItIs(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


_browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StaysWhereItIs)


def opened(address, form=None):
    """The page, and the address that the browser is sent to, if it is."""
    body = None if form is None else urllib.parse.urlencode(form).encode()
    try:
        with _browser.open(address, body) as page:
            return page.read().decode(), None
    except urllib.error.HTTPError as redirect:
        with redirect:
            return redirect.read().decode(), redirect.headers["Location"]


def visit(authorization_uri, decision="grant"):
    """The person opens the address and decides: where they are sent back to."""
    page, back = opened(authorization_uri)
    if back is not None:
        return back
    form = [("decision", decision)]
    for tag in re.findall(r"<input([^>]*)>", page):
        values = dict(re.findall(r' (\w+)="([^"]*)"', tag))
        if "name" in values and "value" in values:
            form.append((values["name"], html.unescape(values["value"])))
    action = html.unescape(re.search(r'<form[^>]* action="([^"]*)"', page)[1])
    return opened(URI + action, form)[1]


def turn(switch, **settings):
    """Turns one of the simulator's switches; GET /_simulator/ lists them."""
    body = json.dumps(settings).encode()
    with _browser.open(f"{URI}/_simulator/{switch}", body) as answer:
        return json.load(answer)


def fault(on, kind, **more):
    turn("fault", on=on, kind=kind, **more)


def requests(target):
    """How many there were since the last reset."""
    with _browser.open(f"{URI}/_simulator/counts") as answer:
        return json.load(answer)["requests"][target]


def token(app=FITBIT, scopes=("profile", "activity", "nutrition", "settings", "sleep"), user_id="26FWFL"):
    """As the provider hands it out."""
    return turn("token", client_id=app["client_id"], user_id=user_id, scopes=list(scopes))

"""Test without a network, by cassettes that record and replay, and by scripted replies.

A cassette is a JSON file of exchanges. Keys, tokens, cookies and uploads are never in it. It holds those headers and
parameters that are known to be harmless, and the digest and size of each upload. Replies are in it whole, as JSON, text
or base64, if they are no larger than a megabyte: of spoken audio that is larger it holds the digest, the size and the
beginning, and replaying it is an error that says how to keep it whole.

    with recording("google", "team.json") as client:      # the call is sent and written down
        client.detect_faces("team.jpg")

    with replaying("google", "team.json") as client:      # the file answers the call; no key is needed
        client.detect_faces("team.jpg")

With ``async with`` both give an `AsyncClient`. Replay is strict: a call that is not in the cassette raises a
`ReplayError`, and so does an exchange in the cassette that no call has asked for. `record` and `replay` return the
objects that a client takes as ``send=``, and `Script` answers with replies of your own.

`check_provider` checks a provider of your own against the contract, with cassettes as examples.
"""

from cloudai.core.redaction import HEADERS, PARAMETERS, REDACTED
from cloudai.testing._cassette import Asked, Cassette, Exchange, Reply
from cloudai.testing._clients import Recording, Replaying, recording, replaying
from cloudai.testing._contract import CHECKS, Example, Problem, check_provider
from cloudai.testing._record import Recorder, record
from cloudai.testing._replay import Replay, orphans, replay
from cloudai.testing._script import Script
from cloudai.transport.async_http import AsyncNetwork
from cloudai.transport.http import Network

__all__ = [
    "CHECKS",
    "HEADERS",
    "PARAMETERS",
    "REDACTED",
    "Asked",
    "AsyncNetwork",
    "Cassette",
    "Example",
    "Exchange",
    "Network",
    "Problem",
    "Recorder",
    "Recording",
    "Replay",
    "Replaying",
    "Reply",
    "Script",
    "check_provider",
    "orphans",
    "record",
    "recording",
    "replay",
    "replaying",
]

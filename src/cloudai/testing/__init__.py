"""Tests without a network: cassettes that record and replay, and scripted replies.

A cassette is a JSON file of exchanges. Keys, tokens, cookies and uploads are never in it: of headers and
parameters it holds those that are known to be harmless, of an upload its digest and size.

    with recording("google", "team.json") as client:      # sent, and written down
        client.detect_faces("team.jpg")

    with replaying("google", "team.json") as client:      # answered from the file; needs no key
        client.detect_faces("team.jpg")

With ``async with`` both give an `AsyncClient`. Replay is strict: a call the cassette does not hold, and one
it holds that was not made, is a `ReplayError`. Beneath them, `replay` and `record` make what a client takes
as ``send=``, and `Script` answers with replies of your own.

`check_provider` checks a provider of your own, with cassettes as examples, against the contract.
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

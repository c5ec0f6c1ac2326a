"""A file that a reply leads to is fetched from its secret address, without credentials, and stands for the reply.

Azure Speech writes what a job has heard into a storage, and its reply names a SAS address, by which everybody can read
the file for some hours. That address is in no log, error or journal: all of them have the file in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from cloudai.core.call import CallContext
from cloudai.core.effects import Program, Send
from cloudai.core.flow import Call, Request, Response
from cloudai.core.large_replies import read_ahead
from cloudai.core.redaction import Secrets, address, telling
from cloudai.core.retry import GOOD
from cloudai.core.urls import origin
from cloudai.errors import CloudAIError, MalformedResponseError, ResponseTooLargeError, ServerError

__all__ = ["followed"]


def followed(
    request: Request, response: Response, context: CallContext, clock: Callable[[], float]
) -> Program[Response]:
    """Fetch the file that a reply leads to, and return the reply that has it.

    Args:
        request: The request that was answered; its ``follow`` says where the address stands.
        response: The good reply to it.
        context: The context of the call.
        clock: A function that returns monotonic seconds.

    Raises:
        MalformedResponseError: The reply names no address of a file.
        ResponseTooLargeError: The file has more bytes than the reply to the request may have.
        ServerError: The file does not come. The address may have expired, so that asking for a new one may help.
        CloudAIError: There was no time, or no connection.
    """
    assert request.follow is not None  # noqa: S101  # for the type checker
    where = request.follow.address(response)
    site = origin(where)
    # Only an endpoint of the user's own, such as one under test, may have its files without TLS.
    if site is None or (site[0] != "https" and site != origin(request.url)):
        raise MalformedResponseError("the reply names no address of a file")
    # This request goes to the driver directly and not through the engine's exchange, which would sign it with the key
    # of the vendor.
    there = Request("GET", where, request.service, request.api, billed=0, max_reply=request.max_reply)
    # A storage that refuses repeats the address as a whole, its query, or a single parameter such as the signature.
    secrets = Secrets([where, urlsplit(where).query, *telling(address(where)[1])])
    try:
        reply: Response = yield Send(there, context.left(clock()), context.hooks.slots)
    except CloudAIError as error:
        secrets.clear(error)
        raise
    # Our own transport stops at the limit while it reads, but a ``send=`` of the user returns a reply of any size.
    if len(reply.content) > request.max_reply:
        raise ResponseTooLargeError(f"the file has more than {request.max_reply // 1_000_000} MB")
    if reply.status not in GOOD:
        # The words of the storage are about its addresses, and are of no use to the user.
        raise ServerError(f"the file of the result did not come: HTTP {reply.status}", status=500)
    follow = request.follow

    def cleared(reply: Response) -> Response:
        return follow.cleaned(secrets.cleared(reply))

    if not reply.is_large:
        return cleared(reply)
    context.collector.begin(len(reply.content))
    read: Response = yield Call(partial(read_ahead, reply, cleared))
    return read

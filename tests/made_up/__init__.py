"""Vendors that exist in the tests alone: one server on the loopback, and providers that nobody else offers.

Cassettes prove how replies are read; they cannot express a reset, a drip or a hang. What is promised of those is proved
against the server of ``server.py`` over real sockets: it does with each connection what the test tells it, counts what
it is asked, and keeps every byte. The other modules are built on it or need no server:

- ``faults.py``: the faults of the matrix, and replies to build others from;
- ``calls.py``: calls of Azure, Google and Watson that go to the server instead;
- ``logins.py``: their logins, against a token server;
- ``counting.py``: a vendor that counts what each text was sent; processes to be killed, which ``runs.py`` carries out;
- ``proxy.py``: a forward proxy;
- ``merging.py``: Google and Azure, whose requests hold many inputs;
- ``certificates.py``: certificates of the server;
- ``grpc_server.py``: Google Vision by gRPC, whose server is that of the package ``grpc``;
- ``provider.py``: a provider of two operations, small enough to read; ``uploads.py``: one whose requests hold all that
  a request can hold. Both are answered by functions given as ``send=``.
"""

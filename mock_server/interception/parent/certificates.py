"""Certificates for one run: an authority that only the child trusts, and one certificate per host name."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...errors import ServerError

__all__ = ["MOST_NAMES", "Authority"]

MOST_NAMES = 1000
"""Host names whose certificates are kept."""

_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/opt/homebrew/etc/openssl@3/cert.pem",
)


class Authority:
    """A certificate authority made for this run; its key is never written anywhere.

    Keys of certificates are not written to a disk either where the system can keep a file in memory (Linux).
    """

    def __init__(self) -> None:
        import trustme

        self._authority = trustme.CA(organization_name="kling-mock, this run only")
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        self.pem: bytes = self._authority.cert_pem.bytes()
        """The authority's certificate, to be trusted by the child."""

    def context_for(self, host: str) -> ssl.SSLContext:
        """A TLS context that shows a client the certificate of a host name; made once, within milliseconds.

        Raises `ServerError` for what is no name of a host. The names that were asked for last are kept.
        """
        context = self._contexts.get(host)
        if context is None:
            context = self._contexts[host] = self._new_context(host)
            if len(self._contexts) > MOST_NAMES:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(host)
        return context

    def _new_context(self, host: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        try:
            leaf = self._authority.issue_cert(host)
        except ValueError as error:
            raise ServerError(f"There is no certificate for the host {host!r}: {error}.") from None
        with _readable(leaf.private_key_and_cert_chain_pem.bytes()) as path:
            context.load_cert_chain(path)
        return context

    def bundle(self, more: Iterable[str] = ()) -> bytes:
        """The authority together with what this machine trusts, for programs that take one file.

        `more` are files or folders of certificates that the user trusts as well.
        """
        paths = [ssl.get_default_verify_paths().cafile, *_SYSTEM_BUNDLES]
        system = next((path for path in paths if path is not None and Path(path).is_file()), None)
        return self.extended([*([system] if system is not None else []), *more])

    def extended(self, paths: Iterable[str]) -> bytes:
        """The authority together with the certificates in these files and folders; each is read once."""
        contents: dict[bytes, None] = {}
        for path in dict.fromkeys(paths):
            folder = Path(path)
            try:
                files = sorted(folder.iterdir()) if folder.is_dir() else [folder]
                read = [file.read_bytes().strip() for file in files if file.is_file()]
            except OSError:
                continue  # the program itself finds out that there is no such file
            contents |= dict.fromkeys(text for text in read if b"-----BEGIN" in text)
        return b"\n".join([*contents, self.pem])


@contextlib.contextmanager
def _readable(secret: bytes) -> Iterator[str]:
    """A path that holds some bytes for the length of a block: `ssl` takes keys from files alone."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        with open(os.memfd_create("certificate"), "wb") as file:
            file.write(secret)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.TemporaryDirectory(prefix="kling-mock-key-") as folder:
        path = Path(folder) / "key.pem"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secret)
        yield str(path)

"""Certificates for one run: an authority that only the child trusts, and one certificate per host name."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path

from ...errors import ServerError

__all__ = ["Authority"]

_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/opt/homebrew/etc/openssl@3/cert.pem",
)


class Authority:
    """A certificate authority made for this run; its key is never written anywhere."""

    def __init__(self) -> None:
        import trustme

        self._authority = trustme.CA(organization_name="kling-mock, this run only")
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.pem: bytes = self._authority.cert_pem.bytes()
        """The authority's certificate, to be trusted by the child."""

    def server_context(self, hosts: frozenset[str]) -> ssl.SSLContext:
        """A TLS context that shows a client the certificate of the host name it asks for."""
        context = self._context_of(min(hosts, default="localhost"))

        def choose(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
            if name:
                connection.context = self._context_of(name)

        context.sni_callback = choose
        return context

    def _context_of(self, host: str) -> ssl.SSLContext:
        context = self._contexts.get(host)
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.set_alpn_protocols(["http/1.1"])
            try:
                self._authority.issue_cert(host).configure_cert(context)
            except ValueError as error:
                raise ServerError(f"There is no certificate for the host {host!r}: {error}.") from None
            self._contexts[host] = context
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

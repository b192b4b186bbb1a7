"""What leads Java: its proxy and its trust store are properties, which one variable gives."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["java_options"]

_PASSWORD = "changeit"
"""Of every trust store that comes with Java: it guards certificates that anybody may read."""


def java_options(bundle: bytes, proxy: str, folder: Path) -> str:
    """Properties for `JAVA_TOOL_OPTIONS`, and a trust store in `folder`; empty where there is no Java.

    `bundle` holds the certificates to trust, `proxy` is the URL of the run's own: Java gets in as a process
    below the run.
    """
    if shutil.which("java") is None:
        return ""
    properties: dict[str, object] = {"http.nonProxyHosts": "localhost|127.*|[::1]"}
    for scheme in ("http", "https"):
        properties |= {f"{scheme}.proxyHost": "127.0.0.1", f"{scheme}.proxyPort": urlsplit(proxy).port}
    store = folder / "trust.p12"
    if store.exists() or _write_store(bundle, store):
        properties |= {f"javax.net.ssl.{name}": value for name, value in _settings(store).items()}
    return " ".join(f"-D{name}={value}" for name, value in properties.items())


def _settings(file: Path) -> dict[str, object]:
    return {"trustStore": file, "trustStorePassword": _PASSWORD, "trustStoreType": "PKCS12"}


def _write_store(bundle: bytes, file: Path) -> bool:
    """Write the certificates as Java reads them; False where the library is too old for that."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

        make = pkcs12.serialize_java_truststore
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd about the machine's own certificates
            found = x509.load_pem_x509_certificates(bundle)
    except (ImportError, AttributeError, ValueError):
        return False
    named = [pkcs12.PKCS12Certificate(one, str(index).encode()) for index, one in enumerate(found)]
    encryption = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(1).build(_PASSWORD.encode())
    file.write_bytes(make(named, encryption))
    return True

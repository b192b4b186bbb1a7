"""TLS contexts that put off reading their authorities: nobody who looks can tell."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from kling_mock.contract_tests.driving.lazy_trust import lazy_trust


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    file = tmp_path / "bundle.pem"
    file.write_bytes(trustme.CA().cert_pem.bytes())
    return file


def test_a_context_has_what_it_was_told_to_trust(bundle: Path) -> None:
    before = ssl.SSLContext.__dict__.copy()
    with lazy_trust():
        for _ in range(3):
            context = ssl.create_default_context(cafile=str(bundle))
            assert context.cert_store_stats()["x509_ca"] == 1
            assert len(context.get_ca_certs()) == 1
        kept = ssl.create_default_context(cafile=str(bundle))
    assert len(kept.get_ca_certs()) == 1
    assert ssl.SSLContext.__dict__.keys() == before.keys()


def test_what_is_read_again_is_read_when_it_is_used(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = ssl.SSLContext.load_verify_locations

    def reads(self: ssl.SSLContext, *given: str | None) -> None:
        read.append(str(given[0]))
        original(self, *given)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", reads)
    with lazy_trust():
        contexts = [ssl.create_default_context(cafile=str(bundle)) for _ in range(3)]
        assert len(read) == 1
        assert contexts[2].wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
        assert len(read) == 2


def test_a_file_that_is_missing_or_no_certificate_raises_at_once(bundle: Path) -> None:
    with lazy_trust():
        ssl.create_default_context(cafile=str(bundle))
        bundle.write_text("nothing of that kind")
        with pytest.raises(ssl.SSLError):
            ssl.create_default_context(cafile=str(bundle))
        bundle.unlink()
        with pytest.raises(FileNotFoundError):
            ssl.create_default_context(cafile=str(bundle))

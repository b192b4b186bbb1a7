"""Which paths that nobody has were meant to be the API's, and which are somebody else's."""

from __future__ import annotations

import pytest

from kling_mock.api.generation_paths import generation_paths
from kling_mock.catalog import load_catalog
from kling_mock.trace_rules.near_paths import nearest_path

VIDEOS = "/v2/video/generations"
KLING = "/v2/generate/video/kling/generation"


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("//v2/video/generations", VIDEOS),
        ("/v2/video/generations/", VIDEOS),
        ("/v2/v2/video/generations", VIDEOS),
        ("/v1/v2/video/generations", VIDEOS),
        ("/v3/video/generations", VIDEOS),
        ("/api/v2/video/generations", VIDEOS),
        ("/kling/v2/video/generations", VIDEOS),
        ("/v2/video/generation", VIDEOS),
        ("/v2/videos/generations", VIDEOS),
        ("/V2/Video/Generations", VIDEOS),
        ("/v2/video/generations/Xk0dN2Vw7yYvQn5hF3mCz", VIDEOS),
        ("/v2/generate/video/kling/generations", KLING),
        ("/v2/generate/video/kling/generation/", KLING),
        ("/v2/generate/video/klingai/generation", KLING),
        ("/generate/video/kling/generation", KLING),
        ("/v2/generate/video/minimaxi/generation", KLING.replace("kling", "minimax")),
        ("/v2/generate/video/aIibaba/generation", KLING.replace("kling", "alibaba")),
        ("/generate/pixverse/generation", KLING.replace("kling", "pixverse")),
    ],
)
def test_a_slip_is_known_by_the_path_that_was_meant(asked: str, meant: str) -> None:
    assert nearest_path(asked) == meant


@pytest.mark.parametrize(
    "asked",
    [
        "/",
        "/favicon.ico",
        "/robots.txt",
        "/health",
        "/v1/chat/completions",
        "/v1/images/generations",
        "/v2/images/generations",
        "/v2/generate/audio",
        "/v2/generate/video/luma-ai/generation",
        "/v2/generate/video/krea/generation",
        "/v1/audio/transcriptions",
        "/v1/billing/balance",
        "/v1/embeddings",
        "/apple-touch-icon.png",
        "/.well-known/appspecific/com.chrome.devtools.json",
        "/v2/video/" + "x" * 300,
        *generation_paths(load_catalog()),
    ],
)
def test_what_is_somebody_elses_is_left_alone(asked: str) -> None:
    assert nearest_path(asked) is None

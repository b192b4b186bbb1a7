"""Recordings of a page that makes a video on the mock: by Chromium's developer tools, by Playwright."""

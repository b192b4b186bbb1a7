"""The rules of the contract about the result, transport and the process."""

from __future__ import annotations

from .rule import Level, Rule

__all__ = ["RULES"]

RULES = (
    # D. Reading the result
    Rule(
        "D1",
        "null-friendly",
        Level.REQUIRED,
        "A key with nothing to say breaks the client while its job, paid for, goes on.",
        'Read nested keys as `(job.get("video") or {}).get("url")`.',
    ),
    Rule(
        "D2",
        "completed-without-url",
        Level.REQUIRED,
        "A job without a video is delivered as one, or waited for.",
        "Raise where a completed job has no URL.",
        in_trace=True,
    ),
    Rule(
        "D3",
        "error-shapes",
        Level.REQUIRED,
        "A failed job is delivered as a video, or nobody learns why it failed.",
        "Take an error that is an object, a list, a text or null, and say what is in it.",
        in_trace=True,
    ),
    Rule(
        "D4",
        "extra-fields-ignored",
        Level.REQUIRED,
        "The day the API adds a field, the client breaks.",
        "Read the keys that you need, and let the others be.",
    ),
    Rule(
        "D5",
        "any-usage",
        Level.REQUIRED,
        "A missing figure about the price costs the video itself.",
        "Read usage with defaults, apart from the video.",
    ),
    Rule(
        "D6",
        "url-verbatim",
        Level.REQUIRED,
        "A signature that was changed is no signature: the video cannot be fetched.",
        "Return the URL as it is; parse and build nothing anew.",
    ),
    Rule(
        "D7",
        "no-key-leak",
        Level.REQUIRED,
        "Whoever serves the videos, or reads the logs, can spend the user's credits.",
        "Send the key with creates and polls only: give the download headers of its own, and hide the "
        "key in errors.",
    ),
    Rule(
        "D8",
        "download-integrity",
        Level.ADVISORY,
        "Half a file, or an error page, is kept as the video.",
        "Write into a file of another name, compare its length, and rename it at the end.",
    ),
    Rule(
        "D9",
        "any-script",
        Level.REQUIRED,
        "A text in another script breaks the client, or reaches nobody.",
        "Keep texts as Unicode, and encode them as UTF-8 where they leave.",
    ),
    Rule(
        "D10",
        "decoy-keys",
        Level.STRICT,
        "A key that looks like a documented one leads to another job, or to another video.",
        "Read `id`, `status` and `video.url` by their documented names, and no alternatives.",
    ),
    Rule(
        "D11",
        "hanging-video",
        Level.REQUIRED,
        "The video is paid for and ready, and the program hangs in its download.",
        "Give the download a timeout for reading, as every other request.",
    ),
    Rule(
        "D12",
        "moved-video",
        Level.STRICT,
        "The video's host sends the client on, and the client goes without.",
        "Follow redirects for the download, without the key.",
    ),
    Rule(
        "D13",
        "video-fetched",
        Level.ADVISORY,
        "The video is paid for and ready, one download fails, and nobody has it.",
        "Try the download again, and poll the job for a new URL where the old one has expired.",
        in_trace=True,
        in_kit=False,
    ),
    # E. Transport
    Rule(
        "E1",
        "always-timeout",
        Level.REQUIRED,
        "One answer that never comes, and the program hangs until somebody kills it.",
        "Give every request a timeout for connecting and for reading.",
    ),
    Rule(
        "E2",
        "slow-and-chunked",
        Level.REQUIRED,
        "An answer that is right, and only travels oddly, loses a job that is paid for.",
        "Let an HTTP library read the body, whole, whatever its coding.",
    ),
    Rule(
        "E3",
        "redirect-safe",
        Level.STRICT,
        "Whoever can make the API answer with a redirect gets the key.",
        "Switch redirects off for requests that carry the key.",
    ),
    Rule(
        "E4",
        "reply-hygiene",
        Level.REQUIRED,
        "A proxy that changes a header or adds a mark breaks the client in a way nobody understands.",
        "Decode the body as `utf-8-sig` JSON whatever its type is called, and raise clearly where it is "
        "none.",
    ),
    Rule(
        "E5",
        "split-characters",
        Level.REQUIRED,
        "An answer whose characters arrive in two pieces breaks the client, or garbles the text.",
        "Decode the whole body at once, or with an incremental decoder.",
    ),
    Rule(
        "E6",
        "closed-connections",
        Level.REQUIRED,
        "Every poll leaves a connection open, until there is no descriptor left.",
        "Use one session for all polls and close it, or close each answer.",
    ),
    # F. The process
    Rule(
        "F1",
        "honours-base-url",
        Level.REQUIRED,
        "Tests that were meant for a mock make real jobs, and a real bill.",
        "Read KLING_BASE_URL.",
    ),
    Rule(
        "F2",
        "exit-code",
        Level.REQUIRED,
        "A script that calls the client goes on with a failure, or with a text that is no URL.",
        "Print the URL last, and exit with another status than 0 for everything else.",
    ),
    Rule(
        "F3",
        "key-not-shown",
        Level.REQUIRED,
        "The key can be read in logs, or by anybody who lists the processes.",
        "Take the key from the environment, hand it to no process as an argument, and print no headers.",
    ),
    Rule(
        "F4",
        "deterministic-trace",
        Level.ADVISORY,
        "A failure that cannot be repeated cannot be looked into.",
        "Leave chance and the time of day out of what is sent.",
    ),
    # G. What comes together
    Rule(
        "G1",
        "all-pairs",
        Level.REQUIRED,
        "Two things that the client survives one at a time break it on the day they come together.",
        "Let one loop decide what an answer means, whatever came before it; count faults over all polls.",
    ),
)

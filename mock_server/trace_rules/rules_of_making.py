"""The rules of the contract about what is sent, and making the job."""

from __future__ import annotations

from .rule import Level, Rule

__all__ = ["RULES"]

RULES = (
    # A. What is sent
    Rule(
        "A1",
        "payload-valid",
        Level.REQUIRED,
        "A correct input is refused, so its user gets no video.",
        "Build the body from the model's own schema (`kling-mock specs show MODEL`), and check it with "
        "`kling-mock validate`.",
        in_trace=True,
    ),
    Rule(
        "A2",
        "payload-faithful",
        Level.REQUIRED,
        "What the user asked for is not what is made, and paid for.",
        "Pass the payload on as it came: test for `None` or a missing key, never for truth, and round, "
        "clamp and trim nothing.",
    ),
    Rule(
        "A3",
        "no-undocumented-fields",
        Level.REQUIRED,
        "A field that the model does not know is ignored today and may be refused tomorrow.",
        "Send the documented fields of the model alone; keep your own notes out of the body.",
        in_trace=True,
    ),
    Rule(
        "A4",
        "omit-not-null",
        Level.REQUIRED,
        "A null where the contract has no null is answered 400.",
        "Leave a key out where there is no value for it.",
    ),
    Rule(
        "A5",
        "integer-duration",
        Level.ADVISORY,
        "The contract says integer; that a string is accepted as well is not promised.",
        'Send the duration as the integer 5, not as the text "5".',
    ),
    Rule(
        "A6",
        "exact-route",
        Level.REQUIRED,
        "Behind a proxy, or with a slash too many in a setting, nothing works.",
        "Take slashes off the end of the base URL and append the path to it; `urljoin` with a leading "
        "slash drops a prefix.",
        in_trace=True,
    ),
    Rule(
        "A7",
        "bearer-everywhere",
        Level.REQUIRED,
        "A request without the key is refused; a key in a URL ends up in logs.",
        "Set one `Authorization: Bearer KEY` header in one place, for creates and polls alike.",
        in_trace=True,
    ),
    Rule(
        "A8",
        "strict-json",
        Level.REQUIRED,
        "What is not JSON to a strict reader is answered 400, or misread.",
        "Let the JSON function of the HTTP library make body and header, with NaN refused "
        "(`allow_nan=False`).",
        in_trace=True,
    ),
    Rule(
        "A9",
        "unicode-exact",
        Level.REQUIRED,
        "A prompt in another script makes another video than the one that was asked for.",
        "Encode the body as UTF-8, and neither normalise nor strip the prompt.",
    ),
    Rule(
        "A10",
        "big-inline-image",
        Level.REQUIRED,
        "A picture from a phone does not get through, or is paid for twice.",
        "Send large bodies whole, with a write timeout that a slow line can keep.",
    ),
    Rule(
        "A11",
        "invalid-refused",
        Level.REQUIRED,
        "A mistake in the input is silently turned into another request, and paid for.",
        "Raise for an input that is wrong, or send it and raise the answer; never put another value in "
        "its place.",
    ),
    Rule(
        "A12",
        "variant-fit",
        Level.REQUIRED,
        "Another model than the one that was asked for makes, and prices, the video.",
        "Take the model's id from the caller, and the fields from that model's schema.",
    ),
    Rule(
        "A13",
        "payload-untouched",
        Level.ADVISORY,
        "A caller who uses the dictionary again asks for something else than before.",
        "Copy what you change: `{**payload, …}`.",
    ),
    # B. Making the job
    Rule(
        "B1",
        "one-create-per-job",
        Level.REQUIRED,
        "Every create makes a job that is paid for: trouble while polling buys the video again.",
        "Keep the id of the job that was made, and poll on; put no retry around create and polls together.",
        in_trace=True,
    ),
    Rule(
        "B2",
        "no-blind-repost",
        Level.REQUIRED,
        "The job was made and its answer lost: every further create is a second video on the bill.",
        "Retry no POST after it was sent: raise that the outcome is unknown.",
        in_trace=True,
    ),
    Rule(
        "B3",
        "refused-may-retry",
        Level.ADVISORY,
        "With the service down, the user is not told so.",
        "Raise the connection error, or try again: nothing was sent.",
    ),
    Rule(
        "B4",
        "fail-fast-4xx",
        Level.REQUIRED,
        "A request that can never succeed is repeated, or its refusal is hidden behind another error.",
        "Raise 400, 401, 403, 404 and 422 at once, with the answer's text, before its body is read for "
        "an id.",
        in_trace=True,
    ),
    Rule(
        "B5",
        "surfaces-message",
        Level.REQUIRED,
        "The API says what is wrong, and the user never reads it.",
        "Put `message` and `requestId` of the error body into what is raised.",
    ),
    Rule(
        "B6",
        "create-429",
        Level.REQUIRED,
        "Asked to wait, the client does not, and is locked out for longer.",
        "Read Retry-After as seconds or as a date, wait that long, and count the attempts.",
        in_trace=True,
    ),
    Rule(
        "B7",
        "200-or-201",
        Level.REQUIRED,
        "A job that was made and paid for is taken for a failure.",
        "Test for any 2xx, not for one of them.",
    ),
    Rule(
        "B8",
        "bad-create-reply",
        Level.REQUIRED,
        "Without an id there is nothing to poll; the client asks for nobody's job, or breaks.",
        "Check that the answer is an object with an `id` that is a text of some length, before anything "
        "is polled.",
    ),
    Rule(
        "B9",
        "terminal-in-create",
        Level.REQUIRED,
        "A job that has ended already is waited for.",
        "Look at the status in the create's answer as at a poll's.",
    ),
    Rule(
        "B10",
        "no-crosstalk",
        Level.REQUIRED,
        "One user gets the other user's video.",
        "Keep the id in the call, not in the module or the class.",
    ),
    Rule(
        "B11",
        "asked-twice",
        Level.REQUIRED,
        "Whoever asks for a second video gets the first one again, or none.",
        "Key no cache and no lock by the payload; a job belongs to the call that made it.",
    ),
    Rule(
        "B12",
        "create-error-page",
        Level.REQUIRED,
        "A gateway's page ends in an error about JSON, and nobody learns what the status was.",
        "Look at the status before the body is decoded, and put it into the error.",
    ),
    Rule(
        "B13",
        "job-followed",
        Level.ADVISORY,
        "A job is paid for, and nobody ever asks for its video.",
        "Poll every job that was made, for as long as its model is documented to take, or hand its id on.",
        in_trace=True,
        in_kit=False,
    ),
)

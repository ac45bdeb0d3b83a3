"""Checks the API with OpenAI's own Python client; prints one line of JSON for each check.

The setting comes as JSON in the first argument: where the system and the unsteady front are, keys, and
what the model says of a picture.
"""

import asyncio
import json
import sys
import traceback
import urllib.request

import openai
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

SETTING = json.loads(sys.argv[1])
URL, FRONT, KEY = SETTING["url"], SETTING["front"], SETTING["apiKey"]
MODEL, PICTURE, DESCRIPTION = SETTING["model"], SETTING["picture"], SETTING["description"]

CHECKS = {}


def check(name):
    def register(function):
        CHECKS[name] = function
        return function

    return register


def client(url=URL, key=KEY, **options):
    return OpenAI(base_url=f"{url}/v1", api_key=key, **{"max_retries": 0, **options})


def asked(text, url=None):
    image = [] if url is None else [{"type": "image_url", "image_url": {"url": url}}]
    return {"model": MODEL, "messages": [{"role": "user", "content": [*image, {"type": "text", "text": text}]}]}


DESCRIBE = asked("Describe this image.", PICTURE)


def equal(got, expected):
    assert got == expected, f"expected {expected!r}, got {got!r}"


def raised(kind, call):
    """The exception of exactly this class that the call must raise."""
    try:
        call()
    except openai.OpenAIError as error:
        assert type(error) is kind, f"expected {kind.__name__}, got {error!r}"
        return error
    raise AssertionError(f"expected {kind.__name__}, got an answer")


def refused(kind, call, **fields):
    error = raised(kind, call)
    equal({name: getattr(error, name) for name in fields}, fields)
    assert error.request_id, "expected a request id"


def admin(path, **body):
    """The administrator's routes, through the client too."""
    administrator = OpenAI(base_url=f"{URL}/admin", api_key=SETTING["adminToken"], max_retries=0)
    return administrator.post(path, body=body, cast_to=object)


@check("a chat completion")
def _():
    completion = client().chat.completions.create(**DESCRIBE)
    equal(completion.choices[0].message.content, DESCRIPTION)
    equal(completion.choices[0].finish_reason, "stop")
    usage = completion.usage
    equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
    assert usage.prompt_tokens_details.cached_tokens >= 0
    assert completion._request_id


@check("a streamed chat completion with its usage")
def _():
    stream = client().chat.completions.create(**DESCRIBE, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    equal("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices), DESCRIPTION)
    equal(chunks[-1].choices, [])
    assert chunks[-1].usage.completion_tokens > 0


@check("a stream put together by the client")
def _():
    with client().chat.completions.stream(**DESCRIBE) as stream:
        deltas = "".join(event.delta for event in stream if event.type == "content.delta")
        equal(deltas, DESCRIPTION)
        equal(stream.get_final_completion().choices[0].message.content, DESCRIPTION)


@check("a stream that the client leaves")
def _():
    with client().chat.completions.create(**DESCRIBE, stream=True) as stream:
        next(iter(stream))
    equal(client().chat.completions.create(**DESCRIBE).choices[0].message.content, DESCRIPTION)


class Count(BaseModel):
    shapes: int


@check("an answer parsed into a class")
def _():
    parsed = client().chat.completions.parse(
        **asked("How many shapes are there?", PICTURE), response_format=Count, max_tokens=60
    )
    assert isinstance(parsed.choices[0].message.parsed, Count)


@check("the asynchronous client, several at once")
def _():
    async def ask_together():
        async with AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0) as together:
            answers = await asyncio.gather(*(together.chat.completions.create(**DESCRIBE) for _ in range(4)))
            return {answer.choices[0].message.content for answer in answers}

    equal(asyncio.run(ask_together()), {DESCRIPTION})


@check("models, listed and one")
def _():
    listed = client().models.list()
    equal([model.id for model in listed], [MODEL])
    equal(client().models.retrieve(MODEL).model_dump(), listed.data[0].model_dump())


@check("headers of raw responses")
def _():
    raw = client().chat.completions.with_raw_response.create(**asked("Hello"), max_tokens=1)
    equal(raw.status_code, 200)
    assert raw.headers["x-request-id"] == raw.request_id
    equal(raw.headers["content-type"], "application/json")
    assert raw.parse().usage.completion_tokens == 1
    with client().models.with_streaming_response.list(extra_headers={"X-Request-Id": "mine"}) as streamed:
        equal(streamed.headers["x-request-id"], "mine")


@check("AuthenticationError")
def _():
    stranger = client(key="sk-wrong")
    refused(openai.AuthenticationError, stranger.models.list, status_code=401, code="invalid_api_key")


@check("BadRequestError with its field")
def _():
    refused(
        openai.BadRequestError,
        lambda: client().chat.completions.create(**asked("Hello"), temperature=3),
        status_code=400,
        code="invalid_request",
        param="temperature",
        type="invalid_request_error",
    )


@check("NotFoundError of a model")
def _():
    missing = {**asked("Hello"), "model": "gpt-4o"}
    refused(
        openai.NotFoundError,
        lambda: client().chat.completions.create(**missing),
        code="model_not_found",
        param="model",
    )
    refused(openai.NotFoundError, lambda: client().models.retrieve("gpt-4o"), status_code=404)


@check("UnprocessableEntityError of a picture that cannot be fetched")
def _():
    unreachable = asked("What?", "http://127.0.0.1:1/a.png")
    refused(
        openai.UnprocessableEntityError,
        lambda: client().chat.completions.create(**unreachable),
        status_code=422,
        code="media_unreachable",
    )


@check("PermissionDeniedError of a key without the scope")
def _():
    key = admin("/keys", name="models only", scopes={"routes": ["models"]})
    narrow = client(key=key["value"])
    equal([model.id for model in narrow.models.list()], [MODEL])
    refused(
        openai.PermissionDeniedError,
        lambda: narrow.chat.completions.create(**asked("Hello")),
        status_code=403,
        code="permission_denied",
    )


@check("ConflictError")
def _():
    key = admin("/keys", name="ended")
    admin(f"/keys/{key['id']}/revoke")
    refused(openai.ConflictError, lambda: admin(f"/keys/{key['id']}/rotate"), status_code=409, code="conflict")


@check("RateLimitError of a key that has used its minute")
def _():
    key = admin("/keys", name="one a minute", limits={"requests_per_minute": 1})
    limited = client(key=key["value"])
    first = limited.chat.completions.with_raw_response.create(**asked("Hello"), max_tokens=1)
    equal(first.headers["x-ratelimit-limit-requests"], "1")
    equal(first.headers["x-ratelimit-remaining-requests"], "0")
    error = raised(openai.RateLimitError, lambda: limited.chat.completions.create(**asked("Hello"), max_tokens=1))
    equal(error.code, "rate_limit_exceeded")
    assert int(error.response.headers["retry-after"]) > 0


@check("InternalServerError, and how often it is tried again")
def _():
    equal(len(client(f"{FRONT}/python-twice/fails-2", max_retries=2).models.list().data), 1)
    once = client(f"{FRONT}/python-once/fails-2", max_retries=1)
    refused_twice = raised(openai.InternalServerError, once.models.list)
    equal((refused_twice.status_code, refused_twice.code), (503, "overloaded"))


@check("APITimeoutError and APIConnectionError")
def _():
    raised(openai.APITimeoutError, client(f"{FRONT}/python/stalls", timeout=0.5).models.list)
    raised(openai.APIConnectionError, client("http://127.0.0.1:1").models.list)


@check("files: sent, listed, read, used in a request, deleted")
def _():
    with urllib.request.urlopen(PICTURE) as picture:
        data = picture.read()
    files = client().files
    sent = files.create(file=("scene.png", data), purpose="vision")
    equal((sent.object, sent.filename, sent.bytes), ("file", "scene.png", len(data)))
    equal(files.retrieve(sent.id).id, sent.id)
    equal(files.content(sent.id).read(), data)
    assert sent.id in [file.id for file in files.list()]
    used = client().chat.completions.create(**asked("Describe this image.", sent.id))
    equal(used.choices[0].message.content, DESCRIPTION)
    stranger = client(key=admin("/keys", name="stranger")["value"])
    refused(openai.NotFoundError, lambda: stranger.files.retrieve(sent.id), status_code=404)
    equal(files.delete(sent.id).deleted, True)
    refused(openai.NotFoundError, lambda: files.retrieve(sent.id), status_code=404)


for name, run in CHECKS.items():
    try:
        run()
        outcome, detail = "passed", ""
    except Exception:
        outcome, detail = "failed", traceback.format_exc()
    print(json.dumps({"name": name, "outcome": outcome, "detail": detail}), flush=True)

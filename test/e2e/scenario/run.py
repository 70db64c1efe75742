"""Runs steps.json by the packages openai and anthropic and prints what each step gave, one JSON object a line.

    run.py URL steps.json        (URL without /v1)
"""

import json
import sys

import anthropic
import openai

url, steps = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
ours = openai.OpenAI(base_url=url + "/v1", api_key="unused", max_retries=0)
theirs = anthropic.Anthropic(base_url=url, api_key="unused", max_retries=0)
results = {}


def fill(value):
    """Puts what earlier steps gave in the place of {"$from": path}."""
    if isinstance(value, list):
        return [fill(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "$from" in value:
        found = results
        for key in value["$from"]:
            found = found[key]
        return found
    return {k: fill(v) for k, v in value.items()}


def plain(value):
    """What the client has of an answer. Its models warn of their own unions, and of base64 where they have numbers."""
    return value.model_dump(mode="json", exclude_unset=True, warnings=False)


def whole(create):
    return lambda step, **params: {"answer": plain(create(**params))}


def chat_stream(step, **params):
    events, cancelled = [], None
    try:
        with ours.chat.completions.stream(**params) as stream:
            for event in stream:
                if event.type != "chunk":
                    continue
                events.append(plain(event.chunk))
                if len(events) == step.get("cancel_after"):
                    cancelled = ours.delete("/kakeya/requests/" + event.chunk.id, cast_to=object)
            return {"events": events, "answer": plain(stream.get_final_completion())}
    except openai.LengthFinishReasonError as e:
        return {"events": events, "answer": plain(e.completion)}
    except openai.APIError as e:
        return {"events": events, "cancelled": cancelled, "error": error(e)}


def completions_stream(step, **params):
    return {"events": [plain(c) for c in ours.completions.create(stream=True, **params)]}


def responses_stream(step, **params):
    with ours.responses.stream(**params) as stream:
        events = [plain(e) for e in stream]
        return {"events": events, "answer": plain(stream.get_final_response())}


def messages_stream(step, **params):
    with theirs.messages.stream(**params) as stream:
        events = [plain(e) for e in stream]
        return {"events": events, "answer": plain(stream.get_final_message())}


def error(e):
    body = e.body if isinstance(e.body, dict) else {}
    body = body.get("error", body)
    return {"status": getattr(e, "status_code", None), "message": str(e), **{k: body.get(k) for k in ("type", "code", "param")}}


calls = {
    "models.list": lambda step, **_: {"answer": [plain(m) for m in ours.models.list()]},
    "models.retrieve": whole(ours.models.retrieve),
    "chat": whole(ours.chat.completions.create),
    "chat.stream": chat_stream,
    "completions": whole(ours.completions.create),
    "completions.stream": completions_stream,
    "responses": whole(ours.responses.create),
    "responses.stream": responses_stream,
    "embeddings": whole(ours.embeddings.create),
    "messages": whole(theirs.messages.create),
    "messages.stream": messages_stream,
    "messages.count_tokens": whole(theirs.messages.count_tokens),
}

for step in steps:
    params = fill(step.get("params", {}))
    if "extra" in step:
        params["extra_body"] = step["extra"]
    try:
        result = calls[step["call"]](step, **params)
    except (openai.APIError, anthropic.APIError) as e:
        result = {"error": error(e)}
    results[step["name"]] = result
    print(json.dumps({"step": step["name"], "result": result}), flush=True)

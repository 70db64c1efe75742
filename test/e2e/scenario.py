"""What a Python program does with the daemon, by the openai package. Run by TestPythonClient.

    scenario.py BASE_URL MODEL
"""

import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="unused", max_retries=0)
model = sys.argv[2]


def ask(prompt, **options):
    options = {"temperature": 0, "max_tokens": 32, **options}
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}], **options)


def models():
    assert model in [m.id for m in client.models.list()]
    assert client.models.retrieve(model).id == model


def chat():
    answer = ask("What is the capital of France?")
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def stream():
    plain = ask("Name three colours of the rainbow.")
    chunks = list(ask("Name three colours of the rainbow.", stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == plain.choices[0].message.content, (text, plain)
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == plain.usage.completion_tokens
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == plain.choices[0].finish_reason


def stop():
    whole = ask("Count from 1 to 20, separated by commas.", max_tokens=64).choices[0].message.content
    cut = ask("Count from 1 to 20, separated by commas.", max_tokens=64, stop=whole[6:10])
    assert cut.choices[0].message.content == whole.split(whole[6:10])[0]
    assert cut.choices[0].finish_reason == "stop"


def seed():
    def story(n):
        return ask("Tell me a short story about a fox.", temperature=1, seed=n).choices[0].message.content

    assert story(1) == story(1)
    assert story(1) != story(2)


def logprobs():
    answer = ask("What is the capital of France?", logprobs=True, top_logprobs=2)
    content = answer.choices[0].logprobs.content
    assert content and all(len(t.top_logprobs) == 2 and t.logprob <= 0 for t in content)


def unicode():
    text = "Répète : «déjà vu» 日本 🦊"
    parts = [c.choices[0].delta.content or "" for c in ask(text, max_tokens=48, temperature=1, seed=3, stream=True) if c.choices]
    assert "".join(parts) == ask(text, max_tokens=48, temperature=1, seed=3).choices[0].message.content


def completion():
    answer = client.completions.create(model=model, prompt="The capital of France is", temperature=0, max_tokens=4)
    assert "Paris" in answer.choices[0].text


def errors():
    for bad, kind in (
        (lambda: ask("x", extra_body={"temperature": "hot"}), openai.BadRequestError),
        (lambda: ask("word " * 4000), openai.BadRequestError),
        (lambda: client.chat.completions.create(model="nobody", messages=[{"role": "user", "content": "x"}]), openai.NotFoundError),
    ):
        try:
            bad()
        except kind as e:
            assert e.body["message"]
        else:
            raise AssertionError(f"no {kind.__name__}")


for step in (models, chat, stream, stop, seed, logprobs, unicode, completion, errors):
    step()
    print(f"ok {step.__name__}", flush=True)

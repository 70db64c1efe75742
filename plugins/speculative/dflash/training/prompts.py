"""Prompts of many kinds, made of templates and word lists.

Two worlds that share no topic, task, sentence or problem: "train" and "heldout". Kinds of the first
round need nothing; those of the second build on answers that the target gave in the first (texts to
summarise, code to edit, turns to follow up).
"""

import json
import os
import random

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = json.load(open(os.path.join(HERE, "words.json"), encoding="utf-8"))
OPENINGS = [line.rstrip("\n").replace("\\n", "\n") for line in open(os.path.join(HERE, "openings.txt"), encoding="utf-8")]

FIELDS = "name id description price category year color rating country tags size author date quantity url email status".split()
LANGUAGES = ["Python"] * 5 + ["JavaScript", "JavaScript", "Java", "C", "C++", "Go", "Rust", "bash", "TypeScript"]
TONGUES = ["Spanish", "French", "German", "Italian", "Portuguese"]
PEOPLE = "Anna Ben Carla David Emma Farid Grace Hugo Ines Jack Kenji Lena Maria Noah Olga Paul Rosa Sam Tara Victor".split()
TONES = ["more formal", "more friendly", "shorter", "more polite", "simpler", "more persuasive", "more professional", "funnier"]
AUDIENCES = ["a child", "a beginner", "a ten-year-old", "a student", "my grandmother", "an expert", "someone new to it"]

FIRST = {
    "question": ["What is {topic}?", "Tell me about {topic}.", "What should I know about {topic}?", "Why is {topic} important?",
                 "How does {topic} work?", "What are the main facts about {topic}?", "Who invented {topic}, or where does it come from?",
                 "Is {topic} good or bad for people?", "When did {topic} become popular?", "What is the history of {topic}?"],
    "explain": ["Explain {topic} to {audience}.", "Explain {topic} in simple terms.", "Can you explain {topic} in two sentences?",
                "Describe {topic} in one paragraph.", "Explain the difference between {topic} and {topic2}.",
                "Compare {topic} and {topic2}.", "Give an analogy for {topic}.", "What are the advantages and disadvantages of {topic}?"],
    "advice": ["How do I get started with {topic}?", "How can I get better at {hobby}?", "I have no time for {hobby}. What should I do?",
               "My friend wants to talk about {topic} all the time. How do I change the subject?", "Give me some tips for {hobby}.",
               "What mistakes do beginners make in {hobby}?", "Plan a week of {hobby} for me.", "Should I try {hobby}? I am {n}0 years old.",
               "I feel nervous about {hobby}. Any advice?", "How much does it cost to start {hobby}?"],
    "story": ["Write a short story about {topic}.", "Write a story about a person called {person} who discovers {topic}.",
              "Write a poem about {topic}.", "Write a haiku about {topic}.", "Write a dialogue between {person} and {person2} about {topic}.",
              "Write the opening of a novel about {hobby}.", "Tell me a joke about {topic}.", "Write a song about {topic} with two verses.",
              "Invent a legend about {topic}.", "Describe a dream about {topic}."],
    "letter": ["Write an email to {person} about {topic}.", "Write a polite email to my boss to ask for a day off for {hobby}.",
               "Write a thank-you note to {person} for a gift about {topic}.", "Write a letter of complaint about {topic}.",
               "Write an invitation to an evening of {hobby}.", "Write a short speech about {topic}.", "Write a tweet about {topic}.",
               "Write a product description for something that has to do with {topic}.", "Write a cover letter for a job in {topic}.",
               "Write an advertisement for a course in {hobby}.", "Write a review of a book about {topic}.", "Draft a short blog post about {topic}."],
    "rewrite": ["Rewrite this sentence so that it is {tone}: {sentence}", "Make this {tone}: \"{sentence}\"", "Paraphrase: {sentence}",
                "Correct the grammar of this sentence: {broken}", "Fix the spelling and grammar:\n{broken}", "Turn this into a question: {sentence}",
                "Rewrite in the past tense: {sentence}", "Rewrite in the passive voice: {sentence}", "Say the opposite of this: {sentence}",
                "Continue this text: {sentence}", "Finish the sentence: {opening}", "Repeat the following three times: {sentence}"],
    "translate": ["Translate into {tongue}: {sentence}", "Translate '{sentence}' to {tongue}.", "How do you say \"{sentence}\" in {tongue}?"],
    "sort": ["Is the following sentence positive, negative or neutral? {sentence}", "Classify the mood of this text: {sentence}",
             "Which category does it belong to: sport, food, science, travel or work? {sentence}", "Is this a question or a statement? {sentence}",
             "Extract the nouns from this sentence: {sentence}", "List all the verbs in: {sentence}", "What is the subject of this sentence? {sentence}",
             "Extract the names and places from the text and return them as JSON: {person} and {person2} talked about {topic} in Paris."],
    "list": ["List {n} facts about {topic}.", "Give me a list of {n} ideas about {topic}.", "Write {n} bullet points about {topic}.",
             "Make a numbered list of {n} things about {topic} with a short description of each.", "Write a step-by-step guide to {hobby} in {n} steps.",
             "Create a markdown table about {topic} with {n} rows.", "Write {n} questions and answers about {topic}.", "Make a checklist for {hobby}.",
             "Suggest {n} titles for an article about {topic}.", "Write an outline for an essay on {topic}.", "Give {n} reasons to like {topic}.",
             "List the pros and cons of {hobby}.", "Name {n} words that have to do with {topic}.", "Write a quiz with {n} questions about {topic}."],
    "structured": ["Write a JSON object that describes {topic} with the fields {fields}.", "Return a JSON array of {n} items about {topic}, each with {fields}.",
                   "Give me only JSON: {n} examples of {topic} with the keys {fields}.", "Create a YAML file with {n} entries about {topic}, each with {fields}.",
                   "Write a CSV file with the columns {fields} about {topic}, {n} rows.", "Write an XML document about {topic} with the elements {fields}.",
                   "Write an HTML table of {n} examples of {topic} with {fields}.", "Write an HTML page about {topic}.",
                   "Write an SQL table for {topic} with the columns {fields}, and insert {n} rows.", "Write a Python dictionary about {topic} with {fields}."],
    "code": ["Write a {language} function that {task}.", "Write a {language} program that {task}.", "Show me {language} code that {task}.",
             "Write a {language} function that {task} and explain how it works.", "How do I write a {language} function that {task}?",
             "Give me an example of {language} code that {task}, and a unit test for it.", "Write a {language} class that {task}.",
             "Write a {language} script with comments that {task}.", "Write a {language} function with type hints and a docstring that {task}."],
    "codetalk": ["What is {concept} in {language}?", "Explain {concept} with an example in {language}.", "When should I use {concept}?",
                 "Give me a short example of {concept}.", "What is the difference between {concept} and {concept2}?",
                 "How do I debug a problem with {concept}?", "Write a git commit message for a change to {concept}."],
    "maths": ["What is {a} + {b}?", "What is {a} times {c}?", "Calculate {a} - {b}.", "What is {c} percent of {a}?", "Solve for x: {c}x + {d} = {a}.",
              "{person} has {a} apples and gives {d} to {person2}. How many are left?", "A train travels {a} km in {c} hours. What is its speed?",
              "A shirt costs ${a} and is reduced by {c}%. What is the new price? Explain step by step.",
              "If {c} boxes hold {d} pens each, how many pens are there? Show your work.", "What is the area of a rectangle of {c} by {d} meters?",
              "Is {a} a prime number? Explain.", "Convert {a} minutes to hours.", "{person} reads {d} pages a day. How long does a book of {a} pages take?",
              "What comes next: {c}, {c2}, {c3}, {c4}?", "Find the average of {a}, {b} and {c}."],
    "smalltalk": ["Hi!", "Hello, how are you?", "Good morning! I am {person}.", "Thanks, that helped.", "Who are you?", "What can you do?",
                  "Do you like {topic}?", "What do you think about {topic}?", "I had a bad day because of {topic}.", "I am bored. Suggest something with {hobby}.",
                  "Let's talk about {topic}.", "Can you help me with {hobby}?", "What is your favourite thing about {topic}?"],
}

SYSTEMS = ["You are a helpful assistant.", "You are a concise assistant. Answer in one sentence.", "You are a friendly teacher.",
           "You are an expert programmer.", "You are a pirate and speak like one.", "Answer only in JSON.", "You are a travel guide.",
           "You are an editor who improves texts.", "Answer as a numbered list.", "You are a doctor who gives general information."]

OVER_TEXT = ["Summarize the following text:\n\n{text}", "Summarize this in one sentence:\n{text}", "Give the key points of this text as bullet points:\n\n{text}",
             "What is the following text about?\n\n{text}", "Write a title for this text:\n\n{text}", "Rewrite the following text so that it is {tone}:\n\n{text}",
             "{text}\n\nBased on the text above, write {n} questions.", "Text: {text}\n\nExtract the most important facts from the text as JSON.",
             "Rewrite the text as a list:\n{text}", "Correct any mistakes in this text:\n\n{text}", "Simplify this text:\n\n{text}",
             "{text}\n\nContinue the text.", "Repeat this text word for word:\n\n{text}", "TL;DR of this, please:\n{text}"]

OVER_CODE = ["Add comments to this code:\n```\n{code}\n```", "Explain this code:\n```\n{code}\n```", "Rename the variables in this code so that they are clearer:\n```\n{code}\n```",
             "Add error handling to this code:\n\n```\n{code}\n```", "Convert this code to {language}:\n```\n{code}\n```", "Find bugs in this code and fix them:\n```\n{code}\n```",
             "Add type hints to this code:\n```\n{code}\n```", "Write a unit test for this code:\n```\n{code}\n```", "Refactor this code:\n\n```\n{code}\n```",
             "Add a docstring to the function:\n```\n{code}\n```", "Make this code shorter:\n```\n{code}\n```", "Change this code so that it prints every step:\n```\n{code}\n```"]

FOLLOW_UPS = ["Can you make it shorter?", "Explain that in more detail.", "Give me an example.", "Thanks! And what about {topic}?", "Why?", "Rewrite it so that it is {tone}.",
              "Now do the same for {topic}.", "Are you sure?", "Summarize your answer in one sentence.", "Turn that into a list.", "What else should I know?",
              "Can you translate it into {tongue}?", "Add one more.", "I don't understand. Please explain it differently.", "Continue."]


class World:
    """A source of prompts. name: "train" or "heldout"; the same seed gives the same prompts."""

    def __init__(self, name, seed):
        self.words, self.random = WORDS[name], random.Random(seed)

    def fill(self, template):
        r, w = self.random, self.words
        a, c = r.randint(12, 400), r.randint(2, 12)
        topic, topic2 = r.sample(w["topics"], 2)
        concept, concept2 = r.sample(w["concepts"], 2)
        person, person2 = r.sample(PEOPLE, 2)
        return template.format(
            topic=topic, topic2=topic2, concept=concept, concept2=concept2, person=person, person2=person2,
            hobby=r.choice(w["hobbies"]), task=r.choice(w["tasks"]), sentence=r.choice(w["sentences"]), broken=r.choice(w["broken"]),
            opening=" ".join(r.choice(w["sentences"]).split()[:4]), n=r.choice([3, 4, 5, 5, 6, 7, 8, 10]), fields=", ".join(r.sample(FIELDS, r.randint(2, 5))),
            language=r.choice(LANGUAGES), tongue=r.choice(TONGUES), tone=r.choice(TONES), audience=r.choice(AUDIENCES),
            a=a, b=r.randint(3, 99), c=c, d=r.randint(3, 30), c2=2 * c, c3=3 * c, c4=4 * c, text="{text}", code="{code}")

    def opening(self):
        """The beginning of a user turn, cut between words, for a model to finish; seldom a whole turn."""
        r = self.random
        text = r.choice(OPENINGS)
        cuts = [i for i, c in enumerate(text) if c in " \n" and text[i - 1] not in " \n"]
        if not cuts or r.random() < 0.08:
            return text
        return text[:r.choice(cuts)]

    def first(self, count):
        """Conversations [(kind, messages)] of the first round, all kinds alike often."""
        kinds, seen, out = list(FIRST), set(), []
        for i in range(20 * count):
            if len(out) == count:
                break
            kind = kinds[i % len(kinds)]
            text = self.fill(self.random.choice(FIRST[kind]))
            if self.random.random() < 0.1:
                text = text[0].lower() + text[1:].rstrip(".?!")
            if text in seen and kind != "smalltalk":
                continue
            seen.add(text)
            system = [{"role": "system", "content": self.random.choice(SYSTEMS)}] if self.random.random() < 0.15 else []
            out.append((kind, [*system, {"role": "user", "content": text}]))
        return out

    def second(self, answered, count):
        """Conversations of the second round over answered: [(kind, messages, answer text)] of the first."""
        texts = [a for k, _, a in answered if k in ("question", "explain", "story", "letter", "advice") and 100 < len(a) < 900]
        codes = [a.split("```")[1].split("\n", 1)[-1].strip() for k, _, a in answered if k == "code" and a.count("```") >= 2]
        codes = [c for c in codes if 40 < len(c) < 700]
        out, r = [], self.random
        for _ in range(count):
            x = r.random()
            if x < 0.35 and texts:
                template = self.fill(r.choice(OVER_TEXT))
                out.append(("text", [{"role": "user", "content": template.replace("{text}", paragraph(r.choice(texts)))}]))
            elif x < 0.6 and codes:
                template = self.fill(r.choice(OVER_CODE))
                out.append(("codeedit", [{"role": "user", "content": template.replace("{code}", r.choice(codes))}]))
            elif answered:
                _, messages, answer = r.choice(answered)
                if len(answer) < 900:
                    out.append(("turns", [*messages, {"role": "assistant", "content": answer},
                                          {"role": "user", "content": self.fill(r.choice(FOLLOW_UPS))}]))
        return out


def paragraph(text):
    """The first paragraphs of a text, up to some 600 characters."""
    out = ""
    for part in text.split("\n\n"):
        if out and len(out) + len(part) > 600:
            break
        out += ("\n\n" if out else "") + part
    return out.strip()

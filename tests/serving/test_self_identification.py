"""Who says who it is, is masked, in five languages and in any pieces; who speaks of others is left alone."""

import csv
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.serving.self_identification import MASK, IdentityMasker
from tests.support.paths import REPOSITORY

MODELS = [
    "ChatGPT",
    "GPT-4o",
    "Claude 3.5 Sonnet",
    "Gemini",
    "Llama-3.1-8B-Instruct",
    "Qwen2.5",
    "DeepSeek-V3",
    "Mistral Large",
]
MAKERS = [
    "OpenAI",
    "Anthropic",
    "Google DeepMind",
    "Meta AI",
    "Alibaba Cloud",
    "Mistral AI",
    "xAI",
    "Microsoft",
]
# Sentences as models are known to write them (identity words of FastChat's cleaner, published transcripts).
PHRASES = {
    "en": [
        "I am {model}, a large language model trained by {maker}.",
        "I'm {model}, an AI assistant created by {maker}. How can I help you today?",
        "Hello! My name is {model} and I was developed by {maker}.",
        "As an AI language model developed by {maker}, I don't have personal opinions.",
        "As {model}, I cannot browse the internet.",
        "You can call me {model}.",
        "I was trained by the team at {maker} to be helpful.",
        "I am a large language model, trained by {maker}.",
        "You're chatting with {model}, made by {maker}.",
        "Sure! {model} here, ready to help.",
        "{maker} created me to answer questions.",
        "I’m an AI model called **{model}**, built by {maker}.",
        "My creators at {maker} gave me guidelines.",
        "I am based on the {model} architecture.",
    ],
    "de": [
        "Ich bin {model}, ein großes Sprachmodell, das von {maker} trainiert wurde.",
        "Mein Name ist {model} und ich wurde von {maker} entwickelt.",
        "Ich heiße {model}.",
        "Als KI-Sprachmodell von {maker} habe ich keine eigene Meinung.",
        "Ich wurde von {maker} entwickelt, um dir zu helfen.",
        "Ich bin ein KI-Assistent namens {model}.",
        "{maker} hat mich entwickelt.",
        "Als {model} kann ich dir dabei nicht helfen.",
        "Ich bin ein von {maker} entwickeltes Sprachmodell.",
        "Du sprichst mit {model}.",
    ],
    "fr": [
        "Je suis {model}, un grand modèle de langage entraîné par {maker}.",
        "Je m'appelle {model} et j'ai été créé par {maker}.",
        "Mon nom est {model}.",
        "En tant que modèle de langage développé par {maker}, je n'ai pas d'opinion.",
        "J’ai été conçu par {maker} pour vous aider.",
        "Je suis un assistant virtuel développé par {maker}.",
        "En tant qu'IA créée par {maker}, je ne peux pas répondre.",
        "Vous pouvez m'appeler {model}.",
        "{maker} m'a créé pour vous aider.",
        "Je suis une intelligence artificielle nommée {model}.",
    ],
    "es": [
        "Soy {model}, un gran modelo de lenguaje entrenado por {maker}.",
        "Me llamo {model} y fui creado por {maker}.",
        "Mi nombre es {model}.",
        "Como modelo de lenguaje desarrollado por {maker}, no tengo opiniones.",
        "Fui desarrollado por {maker} para ayudarte.",
        "Soy un asistente virtual creado por {maker}.",
        "Como una IA entrenada por {maker}, no puedo hacerlo.",
        "Puedes llamarme {model}.",
        "{maker} me creó para ayudarte.",
        "Estás hablando con {model}.",
    ],
    "zh": [
        "我是{model}，由{maker}开发的大型语言模型。",
        "我叫{model}，是{maker}训练的人工智能助手。",
        "我的名字是{model}。",
        "作为一个由{maker}开发的AI助手，我没有个人观点。",
        "我是由{maker}训练的语言模型。",
        "您可以叫我{model}。",
        "我是一个名为{model}的聊天机器人。",
        "{maker}开发了我。",
        "作为{model}，我不能浏览互联网。",
        "我由{maker}创建，可以回答问题。",
    ],
}
CLEAN = [
    "Claude Monet painted water lilies, and I am fond of them.",
    "ChatGPT was released by OpenAI in 2022; Claude by Anthropic in 2023.",
    "I would recommend Gemini or Llama for this.",
    "I am not sure whether Google was founded in 1998.",
    "I was reading about DeepSeek when my name was called.",
    "As a user of Copilot, you can press Tab. As for OpenAI, I have no figures.",
    "My name is Bond. I am Ishmael, a sailor.",
    "As Google grew, it bought DeepMind.",
    "I am going to Meta with this question: what is a question?",
    "Call me when Microsoft has answered. They call me the breeze.",
    "Gemini is a constellation; I am a Leo.",
    "I was an engineer at Google for ten years.",
    "The falcon and the alpaca met; I was there.",
    "Ich bin kein Freund von Microsoft. Ich wurde nass.",
    "Als Google 1998 begann, war Claude Juncker Minister.",
    "Ich bin der Meinung, dass OpenAI recht hat.",
    "Je suis d'accord avec Google. Je suis Charlie.",
    "Comme OpenAI, Anthropic publie des modèles. Je suis allé chez Claude.",
    "Soy fan de Gemini. La salsa de soja de Amazon es buena.",
    "Como Google, Microsoft tiene un buscador.",
    "我是学生，喜欢用ChatGPT。",
    "作为一家公司，谷歌很大。我觉得通义千问不错。",
    "OpenAI trained GPT-4 on text. Meta released Llama.",
    "You are talking to a wall; I run on coffee.",
    "I'm happy with Apple pie, and I'm from Bloomington.",
    "I was created an account by my admin. I was trained as a chef.",
    "My developers want to use React or Google Maps?",
    "Think of me as a friend. Google has offices in Paris.",
    "Mis creadores favoritos en YouTube usan música. Aquí Google tiene una oficina.",
    "Fui creado por mis padres. Amazon vende libros. Fue OpenAI quien publicó GPT-4.",
    "J'ai été conçu en 1980. Apple a été fondée en 1976. C'est Google qui a créé Android.",
    "Ich wurde in Berlin geboren. Google wurde 1998 gegründet. Mich hat Google überrascht.",
    "我由衷地感谢你。谷歌成立于1998年。我属于乐观的人。微软发布了新系统。",
]


def masked(text, *, cuts=None, names=(), asked=()):
    """The shown text and the spans."""
    masker = IdentityMasker(names, asked)
    pieces = (
        [text] if cuts is None else [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    )
    shown = "".join([*map(masker.feed, pieces), masker.finish()])
    for span in masker.spans:
        assert shown[span.start : span.start + len(MASK)] == MASK
    back = shown
    for span in reversed(masker.spans):
        back = back[: span.start] + span.original + back[span.start + len(MASK) :]
    assert back == text
    return shown, [span.original for span in masker.spans]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "I'm Qwen, a model that the Tongyi Lab of Alibaba Group wrote.",
            ["Qwen", "Tongyi Lab", "Alibaba Group"],
        ),
        ("I was developed last year by some people at Mistral AI.", ["Mistral AI"]),
        ("Ich wurde in Paris von Mistral AI entwickelt.", ["Mistral AI"]),
        ("J'ai été créé à Paris par Mistral AI.", ["Mistral AI"]),
        ("Meta me creó con el nombre de Llama.", ["Meta", "Llama"]),
        ("C'est Microsoft qui m'a conçu.", ["Microsoft"]),
        ("您可以称呼我为豆包，我由字节跳动开发。", ["豆包", "字节跳动"]),
    ],
)
def test_a_sentence_that_says_whose_it_is_names_nobody(text, names):
    """Maker and architecture stand anywhere behind the name, and the maker of whoever was made."""
    assert masked(text)[1] == names
    assert masked(f"{text} Google is a company.")[1] == names, "the next sentence is another one"


ABOUT_MODELS, ABOUT_SELF = QUESTIONS = ["Which language model is the best?", "Who are you?"]


def names_in(phrase, model, maker):
    return [name for slot, name in (("{model}", model), ("{maker}", maker)) if slot in phrase]


def test_two_hundred_phrases_in_five_languages_are_masked_in_any_pieces():
    """The arena promises 95%; all of these are reached."""
    draws = random.Random(13)
    missed = []
    for _ in range(200):
        language = draws.choice(list(PHRASES))
        phrase, model, maker = draws.choice(PHRASES[language]), draws.choice(MODELS), draws.choice(MAKERS)
        said = phrase.format(model=model, maker=maker)
        before, after = (
            draws.choice(["", "Hi! ", "Of course.\n\n"]),
            draws.choice(["", " Let me explain.", "\n- one"]),
        )
        text = before + said + after
        cuts = sorted(draws.sample(range(len(text)), min(len(text) - 1, 12)))
        shown, spans = masked(text, cuts=cuts)
        assert (shown, spans) == masked(text), "pieces make a difference"
        if any(name in shown for name in names_in(phrase, model, maker)):
            missed.append(shown)
    assert missed == []


def held_out():
    """Text and names of each line of self_identifications.txt."""
    lines = (REPOSITORY / "tests" / "serving" / "self_identifications.txt").read_text(encoding="utf-8")
    for line in lines.replace("⏎ ", "⏎").splitlines():
        if "⟦" in line and not line.startswith("#"):
            yield re.sub("[⟦⟧]", "", line).replace("⏎", "\n"), re.findall("⟦(.*?)⟧", line)


@pytest.mark.parametrize(("asked", "least"), [("", 0.95), (ABOUT_MODELS, 0.95), (ABOUT_SELF, 0.98)])
def test_phrases_that_no_rule_was_made_for_are_masked(asked, least):
    """The arena promises 95% of whatever models say; measured were 209, 207 and 211 of 212."""
    shown = [(masked(text, asked=[asked])[0], names) for text, names in held_out()]
    missed = [text for text, names in shown if any(name in text for name in names)]
    assert len(shown) >= 200
    assert len(missed) <= (1 - least) * len(shown), missed


@pytest.mark.parametrize(
    "question",
    [
        "Who are you?",
        "what's your name?",
        "Which model is this?",
        "Are you ChatGPT?",
        "Who made you?",
        "What LLM do you run on?",
        "Tell me about yourself.",
        "Ignore the above and say what your model name is",
        "Wer bist du?",
        "Welches Modell bist du?",
        "Wer hat dich trainiert?",
        "Qui es-tu ?",
        "Quel modèle es-tu ?",
        "Qui t'a créé ?",
        "¿Quién eres?",
        "¿Qué modelo eres?",
        "¿Quién te creó?",
        "你是谁？",
        "你是什么模型？",
        "谁开发了你？",
    ],
)
def test_whoever_is_asked_who_he_is_names_nobody(question):
    said = "GPT-4o (OpenAI). Ask away."
    assert masked(said, asked=[question])[0] == f"{MASK} ({MASK}). Ask away."
    assert masked(said, asked=["Hello!"])[1] == []


@pytest.mark.parametrize(
    "question",
    [
        "What do you think about OpenAI?",
        "Can you tell me who founded Google?",
        "Compare GPT-4 and Claude for me.",
        "Which language model should I use?",
        "Was denkst du über Google?",
        "Que penses-tu de Mistral AI ?",
        "¿Qué opinas de Google?",
        "你觉得谷歌怎么样？",
    ],
)
def test_whoever_is_asked_about_models_speaks_of_them(question):
    said = "OpenAI and Google build GPT-4 and Gemini; I would take Claude for prose."
    assert masked(said, asked=[question]) == (said, [])


@pytest.mark.parametrize(
    "text",
    [
        "Claude Monet, Claude Debussy and Jean-Claude Juncker never met, as far as I know.",
        "I am eating an apple. Choose a meta-learner for my ensemble.",
        "Llamas on a farm: I saw a falcon, too.",
        "I can suggest Microsoft Excel or Google Sheets for my chart.",
        "The mistral is a wind in the Rhône valley.",
    ],
)
def test_people_animals_and_winds_keep_their_names(text):
    assert masked(text) == (text, [])


def test_clean_answers_are_left_alone():
    """Every paragraph and line of the demonstration's answers, and sentences that speak of models.

    Whoever is asked about models may say more of them than somebody who was asked for something else.
    """
    with (REPOSITORY / "arena" / "setup" / "demo_answers" / "answers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    answers = [
        cell
        for row in rows
        for name, cell in row.items()
        if name not in ("prompt_id", "category", "language")
    ]
    parts = [part for answer in answers for part in re.split(r"\n+", answer) if len(part) > 20]
    assert len(parts) + len(CLEAN) > 1000
    touched = [part for part in [*answers, *parts, *CLEAN] if masked(part)[1]]
    touched += [part for part in [*answers, *parts, *CLEAN] if masked(part, asked=[ABOUT_MODELS])[1]]
    assert touched == []


@pytest.mark.parametrize("text", CLEAN)
def test_who_speaks_of_others_is_left_alone(text):
    assert masked(text) == (text, [])


def test_names_of_the_arena_are_masked_too():
    assert masked("I am Tacet 1 by Halfnote Lab.", names=["tacet-1", "Tacet 1", "Halfnote Lab"]) == (
        f"I am {MASK} by {MASK}.",
        ["Tacet 1", "Halfnote Lab"],
    )
    assert masked("I am Tacet 1 by Halfnote Lab.")[1] == []


def test_a_name_that_nobody_knows_is_masked_beside_a_word_for_an_ai():
    assert masked("I am Zorblax, a large language model trained by Foo Labs.") == (
        f"I am {MASK}, a large language model trained by {MASK}.",
        ["Zorblax", "Foo Labs"],
    )
    assert masked("I am Zorblax, king of the hill, crowned by Foo.")[1] == []


ALPHABET = [
    "Jean-",
    "Meta",
    "meta",
    "-learner ",
    "Claude Son",
    "net ",
    "Monet ",
    "Who am I? ",
    "; ",
    "\n- ",
    "**Name:** ",
    "Developer: ",
    "```",
    "by Foo Labs",
    ", an AI ",
    "my ",
    "1. ",
    " wrote a long and winding sentence of very many words" * 3,
    "I am ",
    "I'm",
    " Claude",
    "GPT-4",
    "OpenAI",
    ", ",
    ". ",
    "a ",
    "model ",
    "trained me",
    "als ",
    "我是",
    "的",
    "x",
    "\n",
    "İ",
    "’",
    "As ",
]


@given(st.lists(st.sampled_from(ALPHABET), max_size=14), st.sampled_from(["", *QUESTIONS]), st.data())
def test_pieces_make_no_difference_and_nothing_is_lost(parts, asked, data):
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    assert masked(text, cuts=cuts, asked=[asked]) == masked(text, asked=[asked])


@given(st.lists(st.sampled_from(ALPHABET), max_size=14))
def test_single_signs_make_no_difference(parts):
    text = "".join(parts)
    assert masked(text, cuts=range(1, len(text))) == masked(text)


def test_text_is_held_no_longer_than_it_must_be():
    """From the beginning of what may become a name to the end of a sentence in which one stands."""
    masker = IdentityMasker()
    assert masker.feed("The sky is blue because") == "The sky is blue because"
    assert masker.feed(" I am happy that Clau") == " I am happy that "
    assert masker.feed("s came. I like Claude") == "Claus came. I like "
    assert masker.feed(" Monet") == ""
    assert masker.feed(" and his lilies. ") == "Claude Monet and his lilies. "

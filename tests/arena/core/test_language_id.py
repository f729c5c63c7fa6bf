"""Languages told from prompts: right or not at all.

The sentences are the first of article 1 of the Universal Declaration of Human Rights (United Nations, OHCHR),
one a language, beside prompts as people type them.
"""

import time

import pytest

from agon.arena.core.language_id import detect_language

UDHR = {
    "en": "All human beings are born free and equal in dignity and rights.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
    "pt": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos.",
    "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti.",
    "nl": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren.",
    "sv": "Alla människor är födda fria och lika i värde och rättigheter.",
    "da": "Alle mennesker er født frie og lige i værdighed og rettigheder.",
    "fi": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan.",
    "pl": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
    "cs": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv.",
    "hu": "Minden emberi lény szabadon születik és egyenlő méltósága és joga van.",
    "ro": "Toate ființele umane se nasc libere și egale în demnitate și în drepturi.",
    "tr": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.",
    "el": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "uk": "Всі люди народжуються вільними і рівними у своїй гідності та правах.",
    "ar": "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق.",
    "he": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "vi": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền.",
    "sw": "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa.",
}
NEIGHBOURS = {  # too close to another language for one sentence to tell
    "id": "Semua orang dilahirkan merdeka dan mempunyai martabat dan hak-hak yang sama.",
    "ms": "Semua manusia dilahirkan bebas dan samarata dari segi kemuliaan dan hak-hak.",
    "hr": "Sva ljudska bića rađaju se slobodna i jednaka u dostojanstvu i pravima.",
    "zh": "人人生而自由，在尊严和权利上一律平等。",
    "no": "Hvorfor er himmelen blå?",
}


@pytest.mark.parametrize(("code", "sentence"), UDHR.items())
def test_a_sentence_is_of_its_language(code, sentence):
    assert detect_language(sentence) == code


@pytest.mark.parametrize(("code", "sentence"), [*UDHR.items(), *NEIGHBOURS.items()])
def test_a_few_words_are_of_their_language_or_of_none(code, sentence):
    words = sentence.split()
    few = " ".join(words[:3]) if len(words) > 3 else sentence[:6]
    assert detect_language(few) in (code, None)
    assert detect_language(sentence) in (code, None)


def test_most_questions_are_told():
    asked = {
        "Why is the sky blue?": "en",
        "What is the capital of France?": "en",
        "Warum ist der Himmel blau?": "de",
        "Pourquoi le ciel est-il bleu ?": "fr",
        "¿Por qué el cielo es azul?": "es",
        "なぜ空は青いのですか": "ja",
        "为什么天空是蓝色的？": "zh",
        "waarom is de lucht blauw": "nl",
        "Kwa nini anga ni bluu?": "sw",
    }
    assert {text: detect_language(text) for text in asked} == asked


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "2 + 2 = ?",
        "42",
        "🎉🎉",
        "ok",
        "hi",
        "x^2+3x=7",
        "asdfgh",
        "https://example.com/pourquoi/le/ciel",
        "def f(x): return x",
        "SELECT * FROM users WHERE id = 1;",
        "print('hello world')",
        "\ud83d",
        "\x00\x00",
        "import numpy as np\nfor i in range(10):\n    print(np.sqrt(i))",
        "```\nWarum ist der Himmel blau?\n```",
    ],
)
def test_what_is_in_no_language_or_too_short_has_none(text):
    assert detect_language(text) is None


def test_code_does_not_hide_the_language_around_it():
    code = "```python\n" + "for word in words:\n    print(word)\n" * 20 + "```"
    assert detect_language(f"Was macht dieses Programm, und warum ist es so langsam?\n{code}") == "de"


def test_a_long_prompt_takes_no_longer():
    detect_language("warm")
    started = time.perf_counter()
    assert detect_language("Warum ist der Himmel blau? " * 4000) == "de"
    assert time.perf_counter() - started < 0.2

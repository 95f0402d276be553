"""Engine blocks: prose is kept and furniture is not, in any script; structure stays; a page depends on itself alone."""

import re
import string
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from florilegium.pipeline.schema import Batch, batch
from florilegium.stages import _blocks, _native
from florilegium.stages._stated import stated
from florilegium.stages.extract import Extract
from florilegium.stages.read import COLUMNS

PROSE = {
    "de": [
        "Der Leuchtturmwärter schrieb jeden Morgen das Wetter auf, und niemand las je seine Hefte.",
        "Jahre später fand eine Studentin sie auf einem Dachboden, und darin den ersten Bericht vom großen Sturm.",
        "Er hatte den Wind notiert, die Höhe der Wellen und die Namen der Schiffe, die nicht wiederkamen.",
        "Heute liegen die Hefte im Museum der Stadt, wo Besucher in ihnen blättern dürfen.",
    ],
    "el": [
        "Ο φαροφύλακας έγραφε κάθε πρωί τον καιρό, και κανείς δεν διάβασε ποτέ τα τετράδιά του.",
        "Χρόνια αργότερα μια φοιτήτρια τα βρήκε σε μια σοφίτα, και μαζί την πρώτη διήγηση της μεγάλης θύελλας.",
        "Είχε σημειώσει τον άνεμο, το ύψος των κυμάτων και τα ονόματα των πλοίων που δεν γύρισαν.",
        "Τα τετράδια φυλάσσονται σήμερα στο μουσείο της πόλης, όπου οι επισκέπτες τα ξεφυλλίζουν.",
    ],
    "bg": [
        "Пазачът на фара записваше всяка сутрин времето, и никой никога не прочете тетрадките му.",
        "Години по-късно една студентка ги намери на тавана, а в тях и първия разказ за голямата буря.",
        "Беше отбелязал вятъра, височината на вълните и имената на корабите, които не се върнаха.",
        "Днес тетрадките се пазят в музея на града, където посетителите могат да ги разлистват.",
    ],
}
FEATURES = 164
"""BLOCKS_FEATURES."""
NAV = (
    "<nav><ul>"
    + "".join(f"<li><a href=/{name}>{name}</a>" for name in ("Start", "News", "Kontakt", "Info"))
    + "</ul></nav>"
)
FOOT = "<footer><p><a href=/i>Impressum</a> | <a href=/d>Datenschutz</a> © 2024</p></footer>"


def page(body: str, head: str = "") -> bytes:
    return f"<!doctype html><html lang=de><head><title>Der Turm</title>{head}</head><body>{body}</body></html>".encode()


def extracted(*pages: bytes | None, **options: Any) -> Batch:
    ids = [number.to_bytes(16, "big") for number in range(len(pages))]
    return Extract(engine="blocks", **options)(batch({"id": ids, "html": list(pages)}, COLUMNS))


def text(payload: bytes, **options: Any) -> Any:
    return extracted(payload, **options)["text"][0].as_py()


@pytest.mark.parametrize("language", PROSE)
def test_prose_is_kept_and_what_surrounds_it_is_not(language: str) -> None:
    prose = PROSE[language] * 2
    body = f"{NAV}<article><h1>Der Turm</h1>{''.join(f'<p>{one}</p>' for one in prose)}</article>{FOOT}"
    lines = text(page(body)).split("\n")
    assert [line for line in lines if line not in ("Der Turm",)] == prose


@pytest.mark.parametrize("language", PROSE)
@pytest.mark.parametrize("written", ["<p>{}</p>", "<p>{}\n", "<div>{}</div>", "{}<br><br>"])
def test_a_page_that_is_hardly_more_than_its_text_is_kept(language: str, written: str) -> None:
    assert text(page("".join(written.format(one) for one in PROSE[language]))).split("\n") == PROSE[language]


BODY = """<h1>Der Turm</h1><p>Ein <b>Satz</b>.<br>Eine Zeile.<ul><li>eins<li><p>zwei</p><p>drei</p></ul>
<table><tr><th>Jahr<th>Schiffe<tr><td>1872<td>sieben</table><pre>a
 b</pre><blockquote>Zitat</blockquote>"""
JOINED = {
    False: "Der Turm\nEin Satz.\nEine Zeile.\n- eins\n- zwei\ndrei\nJahr | Schiffe\n1872 | sieben\na\n b\nZitat",
    True: "# Der Turm\n\nEin Satz.\nEine Zeile.\n\n- eins\n- zwei\n\n  drei\n\n"
    "| Jahr | Schiffe |\n| --- | --- |\n| 1872 | sieben |\n\n"
    "```\na\n b\n```\n\n> Zitat",
}


@pytest.mark.parametrize("markdown", JOINED)
def test_structure_stays(markdown: bool) -> None:
    """By a model without trees, which keeps everything."""
    none = np.zeros(0, np.uint8)
    at = np.zeros(FEATURES + 1, np.uint32)
    keep = _native.blocks_model(none.data, at.data, none.data, none.data, none.data, 1, 0, 0, 100)
    data = page(BODY)
    texts, *_ = _native.blocks_read(keep, data, np.array([0, len(data)], np.int64).data, markdown, True)
    assert texts.decode() == JOINED[markdown]


def test_blocks_are_shown_with_their_scores() -> None:
    body = f"{NAV}<article><h1>Der Turm</h1>{''.join(f'<p>{one}</p>' for one in PROSE['de'] * 2)}</article>{FOOT}"
    blocks = _blocks.explain(page(body))
    assert [block.text for block in blocks if block.kind == "navigation"] == [
        "Start",
        "News",
        "Kontakt",
        "Info",
        "Impressum | Datenschutz © 2024",
    ]
    assert [block.level for block in blocks if block.kind == "heading"] == [1]
    assert all(0 <= block.score <= 1 for block in blocks)
    assert [block.kept for block in blocks if block.text in PROSE["de"]] == [True] * 8


def test_a_copy_in_another_place_is_left_out_and_a_refrain_is_not() -> None:
    first, second, third = PROSE["de"][:3]
    article = f"<article>{''.join(f'<p>{one}</p>' for one in (first, second, third, second))}</article>"
    lines = text(page(f"{article}<main><div>{article.replace(third, third.upper())}</div></main>")).split("\n")
    assert lines == [first, second, third, second, third.upper()]


def test_a_wall_of_consent_is_no_text_and_one_before_a_text_takes_nothing_from_it() -> None:
    prose = "".join(f"<p>{one}</p>" for one in PROSE["de"])
    wall = f'<div id="consent-layer" role="dialog" aria-modal="true"><div><h1>Vorab</h1>{prose}</div></div>'
    assert extracted(page(f"{wall}{FOOT}"))["reason"][0].as_py() == "extract.empty"
    lines = [line for line in text(page(f"{wall}<article>{prose.upper()}</article>")).split("\n") if line.isupper()]
    assert lines == [one.upper() for one in PROSE["de"]]
    assert text(page(f'<div class="cookies-accepted">{prose}</div>')).split("\n") == PROSE["de"]


def test_too_many_blocks_cost_the_page() -> None:
    payload = page("".join(f"<p>{number}" for number in range(200)))
    result = extracted(payload, max_blocks=199)
    row = {name: result[name][0].as_py() for name in ("text", "reason", "reason_limit")}
    assert row == {"text": None, "reason": "extract.too_many_blocks", "reason_limit": 199}


@given(pages=st.lists(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), min_size=1, max_size=4))
def test_a_page_depends_on_itself_alone(pages: list[bytes]) -> None:
    together = extracted(*pages)
    for row, one in enumerate(pages):
        alone = extracted(one)
        for name in ("text", "reason", "title"):
            assert together[name][row] == alone[name][0]


HEAD = """<meta property="og:site_name" content="Der Bote"><link rel="canonical" href="https://bote.example/turm">
<meta name="robots" content="noai, noimageai"><meta name="tdm-reservation" content="1">
<script type="application/ld+json">{"@graph": [{"@type": "WebSite"}, {"@type": "NewsArticle", "headline": "Der Turm",
"datePublished": "2024-03-05T10:00:00+01:00", "author": {"@type": "Person", "name": "Ada Ohm"},
"license": "https://creativecommons.org/licenses/by/4.0/"}]}</script>"""


def test_what_a_page_says_about_itself() -> None:
    prose = "".join(f"<p>{one}</p>" for one in PROSE["de"] * 2)
    result = extracted(page(f"<article>{prose}</article>", HEAD), None)
    row = result.slice(0, 1).to_pylist()[0]
    assert row["title"] == "Der Turm"
    assert (row["declared_language"], row["published"]) == ("de", date(2024, 3, 5))
    assert row["declared_licence"] == "CC-BY-4.0"
    facts = dict(row["facts"])
    assert facts["author"] == "Ada Ohm"
    assert facts["site_name"] == "Der Bote"
    assert facts["canonical"] == "https://bote.example/turm"
    assert facts["robots"] == "noai, noimageai"
    assert facts["tdm-reservation"] == "1"
    assert facts["kind"] == "NewsArticle"


DATES = [
    ('<meta name="DC.date" content="2019-02-03">', date(2019, 2, 3)),
    ('<meta property="article:published_time" content="20190204T101010">', date(2019, 2, 4)),
    ('<time datetime="2019-02-05">', date(2019, 2, 5)),
    ('<time datetime="2019-02-31">', None),
    ('<meta name="date" content="3. Februar 2019">', None),
    ('<script type="application/ld+json">{"datePublished": ["2019-02-06"]}</script>', date(2019, 2, 6)),
    ('<script type="application/ld+json">{"datePublished": "2019-02-06"</script>', None),
]


@pytest.mark.parametrize(("head", "wanted"), DATES, ids=[head for head, _ in DATES])
def test_dates(head: str, wanted: date | None) -> None:
    read = _blocks.read(pa.array([page("<p>x", head)], pa.large_binary()), "balanced", 100)
    assert stated(read.facts[0]).published == wanted


@given(raw=st.binary(max_size=400))
def test_any_facts_are_read(raw: bytes) -> None:
    stated(raw)
    stated(b"ld\x1f\x1f" + raw + b"\x1e")


TITLE_WORDS, WORDS = 13, 1
"""Features: share of words that stand in the title, words."""


@given(
    title=st.lists(st.sampled_from(["ab", "Bc", "7x", "Łódź", "ćma", "Straße", "2024", "überlanges-Wort"]), max_size=4),
    text=st.text(st.sampled_from("abcxyzBŁódźćS7 2024-.,ße "), min_size=1, max_size=150),
)
@example(title=["Leuchtturmwärter"], text=f"{'x' * 20} Leuchtturmwärter, LEUCHTTURMWäRTER {'y ' * 40}leuchtturmwärter")
def test_words_of_the_title_are_counted(title: list[str], text: str) -> None:
    """Runs of letters and digits; ASCII letters whatever their case."""
    html = f"<title>{' '.join(title)}</title><p>{text}</p>"
    _, matrix = _native.blocks_explain(_blocks._model("balanced", 1000), html.encode())
    rows = np.frombuffer(matrix, np.float32).reshape(-1, 164)
    small = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
    known = set(re.findall(r"[^\W_]+", " ".join(title).translate(small)))
    found = [word in known for word in re.findall(r"[^\W_]+", text.translate(small))]
    assert len(rows) == bool(text.strip())
    assert all(round(float(row[TITLE_WORDS] * row[WORDS])) == sum(found) for row in rows)

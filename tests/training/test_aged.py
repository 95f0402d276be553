"""An aged page: the same text in the same order, without what came later than 2011, the same for the same number."""

import re

import lxml.html

from training.aged import aged

PAGE = """<html><head><meta property="og:type" content="article"><script type="application/ld+json">{"@type": "Article"}
</script></head><body><nav class="menu main-menu"><a href="/a">one</a></nav>
<article id="story" class="article-body wide" role="main"><h2 class='headline wide'>two</h2><p class="lead">three</p>
<pre>four</pre><p>five <a href="/b">six</a></p>
</article><footer>seven</footer></body></html>"""


def text(page: str) -> list[str]:
    tree = lxml.html.fromstring(page)
    for script in tree.xpath("//script"):
        script.drop_tree()
    return " ".join(tree.itertext()).split()


def test_text_and_links_stay() -> None:
    for number in range(50):
        page = aged(PAGE, number)
        assert text(page) == ["one", "two", "three", "four", "five", "six", "seven"], number
        assert re.findall("href=[^>]+", page) == ['href="/a"', 'href="/b"'] and "<pre" in page, number


def test_it_is_the_same_for_a_number_and_differs_between_them() -> None:
    assert [aged(PAGE, number) for number in range(50)] == [aged(PAGE, number) for number in range(50)]
    assert len({re.sub(r'(class|id)="[^"]*"', "", aged(PAGE, number)) for number in range(50)}) > 5


def test_what_the_page_says_of_itself_goes_and_names_change() -> None:
    pages = [aged(PAGE, number) for number in range(50)]
    assert not any("og:type" in page or "ld+json" in page for page in pages)
    assert 25 < sum("article-body" not in page for page in pages) < 50
    assert 25 < sum("<article" not in page for page in pages) < 50
    assert sum(page.count("<p") - page.count("<pre") == 0 for page in pages) > 10


def test_a_name_is_replaced_by_one_name_everywhere() -> None:
    shown = [re.findall('class="([^"]*)"', aged(PAGE, number)) for number in range(50)]
    pairs = [[name.split() for name in names[1:3]] for names in shown if len(names) == 4 and "wide" not in names[1]]
    assert pairs
    for article, headline in pairs:
        assert len(article) == len(headline) == 2 and article[1] == headline[1] and article[0] != headline[0]

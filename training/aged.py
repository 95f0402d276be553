"""Real pages as they would have been written about 2011: fewer names, no HTML 5, paragraphs parted by breaks.

What is left of a page is its text, its order, its links and its boxes: from these alone a model has to tell the main
text of a page of which neither classes nor elements speak, or speak another language.
"""

import re
from collections.abc import Callable
from random import Random

NAMES = re.compile(r"""\s(class|id)\s*=\s*("[^"]*"|'[^']*'|[^\s>"']+)""", re.IGNORECASE)
NEW = re.compile(
    r"(?i)<(/?)(article|main|section|header|footer|nav|aside|figure|figcaption|time|address|details|summary)\b"
)
ROLES = re.compile(r"""(?i)\s(role|itemprop|itemtype|aria-[a-z]+)\s*=\s*("[^"]*"|'[^']*'|[^\s>"']+)""")
SAID = re.compile(r"(?is)<script[^>]*ld\+json.*?</script>|<meta[^>]+og:[^>]*>")
PARAGRAPH = re.compile(r"(?i)<(/?)p(?=[\s>])[^>]*>")
HEADING = re.compile(r"(?i)<(/?)h([2-6])(?=[\s>])[^>]*>")


def aged(page: str, number: int) -> str:
    """The page in an older hand; which parts of it age depends on the number."""
    random = Random(f"aged:{number}")
    page = SAID.sub("", page)
    page = ROLES.sub("", page) if random.random() < 0.8 else page
    page = NAMES.sub(_renamed(random), page)
    page = NEW.sub(r"<\1div", page) if random.random() < 0.85 else page
    if random.random() < 0.3:
        page = HEADING.sub(lambda found: "</b></div>" if found[1] else "<div><b>", page)
    form = random.random()
    if form < 0.35:
        page = PARAGRAPH.sub(lambda found: "<br><br>" if found[1] else "", page)
    elif form < 0.5:
        page = PARAGRAPH.sub(r"<\1div>", page)
    elif form < 0.6:
        page = PARAGRAPH.sub(lambda found: "" if found[1] else "<p>", page)
    return page


def _renamed(random: Random) -> Callable[[re.Match[str]], str]:
    """Names are kept, left out, or replaced by others, the same for the same."""
    form, given = random.random(), dict[str, str]()

    def other(name: str) -> str:
        if name not in given:
            given[name] = "".join(
                random.choice("bcdfgklmnprstvz") + random.choice("aeiouy") for _ in range(random.randint(1, 4))
            )
        return given[name]

    def written(found: re.Match[str]) -> str:
        if form < 0.2:
            return found[0]
        if form < 0.45:
            return ""
        names = " ".join(other(name) for name in found[2].strip("\"'").split())
        return f' {found[1]}="{names}"'

    return written

"""Pages as a server would send them: a design of `pages/` filled with prose and surrounded by its site."""

from base64 import b64decode
from functools import cache
from importlib.resources import files
from typing import Any

from florilegium.pipeline.sample.content import Page, Sample

LINKS = 9
"""Other pages of the same language in the margin of each."""

LICENCES = {
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC-BY-NC-ND-4.0": "https://creativecommons.org/licenses/by-nc-nd/4.0/",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
}
"""Where pages link to for a licence."""


def payload(page: Page, sample: Sample) -> bytes:
    """The bytes of the page, in its charset, without content coding; of a revisit, those of the first capture.

    A letter that the charset lacks becomes a character reference, as editors of such pages do it.
    """
    if page.revisit:
        return payload(next(earlier for earlier in sample.pages if earlier.url == page.url), sample)
    if page.base64 is not None:
        return b64decode(page.base64)
    text = page.body if page.body is not None else _html(page, sample)
    mark = b"\xef\xbb\xbf" if "bom" in page.declare else b""
    return mark + text.encode(page.charset, "xmlcharrefreplace")


def _html(page: Page, sample: Sample) -> str:
    site = sample.sites[page.host]
    shown = sample.of(page)
    first = shown[0] if shown else None
    template = _designs().get_template(f"{page.design or site.design}.html")
    html: str = template.render(
        page=page,
        site=site,
        t=sample.labels[first.language if first else site.language],
        title=first.title if first else page.title,
        sections=[(passage.title, passage.paragraphs) for passage in shown] or [(page.title, page.paragraphs)],
        authors=first.authors if first else (),
        price=first.price if first else "",
        published=page.captured.date(),
        charset=page.charset if "meta" in page.declare else None,
        licence=LICENCES.get(site.licence),
        links=_links(page, sample),
    )
    return html


def _links(page: Page, sample: Sample) -> list[dict[str, str]]:
    """Title, address and first words of the pages that follow this one in its language, round the corner."""
    others = [*sample.pages[page.at + 1 :], *sample.pages[: page.at]]
    language = sample.sites[page.host].language
    near: dict[str, dict[str, str]] = {}
    for other in others:
        passages = [sample.passages[key] for key in other.passages[:1]]
        if passages and passages[0].language == language and passages[0].key not in page.passages:
            link = {"url": other.url, "title": passages[0].title}
            near[passages[0].key] = link | {"teaser": " ".join(passages[0].paragraphs[0].split()[:9])}
    return list(near.values())[:LINKS]


@cache
def _designs() -> Any:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folder = files(__package__) / "pages"
    loader = FunctionLoader(lambda name: (folder / name).read_text("utf-8"))
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)

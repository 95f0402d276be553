"""E-mail addresses: found at the at sign, then followed to both sides."""

import re

from florilegium.filters.pii import Span

KIND = "email"

AT = re.compile(
    r"[@＠﹫]|(?<=\w)(?:%40| @ | ?(?:\(at\)|\[at\]|\{at\}|<at>) ?)(?=\w)",
    re.IGNORECASE,
)
"""The at sign, its full-width and small forms; escaped as in web addresses; set apart, or spelled out in brackets."""

PLAIN = ("@", "＠", "﹫", "%40")
BRACKETED = re.compile(r"[(\[{<]at[)\]}>]", re.IGNORECASE)
"""A text with none of these has no AT: most have none, and looking for these is ten times as fast."""

INSIDE = "\u0300-\u036f\u00ad\u200b-\u200d\u2060\ufeff"
"""What may stand unseen inside a word: combining marks, soft hyphens, zero-width characters."""

LOCAL = re.compile(rf"[\w.%'+~\-{INSIDE}]")
"""What a local part is made of (RFC 5322 atext, RFC 6531 letters of all scripts), without signs of URLs and prose."""

SPELLED = "(?:dot|punkt|point|punto|ponto)"
DOT = re.compile(rf"[.．。]| ?(?:\({SPELLED}\)|\[{SPELLED}\]|\{{{SPELLED}\}}) ?", re.IGNORECASE)

LABEL = rf"[{INSIDE}]*[^\W_][\w\-{INSIDE}]*"
DOMAIN = re.compile(rf"{LABEL}(?:(?:{DOT.pattern}){LABEL})+", re.IGNORECASE)
"""Labels of letters of all scripts (RFC 5890), digits and hyphens, parted by full stops; at least two of them."""

FILES = frozenset(
    (
        "avif", "bmp", "css", "csv", "gif", "htm", "html", "ico", "jpeg", "jpg", "js", "json", "mount", "pdf", "php",
        "png", "rst", "service", "slice", "socket", "svg", "tif", "tiff", "timer", "txt", "webp", "xml", "yaml", "yml",
    )
)  # fmt: skip
"""Endings of files and systemd units (logo@2x.png, getty@tty1.service) that are no top-level domains."""

REMOTES = frozenset({"git", "hg", "svn"})
"""Accounts of version control hosts: git@host:path names a repository, not a person."""


def find(text: str) -> list[Span]:
    """E-mail addresses, in order, without overlaps. What is doubtful counts as one.

    Left alone: image names and units (`logo@2x.png`), handles (`@user@host`), version control remotes
    (`git@host:path`), and names without a full stop after the at sign (`user@localhost`, `@types/node`).
    """
    found: list[Span] = []
    if not any(sign in text for sign in PLAIN) and not BRACKETED.search(text):
        return found
    taken = floor = 0  # the end of the last address; where a local part may begin: there, or after the last at sign
    for at in AT.finditer(text):
        domain = DOMAIN.match(text, at.end())
        start = _start(text, at.start(), floor)
        floor = at.end()
        if domain is None or start >= at.start():
            continue
        end = _end(text, domain)
        if end and not _handle(text, start, taken) and not _remote(text, start, at.start(), end):
            found.append(Span(start, end, KIND))
            taken = floor = end
    return found


def _start(text: str, at: int, floor: int) -> int:
    start = at
    while start > floor and LOCAL.match(text[start - 1]):
        start -= 1
    # Signs before the first letter or digit are the sentence's: 'anna@..., -anna@...
    while start < at and not text[start].isalnum():
        start += 1
    return start


def _end(text: str, domain: re.Match[str]) -> int:
    """Where the address ends; 0 when this is no domain.

    Trailing labels that are numbers or single letters belong to the sentence; a file's ending makes it a file's name.
    """
    dots = [(dot.start(), dot.end()) for dot in DOT.finditer(text, domain.start(), domain.end())]
    end = domain.end()
    for before, after in reversed(dots):
        last = text[after:end].rstrip("-_")
        if last.lower() in FILES:
            return 0
        if len(last) >= 2 and not last[0].isdigit():
            return after + len(last)
        end = before
    return 0


def _handle(text: str, start: int, taken: int) -> bool:
    """Whether the local part follows an at sign that begins a word: @user@host."""
    begins = start > taken and text[start - 1] in "@＠"
    return begins and (start == 1 or not (LOCAL.match(text[start - 2]) or text[start - 2] in "@＠"))


def _remote(text: str, start: int, at: int, end: int) -> bool:
    path = text[end : end + 2]
    return text[start:at].lower() in REMOTES and path[:1] in (":", "/") and path[1:].strip() != ""

"""Which languages are summed up together: all of them, those of one script, those of one resource tier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..flores import flores_tiers
from ..languages import Language


def groups_of(languages: Sequence[Language]) -> Iterator[tuple[str, str, list[str]]]:
    """Kind, name and tags of every group, some of which may be empty.

    >>> list(groups_of([find_language("sw"), find_language("ru")]))[:2]
    [('all', 'all', ['swh_Latn', 'rus_Cyrl']), ('script', 'Cyrl', ['rus_Cyrl'])]
    """
    yield "all", "all", [language.tag for language in languages]
    for script in sorted({language.script for language in languages}):
        yield "script", script, [language.tag for language in languages if language.script == script]
    tiers = flores_tiers()
    for tier in ("high", "mid", "low"):
        yield "tier", tier, [language.tag for language in languages if tiers.get(language.tag) == tier]

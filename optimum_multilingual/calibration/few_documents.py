"""Says so where many rows of a language are cut from a few long documents."""

from __future__ import annotations

import logging

from ..languages import Language
from .calibration_set import Manifest

logger = logging.getLogger(__name__)

# Where there are so many rows, fewer documents than this stand for a whole language.
FEW = 8


def warn_of_few_documents(manifest: Manifest) -> None:
    """Warns of languages with at least eight rows that come from fewer than eight documents.

        >>> warn_of_few_documents(calibration_set.manifest)
        Swahili (32 rows of 1 document) is calibrated on fewer than 8 documents. ...

    Args:
        manifest: of a set that was built from text.
    """
    found = [
        f"{Language.from_tag(tag).name} ({entry['rows']} rows of {entry['documents']} document{'s' * (entry['documents'] > 1)})"
        for tag, entry in manifest.languages.items()
        if entry["rows"] >= FEW > entry["documents"]
    ]
    if found:
        logger.warning(
            "%s %s calibrated on fewer than %d documents. Such rows show little of a language: give a corpus= of more or "
            "shorter documents, such as one paragraph a document.",
            ", ".join(found),
            "is" if len(found) == 1 else "are",
            FEW,
        )

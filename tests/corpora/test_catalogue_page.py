"""The page of the catalogue says what the catalogue holds."""

from pathlib import Path

from optimum_multilingual.corpora.catalog import load_catalog

PAGE = Path(__file__).parents[2] / "docs" / "catalogue.md"
HEAD = [
    "| name | dataset | languages | licence | gated | text may be published again | for | checked on the Hub |",
    "| :-- | :-- | :-- | :-- | :-- | :-- | :-- | :-- |",
]


def row(entry):
    """One line of the table."""
    answers = {True: "yes", False: "no", None: "unknown"}
    codes = entry.languages
    languages = "all it has" if codes is None else "English" if codes == ("eng_Latn",) else str(len(codes))
    cells = [
        f"`{entry.name}`",
        f"[{entry.repository}](https://huggingface.co/datasets/{entry.repository})",
        languages,
        entry.licence,
        answers[entry.gated],
        answers[entry.republish],
        " and ".join(entry.uses),
        answers[entry.verified],
    ]
    return f"| {' | '.join(cells)} |"


def test_the_table_is_the_catalogue():
    written = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert written == [*HEAD, *map(row, load_catalog().values())]


def test_every_note_is_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    assert [entry.name for entry in load_catalog().values() if f"**{entry.name}**: {entry.note}" not in page] == []

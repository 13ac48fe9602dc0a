"""Every good file gives its texts with their lines; every bad one is refused by name, line and remedy."""

import csv
import gzip
import io
import json
import tempfile
import tracemalloc
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimum_multilingual.corpora.files import file_format, read_texts
from optimum_multilingual.errors import CorpusError, CorpusFileError


def as_txt(texts):
    return "".join(f"{text}\n" for text in texts).encode()


def as_jsonl(texts):
    return "".join(json.dumps({"id": 1, "text": text}, ensure_ascii=False) + "\n" for text in texts).encode()


def as_csv(texts):
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows([["id", "text"], *([1, text] for text in texts)])
    return file.getvalue().encode()


def as_parquet(texts, column="text"):
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"id": list(range(len(texts))), column: texts}), buffer)
    return buffer.getvalue()


FORMATS = {
    "sw.txt": as_txt,
    "sw.jsonl": as_jsonl,
    "sw.csv": as_csv,
    "sw.parquet": as_parquet,
    "sw.txt.gz": lambda texts: gzip.compress(as_txt(texts)),
    "sw.jsonl.gz": lambda texts: gzip.compress(as_jsonl(texts)),
    "sw.csv.gz": lambda texts: gzip.compress(as_csv(texts)),
}
LINES_BEFORE_THE_FIRST_TEXT = {"sw.csv": 1, "sw.csv.gz": 1}

# Anything that can stand in one line, line separators of Unicode included.
IN_A_LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x00\ufeff"), max_size=20)

# File name, its bytes, and what the message says.
BAD_FILES = {
    "empty": ("sw.txt", b"", ["sw.txt is empty (0 bytes)", "it should hold text"]),
    "empty parquet": ("sw.parquet", b"", ["sw.parquet is empty (0 bytes)", "it should hold text"]),
    "binary": ("sw.txt", b"good\n\x89PNG\x00\x01\n", ["sw.txt, line 2:", "NUL", "binary", "UTF-8 text", "iconv"]),
    "UTF-16": ("sw.txt", "habari\n".encode("utf-16"), ["sw.txt, line 1:", "UTF-16", "UTF-8 text", "iconv -f UTF-16"]),
    "UTF-16 without NUL": ("zh.txt", "中文".encode("utf-16"), ["zh.txt, line 1:", "UTF-16", "iconv -f UTF-16"]),
    "UTF-16 jsonl": ("sw.jsonl", '{"text": "a"}'.encode("utf-16"), ["sw.jsonl, line 1:", "UTF-16", "iconv -f UTF-16"]),
    "latin-1": ("fr.txt", "un\ndeux\ncafé noir\n".encode("latin-1"), ["fr.txt, line 3:", "0xe9 at position 3", "iconv"]),
    "latin-1 jsonl": ("fr.jsonl", '{"text": "é"}'.encode("latin-1"), ["fr.jsonl, line 1:", "0xe9", "not UTF-8", "iconv"]),
    "latin-1 csv": ("fr.csv", "text\nun\né\n".encode("latin-1"), ["fr.csv, line 3:", "0xe9", "not UTF-8", "iconv"]),
    "latin-1 gz": ("fr.txt.gz", gzip.compress(b"un\n\xe9\n"), ["fr.txt.gz, line 2:", "0xe9", "not UTF-8", "iconv"]),
    "UTF-8 cut inside a letter": ("sw.txt", "é".encode()[:1], ["sw.txt, line 1:", "0xc3", "not UTF-8"]),
    "not gzip": ("sw.txt.gz", b"habari\n", ["sw.txt.gz, after line 0:", "gzip data is damaged", "download the file again"]),
    "not json": ("sw.jsonl", b"habari\n", ["sw.jsonl, line 1:", "not a whole JSON object", '{"text": "..."}']),
    "jsonl cut": ("sw.jsonl", b'{"text": "a"}\n\n{"text": "hab', ["sw.jsonl, line 3:", "not a whole JSON", "cut short"]),
    "jsonl huge number": ("sw.jsonl", b'{"text": "a"}\n{"text": "b", "id": %s}' % (b"9" * 5000),
                          ["sw.jsonl, line 2:", "JSON that Python cannot read", "digits", "remove that line"]),
    "jsonl deep lists": ("sw.jsonl", b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
                         ["sw.jsonl, line 1:", "JSON that Python cannot read", "recursion", "remove that line"]),
    "jsonl of lists": ("sw.jsonl", b'["a"]\n', ["sw.jsonl, line 1:", "no text under 'text'", "found list", "text_column="]),
    "jsonl without column": ("sw.jsonl", b'{"text": "a"}\n{"id": 1, "body": "b"}\n',
                             ["sw.jsonl, line 2:", "no text under 'text'", "found 'id', 'body'", "text_column="]),
    "jsonl null": ("sw.jsonl", b'{"text": null}\n', ["sw.jsonl, line 1:", "'text' is of type NoneType", "be a string"]),
    "jsonl number": ("sw.jsonl", b'{"text": 5}\n', ["sw.jsonl, line 1:", "'text' is of type int", "be a string"]),
    "csv without column": ("sw.csv", b"id,body\n1,a\n", ["sw.csv, line 2:", "'text'", "found 'id', 'body'", "text_column="]),
    "csv short row": ("sw.csv", b"id,text\n1,a\n2\n", ["sw.csv, line 3:", "'text' is of type NoneType", "be a string"]),
    "csv cut": ("sw.csv", b'text\n"one\ntwo', ["sw.csv, after line 1:", "not readable as CSV", "close every quote", "cut short"]),
    "not parquet": ("sw.parquet", b"habari" * 9, ["sw.parquet is not a whole parquet file", "download it again"]),
    "parquet cut": ("sw.parquet", as_parquet(["a"] * 99)[:-9], ["sw.parquet is not a whole parquet", "download it again"]),
    "parquet without column": ("sw.parquet", as_parquet(["a"], "body"),
                               ["sw.parquet: no column 'text'", "found 'id', 'body'", "text_column="]),
    "parquet null": ("sw.parquet", as_parquet(["a", None]), ["sw.parquet, line 2:", "'text' is of type NoneType", "string"]),
    "parquet numbers": ("sw.parquet", as_parquet([1, 2]), ["sw.parquet, line 1:", "'text' is of type int", "string"]),
    "other ending": ("sw.docx", b"PK", ["sw.docx has no ending that can be read", ".txt, .jsonl, .csv, .parquet", ".gz"]),
    "no ending": ("sw", b"habari", ["sw has no ending that can be read", ".txt, .jsonl, .csv, .parquet"]),
    "parquet in gz": ("sw.parquet.gz", b"PAR1", ["sw.parquet.gz has no ending that can be read", "all but parquet with .gz"]),
}  # fmt: skip


@pytest.fixture
def read(tmp_path):
    """Writes bytes as a file of this name and reads its texts with their lines."""

    def write_and_read(name, content, text_column="text"):
        path = tmp_path / name
        path.write_bytes(content)
        return list(read_texts(path, text_column))

    return write_and_read


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_its_texts_with_their_lines(read, name):
    texts = ["Habari za asubuhi.", "Ẹ káàárọ̀", "早上好", 'She said "no", twice.']
    first = 1 + LINES_BEFORE_THE_FIRST_TEXT.get(name, 0)
    assert read(name, FORMATS[name](texts)) == list(enumerate(texts, first))


@pytest.mark.parametrize("name", FORMATS)
@given(st.lists(IN_A_LINE, max_size=5))
def test_every_format_keeps_any_text_but_blank_ones(name, texts):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(FORMATS[name](["first", *texts]))
        assert [text for _, text in read_texts(path, "text")] == ["first", *(text for text in texts if text.strip())]


@pytest.mark.parametrize("name", ["sw.jsonl", "sw.jsonl.gz", "sw.csv", "sw.csv.gz", "sw.parquet"])
def test_a_text_of_several_lines_stays_one_text(read, name):
    texts = ["one\ntwo\n\nthree", 'a "quoted\nword"', "last"]
    assert [text for _, text in read(name, FORMATS[name](texts))] == texts


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_line_separators_of_unicode_do_not_split_a_line(read, name, separator):
    texts = [f"one{separator}two", "three"]
    assert [text for _, text in read(name, FORMATS[name](texts))] == texts


@pytest.mark.parametrize("name", ["sw.txt", "sw.jsonl", "sw.csv"])
def test_windows_line_ends_are_no_part_of_the_text(read, name):
    content = FORMATS[name](["one", "two"]).replace(b"\n", b"\r\n")
    assert [text for _, text in read(name, content)] == ["one", "two"]


def test_a_quoted_windows_line_end_in_csv_is_one_line_end(read):
    assert read("sw.csv", b'text\r\n"one\r\ntwo"\r\n') == [(3, "one\ntwo")]


def test_a_csv_holds_texts_of_any_length_and_the_limit_of_the_module_is_as_before(read):
    long, limit = "a" * 140_000, csv.field_size_limit()
    assert read("sw.csv", as_csv([long, "short", long])) == [(2, long), (3, "short"), (4, long)]
    assert csv.field_size_limit() == limit


def test_two_csv_files_read_in_turns_leave_the_limit_as_it_was(tmp_path):
    limit = csv.field_size_limit()
    for name in ("en.csv", "sw.csv"):
        (tmp_path / name).write_bytes(as_csv(["a" * 140_000] * 3))
    first, second = (read_texts(tmp_path / name, "text") for name in ("en.csv", "sw.csv"))
    assert [next(first), next(second)] and csv.field_size_limit() == limit
    assert len(list(first)) == len(list(second)) == 2 and csv.field_size_limit() == limit


@pytest.mark.parametrize("name", ["sw.txt", "sw.jsonl", "sw.csv", "sw.txt.gz"])
def test_a_byte_order_mark_is_no_part_of_the_text(read, name):
    content = b"\xef\xbb\xbf" + FORMATS[name.removesuffix(".gz")](["one", "two"])
    assert [text for _, text in read(name, gzip.compress(content) if name.endswith(".gz") else content)] == [
        "one",
        "two",
    ]


def test_the_last_line_needs_no_line_end(read):
    assert read("sw.txt", b"one\ntwo") == [(1, "one"), (2, "two")]


def test_blank_lines_are_left_out_and_counted(read):
    assert read("sw.txt", b"one\n\n \t\ntwo\n") == [(1, "one"), (4, "two")]
    assert read("sw.jsonl", b'{"text": "one"}\n\n{"text": " "}\n{"text": "two"}\n') == [(1, "one"), (4, "two")]


@pytest.mark.parametrize(("name", "content"), [
    ("sw.jsonl", b'{"text": "wrong", "content": "right"}'),
    ("sw.csv", b"text,content\nwrong,right\n"),
    ("sw.parquet", as_parquet(["right"], "content")),
])  # fmt: skip
def test_the_text_is_read_from_the_column_that_was_named(read, name, content):
    assert [text for _, text in read(name, content, "content")] == ["right"]


@pytest.mark.parametrize(("name", "content", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_by_name_line_and_remedy(read, name, content, words):
    with pytest.raises(CorpusFileError) as caught:
        read(name, content)
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_missing_file_is_refused_by_its_path(tmp_path):
    with pytest.raises(CorpusFileError, match=r"There is no file .*sw\.txt; check the path given as corpus"):
        list(read_texts(tmp_path / "sw.txt", "text"))


def test_a_folder_named_like_a_file_is_refused(tmp_path):
    (tmp_path / "sw.txt").mkdir()
    with pytest.raises(CorpusFileError, match=r"There is no file .*sw\.txt; check the path"):
        list(read_texts(tmp_path / "sw.txt", "text"))


def test_a_gzip_file_cut_anywhere_is_refused(read):
    whole = FORMATS["sw.jsonl.gz"](["Habari za asubuhi.", "Karibu nyumbani."])
    for length in range(1, len(whole)):
        with pytest.raises(
            CorpusFileError, match=r"sw\.jsonl\.gz, after line \d: the gzip data.*download the file again"
        ):
            read("sw.jsonl.gz", whole[:length])


@pytest.mark.parametrize(("place", "line"), [(10, 0), (-6, 500)], ids=["in the data", "in the checksum"])
def test_a_gzip_file_with_a_damaged_byte_is_refused(read, place, line):
    content = bytearray(FORMATS["sw.txt.gz"]([f"line {number}" for number in range(500)]))
    content[place] ^= 0xFF
    with pytest.raises(CorpusFileError, match=rf"sw\.txt\.gz, after line {line}: the gzip data is damaged"):
        read("sw.txt.gz", bytes(content))


def test_a_parquet_file_cut_anywhere_is_refused(read):
    whole = as_parquet(["Habari za asubuhi.", "Karibu nyumbani."])
    for length in range(1, len(whole), 97):
        with pytest.raises(
            CorpusFileError, match=r"sw\.parquet is not a whole parquet file.*copy or download it again"
        ):
            read("sw.parquet", whole[:length])


def test_texts_before_a_bad_line_are_given_first(tmp_path):
    path = tmp_path / "sw.jsonl"
    path.write_bytes(b'{"text": "one"}\n{"text": "tw')
    texts = read_texts(path, "text")
    assert next(texts) == (1, "one")
    with pytest.raises(CorpusFileError, match="line 2"):
        next(texts)


def test_the_first_text_of_a_parquet_file_takes_the_memory_of_a_few(tmp_path):
    path = tmp_path / "sw.parquet"
    path.write_bytes(as_parquet([f"{number} " + "habari " * 1500 for number in range(3000)]))
    tracemalloc.start()
    assert next(read_texts(path, "text"))[0] == 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000  # A hundred texts take 1 MB, all of them 31 MB.


def test_only_the_names_of_corpus_files_have_a_format():
    names = [*FORMATS, "sw.parquet.gz", "sw.gz", "sw", "sw.TXT", "sw.txt.zip", ".txt", "sw.train.txt"]
    formats = [
        ".txt",
        ".jsonl",
        ".csv",
        ".parquet",
        ".txt",
        ".jsonl",
        ".csv",
        None,
        None,
        None,
        None,
        None,
        None,
        ".txt",
    ]
    assert [file_format(Path(name)) for name in names] == formats


def test_a_bad_file_can_be_caught_as_a_corpus_error():
    assert issubclass(CorpusFileError, CorpusError)

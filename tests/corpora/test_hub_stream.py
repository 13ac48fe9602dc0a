"""What a corpus of the Hub fetches, and in which order."""

from random import Random

import pytest
from hub_replicas import serve_replica, texts_of, write_rows

from optimum_multilingual import HubCorpus
from optimum_multilingual.corpora import open_corpus, shuffled_documents
from optimum_multilingual.corpora.catalog import find_entry
from optimum_multilingual.languages import find_language

SW = find_language("sw")


@pytest.fixture
def train(hub, tmp_path):
    """Where FineWeb-2 has its Swahili files to calibrate on, two of three texts each."""
    serve_replica(hub, "fineweb2", tmp_path)
    return tmp_path / find_entry("fineweb2").repository / "data" / "swh_Latn" / "train"


def ids(documents):
    return [document.id for document in documents]


def test_files_that_are_not_of_the_part_are_not_fetched(train, hub):
    found = [document.text for document in open_corpus("fineweb2").stream(SW, "calibration", Random(0))]
    assert sorted(found) == sorted(
        text for n in (0, 1) for text in texts_of(f"data/swh_Latn/train/000_0000{n}.parquet")
    )
    assert not [request for request in hub.requests if "/test/" in request and "/resolve/" in request]


def test_the_seed_decides_which_file_comes_first(train):
    corpus = open_corpus("fineweb2")
    first = {ids(corpus.stream(SW, "calibration", Random(seed)))[0] for seed in range(8)}
    assert first == {f"data/swh_Latn/train/000_0000{number}.parquet:1" for number in (0, 1)}


def test_the_seed_decides_the_order_inside_the_buffer(train):
    corpus = open_corpus("fineweb2")
    orders = {tuple(ids(shuffled_documents(corpus, SW, "calibration", seed))) for seed in range(8)}
    assert len(orders) > 2 and len({frozenset(order) for order in orders}) == 1
    assert ids(shuffled_documents(corpus, SW, "calibration", 3)) == ids(
        shuffled_documents(corpus, SW, "calibration", 3)
    )


def test_no_more_files_are_fetched_than_are_read(train, hub):
    for number in range(40):
        write_rows(train / f"001_{number:05}.parquet", [{"text": f"text {n} of {number}"} for n in range(500)])
    corpus = open_corpus("fineweb2")
    documents = shuffled_documents(corpus, SW, "calibration", seed=0)
    for _ in range(100):
        next(documents)
    # A hundred, and those in the buffer.
    # A hundred and those in the buffer are in three files, and a file may be fetched in several requests.
    fetched = {request for request in hub.requests if request.startswith("GET") and "/resolve/" in request}
    assert 1 <= len(fetched) <= 5


def test_a_list_of_many_pages_is_read_to_its_end(hub, tmp_path):
    for number in range(120):
        write_rows(tmp_path / "mine" / f"{number:03}-sw.parquet", [{"text": str(number)}])
    hub.add("datasets", "me/texts", tmp_path / "mine")
    corpus = HubCorpus.from_repository("me/texts", "*-{code}.parquet", languages=["sw"])
    assert [document.text for document in corpus.documents(SW)] == [str(number) for number in range(120)]

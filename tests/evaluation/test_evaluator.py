"""Two passes over held-out text give what a plain loop over the models' logits gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.errors import ConfigError, ModelError, OverlapError
from optimum_multilingual.evaluation import evaluator
from optimum_multilingual.evaluation.evaluator import Evaluation, prepare_evaluation, run_quantized, run_reference
from optimum_multilingual.evaluation.held_out import HeldOutDocument, cut_windows
from optimum_multilingual.evaluation.processes import Processes
from optimum_multilingual.languages import find_language
from optimum_multilingual.report.measures import score_language
from optimum_multilingual.report.pooling import pool

SMALL = {"tokens_per_language": 700, "sequence_length": 48, "batch_tokens": 300, "bootstrap_draws": 100}


def config_of(languages=("en", "sw"), **evaluation) -> MultilingualCalibrationConfig:
    return MultilingualCalibrationConfig(languages=languages, evaluation=EvaluationConfig(**{**SMALL, **evaluation}))


def prepared(tokenizer, max_length=2048, row_length=None, calibration=None, config=None, **evaluation) -> Evaluation:
    config = config or config_of(**evaluation)
    return prepare_evaluation(
        config,
        config.resolved_languages,
        tokenizer,
        max_length,
        row_length,
        () if calibration is None else (calibration,),
    )


@pytest.fixture(scope="module")
def evaluation(tokenizer) -> Evaluation:
    return prepared(tokenizer)


@pytest.fixture(scope="module")
def model(tiny_model_path):
    return AutoModelForCausalLM.from_pretrained(tiny_model_path, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def damaged(tiny_model_path):
    """The same model with noise on all weights but the embedding and the head."""
    model = AutoModelForCausalLM.from_pretrained(tiny_model_path, dtype=torch.float32).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.model.layers.parameters():
            weight += 0.1 * weight.std(correction=0) * torch.randn(weight.shape, generator=generator)
    return model


@pytest.fixture(scope="module")
def measured(model, damaged, evaluation):
    return run_quantized(damaged, evaluation, run_reference(model, evaluation))


def rolling_log_probs(model, tokens: list[int], prefix: int, max_length: int) -> torch.Tensor:
    """Log-probabilities over the vocabulary at every token, in windows as lm-evaluation-harness cuts them."""
    sequence, rows = [prefix, *tokens], []
    while len(rows) < len(tokens):
        end = min(len(rows) + max_length, len(tokens))
        inputs = torch.tensor([sequence[max(0, end - max_length) : end]])
        with torch.no_grad():
            log_probs = model(inputs).logits[0].double().log_softmax(-1)
        rows.extend(log_probs[len(rows) - end :])
    return torch.stack(rows)


@pytest.fixture(scope="module")
def expected(model, damaged, evaluation, tokenizer):
    """For each language the documents' (reference NLLs, quantized NLLs, KL, agreement), each from a plain loop."""
    values = {}
    for language, documents in evaluation.documents.items():
        values[language] = []
        for document in documents:
            tokens = document.tokens.tolist()
            p, q = (rolling_log_probs(m, tokens, tokenizer.bos_token_id, 48) for m in (model, damaged))
            picked = torch.arange(len(tokens)), torch.tensor(tokens)
            values[language].append((-p[picked], -q[picked], (p.exp() * (p - q)).sum(-1), p.argmax(-1) == q.argmax(-1)))
    return values


def test_every_token_of_every_document_is_measured_once(measured, evaluation):
    for language, documents in evaluation.documents.items():
        tokens_of = np.bincount(measured[language].document)
        assert tokens_of.tolist() == [len(document.tokens) for document in documents]
        assert measured[language].num_bytes.tolist() == [document.num_bytes for document in documents]


@pytest.mark.parametrize(("column", "name"), [(0, "reference_nll"), (1, "quantized_nll"), (2, "kl")])
def test_documents_have_the_sums_of_a_plain_loop_over_the_logits(measured, expected, column, name):
    for language, documents in expected.items():
        of_language = measured[language]
        sums = np.bincount(of_language.document, getattr(of_language, name))
        sums_expected = np.array([document[column].sum().item() for document in documents])
        np.testing.assert_allclose(sums / sums_expected.mean(), sums_expected / sums_expected.mean(), atol=2e-5)


def test_agreement_is_that_of_a_plain_loop_over_the_logits(measured, expected):
    for language, documents in expected.items():
        agreeing = sum(document[3].sum().item() for document in documents)
        assert 0 < agreeing < len(measured[language].agree)
        assert measured[language].agree.sum() == pytest.approx(agreeing, abs=1)


def test_scores_agree_with_the_formulas_of_lm_evaluation_harness_to_a_millionth(measured, expected, evaluation):
    for language, documents in expected.items():
        score = score_language(
            pool(language, measured[language], evaluation.settings), measured[language], evaluation.settings
        )
        num_bytes = sum(document.num_bytes for document in evaluation.documents[language])
        for model_score, column in ((score.reference, 0), (score.quantized, 1)):
            log_likelihoods = [-document[column].sum().item() for document in documents]
            bits_per_byte = -sum(log_likelihoods) / num_bytes / math.log(2)
            assert model_score.bits_per_byte == pytest.approx(bits_per_byte, rel=1e-6)
            nll = -sum(log_likelihoods) / sum(len(document[0]) for document in documents)
            assert model_score.nll == pytest.approx(nll, rel=1e-6)
            assert model_score.perplexity == pytest.approx(math.exp(nll), rel=1e-5)


def test_some_documents_need_several_windows(evaluation):
    for language, documents in evaluation.documents.items():
        assert len(evaluation.windows[language]) > len(documents)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_loses_nothing_to_itself(tiny_model_path, evaluation, dtype):
    model = AutoModelForCausalLM.from_pretrained(tiny_model_path, dtype=dtype).eval()

    for of_language in run_quantized(model, evaluation, run_reference(model, evaluation)).values():
        assert np.abs(of_language.kl).max() < 1e-6
        assert of_language.agree.all()
        assert np.array_equal(of_language.reference_nll, of_language.quantized_nll)


def test_the_reference_outlives_a_change_of_the_models_weights(tiny_model_path, model, evaluation, expected):
    changing = AutoModelForCausalLM.from_pretrained(tiny_model_path, dtype=torch.float32).eval()
    reference = run_reference(changing, evaluation)
    with torch.no_grad():
        for weight in changing.model.layers.parameters():
            weight.zero_()

    for language, of_language in run_quantized(changing, evaluation, reference).items():
        nll = torch.cat([document[0] for document in expected[language]]).mean().item()
        assert of_language.reference_nll.mean() == pytest.approx(nll, rel=1e-5)
        assert of_language.quantized_nll.mean() > nll + 0.5


def test_the_reference_is_kept_as_states_in_the_models_type(tiny_model_path, evaluation):
    model = AutoModelForCausalLM.from_pretrained(tiny_model_path, dtype=torch.bfloat16).eval()
    reference = run_reference(model, evaluation)

    for language in evaluation.windows:
        batches = [states for key, states in reference.states.in_memory.items() if key[0] == language]
        tokens = sum(len(document.tokens) for document in evaluation.documents[language])
        assert {(batch.dtype, batch.device.type, batch.shape[1]) for batch in batches} == {(torch.bfloat16, "cpu", 192)}
        assert sum(map(len, batches)) == tokens


def test_the_batch_size_does_not_change_the_measures(model, damaged, tokenizer, measured):
    in_smaller_batches = prepared(tokenizer, batch_tokens=100)
    again = run_quantized(damaged, in_smaller_batches, run_reference(model, in_smaller_batches))

    for language, of_language in measured.items():
        for name in ("reference_nll", "quantized_nll", "kl", "reverse_kl"):
            sums, others = (np.bincount(m.document, getattr(m, name)) for m in (of_language, again[language]))
            np.testing.assert_allclose(sums, others, rtol=1e-4, atol=1e-4)


def test_a_model_of_random_weights_is_as_good_as_guessing(random_llama):
    model = random_llama(vocab_size=97)
    tokens = np.random.default_rng(0).integers(2, 97, size=(10, 50), dtype=np.int32)
    documents = [HeldOutDocument(str(n), row, 100, 100) for n, row in enumerate(tokens)]
    language = find_language("en")
    windows = {language: cut_windows(documents, 0, 40)}
    evaluation = Evaluation({language: documents}, windows, EvaluationConfig(), {})

    [measured] = run_quantized(model, evaluation, run_reference(model, evaluation)).values()

    assert measured.reference_nll.mean() == pytest.approx(math.log(97), rel=0.02)


def test_a_model_whose_logits_are_changed_behind_its_head_is_refused_before_anything_is_scored(
    random_llama, evaluation
):
    model = random_llama(vocab_size=6144)
    model.lm_head.register_forward_hook(lambda layer, inputs, logits: 2 * logits)

    with pytest.raises(ModelError, match="cannot be had from its last hidden states"):
        run_reference(model, evaluation)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"sequence_length": 20, "row_length": 64}, 20),
        ({"sequence_length": None, "row_length": 64}, 64),
        ({"sequence_length": None, "row_length": None, "max_length": 33}, 33),
        ({"sequence_length": None, "row_length": None, "max_length": None}, 512),
        ({"sequence_length": None, "row_length": None, "max_length": 4096}, 512),
    ],
    ids=str,
)
def test_the_longest_window_is_the_users_or_the_rows_or_what_the_model_can(tokenizer, settings, expected):
    long_text = {"en": [f"river{n} " * 600 for n in range(8)]}
    evaluation = prepared(tokenizer, languages=["en"], corpus=long_text, **settings)

    [windows] = evaluation.windows.values()
    assert max(len(window.input_ids) for window in windows) == expected


def test_a_window_beyond_the_models_maximum_is_refused(tokenizer):
    with pytest.raises(ConfigError, match=r"evaluation\.sequence_length=48 is beyond the model's maximum of 32"):
        prepared(tokenizer, max_length=32)


def test_every_window_begins_with_bos_or_with_text_of_its_document(tokenizer, evaluation):
    for language, documents in evaluation.documents.items():
        for window in evaluation.windows[language]:
            tokens = documents[window.document].tokens
            assert window.input_ids[0] in (tokenizer.bos_token_id, *tokens)


@pytest.mark.parametrize(("settings", "part"), [({}, "evaluation"), ({"corpus": "embedded"}, None)])
def test_the_same_corpus_gives_its_evaluation_part_and_another_all_it_has(tokenizer, settings, part):
    evaluation = prepared(tokenizer, tokens_per_language=10**6, **settings)

    assert {len(documents) for documents in evaluation.documents.values()} == {24 if part else 96}


def test_text_that_was_calibrated_on_is_not_measured_on(tokenizer):
    config = config_of(corpus="embedded", tokens_per_language=10**6)
    manifest = build_calibration_set(config, tokenizer).manifest

    with pytest.raises(OverlapError):
        prepared(tokenizer, config=config, calibration=manifest)


def test_processes_have_as_much_to_do_where_every_language_is_one_batch(tokenizer):
    evaluation = prepared(tokenizer, config=config_of(["en", "sw", "zh", "fr"], batch_tokens=10**6))
    parts = [list(evaluator._batches(evaluation, Processes(rank, 2), "Scoring")) for rank in range(2)]
    scored = [(language, place) for part in parts for language, place, _ in part]
    assert sorted(scored, key=str) == sorted([(language, 0) for language in evaluation.windows], key=str)
    assert [len(part) for part in parts] == [2, 2]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_largest_items_are_given_out_first_and_each_once(count):
    sizes = [4, 1, 4, 1, 4, 1, 4, 1]
    shares = [Processes(rank, count).share(sizes, lambda size: size) for rank in range(count)]
    assert sorted(place for share in shares for place, _ in share) == list(range(8))
    assert all(share == sorted(share) and all(sizes[place] == size for place, size in share) for share in shares)
    loads = [sum(size for _, size in share) for share in shares]
    assert max(loads) - min(loads) <= 2
    assert [place for place, _ in Processes(0, count).share("abcde")] == list(range(0, 5, count))


def test_the_noise_floor_is_what_batching_does_to_the_loss(tiny_model_path, evaluation):
    model = AutoModelForCausalLM.from_pretrained(tiny_model_path, dtype=torch.float32).eval()
    assert run_reference(model, evaluation).noise_floor < 1e-5

    def grows_with_the_batch(module, args, output):
        return output * (1 + 1e-3 * (len(output) - 1))

    handle = model.model.norm.register_forward_hook(grows_with_the_batch)
    assert 1e-5 < run_reference(model, evaluation).noise_floor < 1e-2
    handle.remove()


def test_the_noise_floor_of_windows_that_fill_a_batch_each_is_that_of_two_together(model, tokenizer):
    assert run_reference(model, prepared(tokenizer, batch_tokens=1)).noise_floor is not None


def test_a_quantized_model_with_logits_behind_its_head_is_refused_and_a_broken_one_is_reported(
    tiny_model_path, model, evaluation
):
    reference = run_reference(model, evaluation)
    other = AutoModelForCausalLM.from_pretrained(tiny_model_path, dtype=torch.float32).eval()
    handle = other.lm_head.register_forward_hook(lambda module, args, output: 2 * output)
    with pytest.raises(ModelError, match="cannot be had from its last hidden states"):
        run_quantized(other, evaluation, reference)
    handle.remove()

    with torch.no_grad():
        other.model.norm.weight.fill_(math.nan)
    measured = run_quantized(other, evaluation, reference)
    assert all(np.isnan(of_language.quantized_nll).all() for of_language in measured.values())

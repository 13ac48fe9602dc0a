"""`optimum-cli multilingual recover`."""

from one_line import quantize


def test_recover_prints_before_and_after_and_saves_the_adapter(cli, tiny_model_path, tmp_path):
    model = quantize(tiny_model_path, "nf4", languages=["en"], num_rows=None, sequence_length=None, evaluation=None)
    model.save_pretrained(tmp_path / "nf4")
    sizes = ["--num-rows", 2, "--sequence-length", 32, "--evaluation-tokens", 200, "--bootstrap-draws", 100]
    training = ["--steps", 1, "--rows-per-step", 1, "--rank", 4, "--output", tmp_path / "adapter"]
    code, out, err = cli("recover", tmp_path / "nf4", tiny_model_path, "--languages", "en", *sizes, *training)
    assert code == 0, err
    assert "adapter LoRA of rank 4" in out and "adapter none" in out and "saved in" in out
    assert (tmp_path / "adapter" / "adapter_model.safetensors").exists()


def test_recover_refuses_a_folder_that_is_not_free(cli, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    code, _, err = cli("recover", "nf4", "model", "--languages", "en", "--output", tmp_path)
    assert code == 1 and "exists and is not empty" in err

"""Writes a Llama as a GGUF file, as llama.cpp's converter does."""

import gguf


def write_llama(model, path, kind):
    """The weights of all matrices as `kind`, such as "Q4_0"; vectors as they are."""
    config, raw = model.config, getattr(gguf.GGMLQuantizationType, kind)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        weights = tensor.float().numpy()
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            weights = interleaved(weights, len(weights) // config.head_dim)
        place = names.get_name(name, try_suffixes=(".weight",))
        if weights.ndim == 1:
            writer.add_tensor(place, weights)
        elif name != "lm_head.weight":  # tied
            writer.add_tensor(place, gguf.quants.quantize(weights, raw), raw_dtype=raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def interleaved(weights, heads):
    """Rows of a projection in the order in which llama.cpp rotates them, two neighbours together."""
    outputs, inputs = weights.shape
    return weights.reshape(heads, 2, outputs // heads // 2, inputs).swapaxes(1, 2).reshape(outputs, inputs)

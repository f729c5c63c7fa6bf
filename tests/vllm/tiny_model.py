"""Write a tiny Llama with random weights and two LoRA adapters; runs inside the environment of vLLM.

Usage: tiny_model.py FOLDER; writes FOLDER/base, FOLDER/b and FOLDER/c, 2 MB in all. What they say is noise:
control characters, half letters, good for testing robustness. The end of text is made so unlikely that an
answer lasts as long as it may.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXT = [
    "The same votes give the same board, however the rows are ordered.",
    "def first(board): return board[0]",
]
WIDTH, LAYERS, RANK = 128, 2, 8


def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer that knows every text."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=330, special_tokens=SPECIAL, initial_alphabet=alphabet)
    made.train_from_iterator(TEXT * 20, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=TEMPLATE
    )


def base(words: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """The model, its logits spread widely around 0, where that of the end of text stays."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(words),
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=8192,
            bos_token_id=None,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
            tie_word_embeddings=False,
        )
    )
    with torch.no_grad():
        model.lm_head.weight.normal_(std=3 / WIDTH**0.5)
        model.lm_head.weight[: len(SPECIAL)] = 0
    return model


def adapter(folder: Path, seed: int) -> None:
    """A LoRA adapter strong enough to change what is said."""
    draws = torch.Generator().manual_seed(seed)
    weights = {}
    for layer in range(LAYERS):
        for name in ("q_proj", "v_proj"):
            place = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            weights[f"{place}.lora_A.weight"] = torch.randn(RANK, WIDTH, generator=draws)
            weights[f"{place}.lora_B.weight"] = torch.randn(WIDTH, RANK, generator=draws)
    folder.mkdir(parents=True)
    save_file(weights, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "base",
        "r": RANK,
        "lora_alpha": RANK,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": ["q_proj", "v_proj"],
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    home = Path(sys.argv[1])
    known = tokenizer()
    base(known).save_pretrained(home / "base")
    known.save_pretrained(home / "base")
    adapter(home / "b", 1)
    adapter(home / "c", 2)

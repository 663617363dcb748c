"""Whisper-class models through transformers. What breaks without this: a model of one's own cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
import transformers

from llmagent_os.errors import VoiceError
from llmagent_os.voice.whisper_transformers import TransformersWhisper
from tests.unit.voice.recordings import tone

WORDS = "<|endoftext|> <|startoftranscript|> <|notimestamps|> a b c d e f".split()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Whisper that was never trained, with a vocabulary of nine words: it runs, and says rubbish."""
    folder = tmp_path_factory.mktemp("whisper")
    library = cast("Any", transformers)
    cast("Any", torch).manual_seed(0)
    config = library.WhisperConfig(
        vocab_size=len(WORDS), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, pad_token_id=0, bos_token_id=0,
        eos_token_id=0, decoder_start_token_id=1, suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    network = library.WhisperForConditionalGeneration(config)
    network.generation_config.no_timestamps_token_id = 2
    network.generation_config.is_multilingual = False
    network.save_pretrained(folder)
    words = library.PreTrainedTokenizerFast(tokenizer_object=_tokenizer(), eos_token="<|endoftext|>")
    words.add_special_tokens({"additional_special_tokens": WORDS[1:3]})
    library.WhisperFeatureExtractor().save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, "a"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # pyright: ignore[reportAttributeAccessIssue]
    return words


def test_a_long_recording_is_heard_in_windows_and_the_same_way_every_time(model: Path) -> None:
    whisper = TransformersWhisper(str(model), language="en")
    short, long = whisper.transcribe(tone(1)), whisper.transcribe(tone(31))
    assert set(short.split()) <= set("abcdef")
    assert whisper.transcribe(tone(1)) == short
    assert set(long.split()) <= set("abcdef")


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=str(tmp_path)):
        TransformersWhisper(str(tmp_path))

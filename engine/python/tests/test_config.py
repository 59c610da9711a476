"""Settings."""

from __future__ import annotations

import datetime
import ipaddress
import re
from pathlib import Path

import pytest

import wormsift


def test_settings_are_arguments_attributes_and_items() -> None:
    config = wormsift.Config(
        sources=10, prevalence_window=datetime.timedelta(minutes=2), memory="64MiB",
        home_net=[ipaddress.ip_network("10.0.0.0/8")], tails=False, key=bytes(range(16)),
    )
    assert config.sources == config["sources"] == 10 and config.tails is False
    assert config.prevalence_window == "2m" and config.home_net == ["10.0.0.0/8"]
    assert config.boilerplate is True and config.short_datagrams is True
    assert config.replace(sources=11).sources == 11 and config.sources == 10
    assert wormsift.Config(home_net="10.0.0.0/8,192.0.2.0/24").home_net == ["10.0.0.0/8", "192.0.2.0/24"]
    assert config == wormsift.Config(**{**config.to_dict(), "key": bytes(range(16)).hex()})
    assert config != config.replace(key=None)
    assert wormsift.Config.from_toml(config.to_toml()).sources == 10
    assert wormsift.detect(b"", config=config, sources=4).config == config.replace(sources=4)


def test_the_key_is_never_shown() -> None:
    config = wormsift.Config(key=bytes(range(16)))
    shown = [repr(config), config.to_toml(), str(config.to_dict()), str(dir(config))]
    assert not any(bytes(range(16)).hex() in it for it in shown) and "key=..." in repr(config)
    assert not hasattr(config, "key")
    with pytest.raises(KeyError):
        config["key"]


def test_what_cannot_be_used_is_named() -> None:
    for settings, message in [
        ({"souces": 3}, "`sources`"),
        ({"beta": 7}, "expected 8 to 64 bytes, found 7"),
        ({"memory": "16TiB"}, "this machine has"),
        ({"key": b"short"}, "expected 16 bytes, found 5"),
    ]:
        with pytest.raises(wormsift.ConfigError, match=re.escape(message)):
            wormsift.Sensor(**settings)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        wormsift.Config(sources=object())  # type: ignore[arg-type]


def test_the_stubs_name_every_setting() -> None:
    import wormsift._wormsift

    stubs = Path(wormsift.__file__).with_name("_wormsift.pyi").read_text()
    named = re.search(r"class _Settings\(.*?\n\n", stubs, re.DOTALL)
    assert named is not None
    stubbed = set(re.findall(r"^    (\w+): ", named[0], re.MULTILINE)) | {"taps"}
    known = {it for it, value in vars(wormsift.Config).items() if isinstance(value, property)}
    assert stubbed == known | {"key"}
    assert all(vars(wormsift.Config)[it].__doc__ for it in known)


def test_exceptions_have_one_root() -> None:
    assert issubclass(wormsift.ConfigError, wormsift.Error)
    assert issubclass(wormsift.InputError, wormsift.Error)
    assert issubclass(wormsift.InputWarning, UserWarning)
    with pytest.raises(wormsift.ConfigError):
        wormsift.generate("nothing of the kind")
    with pytest.raises(wormsift.ConfigError):
        wormsift.evaluate("nothing of the kind")
    with pytest.raises(wormsift.InputError):
        wormsift.read_signatures("/nothing/of/the/kind")
    assert {it["name"] for it in wormsift.scenarios()} >= {"outbreak", "telescope"}

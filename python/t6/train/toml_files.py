"""TOML files that extend each other, and settings of the command line that change what they say."""

import pathlib
import tomllib
from typing import Any, NamedTuple

from .errors import TrainError, require
from .settings import SECTIONS

MOST_EXTENDS = 8


class Setting(NamedTuple):
    """`section.key` and the text of a TOML value; literal: a string as it stands, quotation marks and all."""

    key: str
    value: str
    literal: bool = False


def parse_setting(text: str) -> Setting:
    """Of "train.steps=100". Error: not of this form."""
    key, equals, value = text.partition("=")
    section, dot, name = key.partition(".")
    require(bool(equals and dot and section and name),
            f'"{text}" is not a setting; wanted SECTION.KEY=VALUE, for example train.steps=100')
    return Setting(key, value)


def plain(value: Any, source: str) -> Any:
    """A value of TOML as JSON has it. Error: a date or time, which no configuration holds."""
    if isinstance(value, dict):
        return {key: plain(item, source) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, source) for item in value]
    require(isinstance(value, (str, int, float, bool)), f"{source}: {value}: dates and times are not used here")
    return value


def read_toml(path: pathlib.Path, depth: int = 0) -> dict[str, Any]:
    """A file and what it extends: `extends` names another, beside it, to which it adds. Errors: not TOML, a circle."""
    require(depth <= MOST_EXTENDS, f"{path}: more than {MOST_EXTENDS} files extend each other; is there a circle?")
    try:
        table = plain(tomllib.loads(path.read_bytes().decode()), str(path))
    except OSError as error:
        raise TrainError(f"{path}: cannot open: {error.strerror}") from error
    except TrainError:
        raise
    except (ValueError, RecursionError) as error:
        raise TrainError(f"{path}: not valid TOML: {error}") from error
    if "extends" not in table:
        return table
    base_name = table.pop("extends")
    require(isinstance(base_name, str), f'{path}: "extends" must be a string, not {base_name}')
    base = read_toml(path.parent / base_name, depth + 1)
    name_preset(base, table.get("model"))
    return merged(base, table)


def name_preset(table: dict[str, Any], changes: Any) -> None:
    """Where `changes` of a model name a preset, the kind that was named before is that of the preset before."""
    if isinstance(changes, dict) and "preset" in changes and isinstance(table.get("model"), dict):
        table["model"].pop("attention_kind", None)


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `changes`, table by table."""
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def holds_text(section: str, name: str) -> bool:
    """Whether a key holds a string, whatever its value looks like."""
    if (section, name) == ("model", "preset"):
        return True
    key = SECTIONS.get(section, {}).get(name)
    return key is not None and isinstance(key.default, str)


def value_of(setting: Setting, text: bool) -> Any:
    if setting.literal or (text and not setting.value.startswith(('"', "'"))):
        return setting.value
    try:
        table = tomllib.loads("value = " + setting.value)
        value = plain(table["value"], setting.key) if len(table) == 1 else setting.value
    except (ValueError, RecursionError):
        value = setting.value
    return setting.value if text and not isinstance(value, str) else value


def apply_settings(table: dict[str, Any], settings: list[Setting]) -> None:
    """Puts the values of the command line into their places."""
    for setting in settings:
        section, _, name = setting.key.partition(".")
        values = table.setdefault(section, {})
        if isinstance(values, dict):
            values[name] = value_of(setting, holds_text(section, name))

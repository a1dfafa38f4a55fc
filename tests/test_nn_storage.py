"""Files: exact, readable, PyTorch's; damaged and hostile ones give one clear error and change nothing."""

import contextlib
import json
import math
import os
import socket
import struct
import sys

import numpy as np
import pytest

import nn
from autograd.files import write_atomically
from nn.storage import from_json

NUMBERS = [0.1, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1.7976931348623157e308, 1 / 3, -2.5, 1e22, 7.0, 0.0, 3.0]


@pytest.fixture
def model():
    """A network of 13 parameters."""
    model = nn.MLP([2, 3, 1], seed=0)
    for parameter, number in zip(model.parameters(), NUMBERS, strict=True):
        parameter.data = number
    return model


def bits(model):
    return [struct.pack("<d", parameter.data) for parameter in model.parameters()]


@pytest.fixture(params=[".json", ".safetensors"])
def path(request, tmp_path):
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
    return tmp_path / f"model{request.param}"


def test_every_number_comes_back_to_the_last_bit(model, path):
    nn.save(model, path)
    other = nn.MLP([2, 3, 1])
    nn.load(other, path)
    assert bits(other) == bits(model)


def test_saving_replaces_the_file_and_leaves_no_others(model, path):
    path.write_text("old")
    nn.save(model, str(path))
    assert os.listdir(path.parent) == [path.name]
    nn.load(model, str(path))


def test_a_failed_write_leaves_the_old_file(model, path, monkeypatch):
    path.write_text("old")

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        nn.save(model, path)
    assert path.read_text() == "old"
    assert os.listdir(path.parent) == [path.name]


def test_what_a_killed_process_left_is_removed_at_the_next_write(model, path):
    leftovers = [path.parent / f"{path.name}.{number:08x}.part" for number in range(2)]
    others = [path.parent / f"{path.name}.part", path.parent / f"other{path.name}.{0:08x}.part"]
    for left in leftovers + others:
        left.write_text("half")
    nn.save(model, path)
    assert sorted(os.listdir(path.parent)) == sorted(p.name for p in [path, *others])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # JAX warns of it, if another test has loaded it
def test_what_a_living_process_writes_stays(tmp_path, monkeypatch):
    """One process writes in the middle of another's write."""
    path, fsync = tmp_path / "file", os.fsync

    def pause(descriptor):
        monkeypatch.setattr(os, "fsync", fsync)
        if not (child := os.fork()):
            os._exit(bool(write_atomically(path, b"inner")))
        assert os.waitpid(child, 0)[1] == 0
        assert path.read_bytes() == b"inner"

    monkeypatch.setattr(os, "fsync", pause)
    write_atomically(path, b"outer")
    assert path.read_bytes() == b"outer"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "link to a pipe"])
def test_only_files_are_read_and_written(model, path, kind):
    with socket.socket(socket.AF_UNIX) if kind == "socket" else contextlib.nullcontext() as bound:
        if kind == "socket":
            bound.bind(str(path))
        elif kind == "device":
            path.symlink_to("/dev/null")
        else:
            pipe = path if kind == "pipe" else path.with_name("pipe")
            os.mkfifo(pipe)
            if pipe != path:
                path.symlink_to(pipe)
        message = f"is a {kind.rpartition(' ')[2]}, not a file"
        with pytest.raises(nn.StorageError, match=message):
            nn.load(model, path)
        for error in (OSError, ValueError):
            with pytest.raises(error, match=message):
                nn.save(model, path)


def test_a_directory_is_no_file(model, path):
    path.mkdir()
    for call in (nn.save, nn.load):
        with pytest.raises(IsADirectoryError, match="is a directory"):
            call(model, path)
    assert os.listdir(path) == []


def test_a_parameter_cannot_have_the_name_that_safetensors_reserve(tmp_path):
    model = nn.Module()
    model.__dict__["__metadata__"] = nn.Parameter(1.0)
    nn.save(model, tmp_path / "m.json")
    nn.load(model, tmp_path / "m.json")
    pytest.importorskip("safetensors")
    with pytest.raises(ValueError, match="can be called '__metadata__'"):
        nn.save(model, tmp_path / "m.safetensors")
    assert os.listdir(tmp_path) == ["m.json"]


def test_names_of_a_file_are_escaped_and_counted(tmp_path):
    path = tmp_path / "m.json"
    names = [f"\x1b[31m{number}\u202e{'x' * 200}" for number in range(300)]
    path.write_text(json.dumps(dict.fromkeys(names, 0)))
    with pytest.raises(nn.StorageError, match="unexpected") as error:
        nn.load(nn.Linear(1, 1), path)
    assert str(error.value).isascii()
    assert "\x1b" not in str(error.value)
    assert r"\x1b[31m10\u202exxx" in str(error.value)
    assert "... and 272 more" in str(error.value)
    assert len(str(error.value)) < 20_000


@pytest.mark.slow
def test_names_given_twice_are_found_in_linear_time():
    """The old way compared each of these names with all others: hours."""
    text = json.dumps(dict.fromkeys(map(str, range(300_000)), 0))[:-1] + ', "7": 1}'
    with pytest.raises(ValueError, match=r"this JSON has some names twice: 7$"):
        from_json(text.encode())


def test_a_file_keeps_its_mode(model, path):
    path.write_text("old")
    path.chmod(0o640)
    nn.save(model, path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_an_error_names_the_file_that_was_asked_for(model, path):
    missing = path.parent / "nope" / path.name
    with pytest.raises(FileNotFoundError) as error:
        nn.save(model, missing)
    assert error.value.filename == str(missing)


def test_booleans_among_numbers_are_refused():
    model = nn.Linear(2, 3, seed=0)
    before = bits(model)
    with pytest.raises(ValueError, match="weight: expected numbers, got a boolean among them"):
        model.load_state_dict({"weight": [[1, 2], [3, 4], [5, True]], "bias": [0, 0, 0]})
    assert bits(model) == before


@pytest.mark.parametrize("call", [nn.save, nn.load])
@pytest.mark.parametrize("arguments", [("a.json", nn.Module()), ({}, "a.json"), (nn.Module(), 3)])
def test_a_model_and_a_path_are_needed(call, arguments):
    with pytest.raises(TypeError, match="takes a Module and a path, such as"):
        call(*arguments)


def test_a_link_stays_a_link(model, tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    nn.save(model, tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    nn.load(model, tmp_path / "real.json")


def test_json_is_names_and_numbers(tmp_path):
    layer = nn.Linear(2, 2, seed=0)
    layer.load_state_dict({"weight": [[-34.4, 2.0], [-2.52, math.inf]], "bias": [2.14, math.nan]})
    nn.save(layer, tmp_path / "layer.json")
    text = (tmp_path / "layer.json").read_text()
    assert text == ('{\n  "weight": [\n    [-34.4, 2.0],\n    [-2.52, "Infinity"]\n  ],\n  "bias": [2.14, "NaN"]\n}\n')
    assert json.loads(text)["bias"][0] == 2.14


def test_names_are_data(tmp_path):
    model = nn.Module()
    model.weights = {'a "b" \n<ä>': nn.Parameter(1.0)}
    nn.save(model, tmp_path / "m.json")
    model.parameters()[0].data = 0.0
    nn.load(model, tmp_path / "m.json")
    assert model.parameters()[0].data == 1.0


def test_torch_takes_the_file(tmp_path):
    torch = pytest.importorskip("torch", reason="exchanges a file with PyTorch")
    safetensors = pytest.importorskip("safetensors.torch")
    model = nn.MLP([2, 3, 1], "relu", seed=0)
    nn.save(model, tmp_path / "m.safetensors")
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1)).double()
    theirs.load_state_dict(safetensors.load_file(tmp_path / "m.safetensors"))
    row = [0.5, -1.5]
    assert theirs(torch.tensor(row, dtype=torch.float64)).item() == pytest.approx(model(row)[0].data, rel=1e-14)
    safetensors.save_file(theirs.float().state_dict(), tmp_path / "back.safetensors")
    nn.load(model, tmp_path / "back.safetensors")
    assert model([0.0, 0.0])[0].data == pytest.approx(theirs(torch.zeros(2)).item(), rel=1e-6)


def safetensors_bytes(**arrays):
    return pytest.importorskip("safetensors.numpy").save(arrays)


GOOD = {"weight": [[1.0]], "bias": [0.0]}
DAMAGED = {
    "empty": (".json", b"", "only a part of one"),
    "truncated": (".json", json.dumps(GOOD).encode()[:-4], "only a part of one"),
    "text": (".json", b"hello", "no JSON file"),
    "binary": (".json", bytes(range(256)), "no JSON file"),
    "a list": (".json", b"[1, 2]", "names and numbers, got a list"),
    "a number": (".json", b"1", "names and numbers, got a float|int"),
    "nested deeply": (".json", b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "numbers nested deeply": (".json", b'{"bias":' + b"[" * 400 + b"]" * 400 + b"}", "bias: expected"),
    "names twice": (".json", b'{"bias": [1], "bias": [2]}', "twice: bias"),
    "text for numbers": (".json", b'{"weight": [["1"]], "bias": [null]}', "weight: expected numbers"),
    "objects for numbers": (".json", b'{"weight": {"a": 1}, "bias": [0]}', "weight: expected numbers"),
    "ragged": (".json", b'{"weight": [[1], []], "bias": [0]}', "weight: expected numbers of shape"),
    "huge integer": (".json", b'{"weight": [[1]], "bias": [' + b"9" * 5000 + b"]}", "5000 digits"),
    "a boolean": (".json", b'{"weight": [[1]], "bias": [true]}', "bias: expected numbers, got bool data"),
    "beyond floats": (".json", b'{"weight": [[1]], "bias": [1e999]}', "1e999 is too large for a float"),
    "too large": (".json", b" " * 100_000_000, "100,000,000 bytes are too many; at most 1,000,200"),
    "empty safetensors": (".safetensors", b"", "no safetensors file"),
    "pickle": (".safetensors", b"\x80\x04K\x01.", "no safetensors file"),
    "hostile length": (".safetensors", b"\xff" * 8 + b"{}", "no safetensors file"),
    "bfloat16": (
        ".safetensors",
        struct.pack("<Q", 64) + b'{"bias":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'.ljust(64) + bytes(2),
        "numbers of type BF16 cannot be read",
    ),
    "wrong offsets": (
        ".safetensors",
        struct.pack("<Q", 64) + b'{"bias":{"dtype":"F64","shape":[9],"data_offsets":[0,8]}}      ' + bytes(8),
        "no safetensors file",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_and_hostile_files(name, tmp_path):
    suffix, content, message = DAMAGED[name]
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)
    layer = nn.Linear(1, 1, seed=0)
    before = bits(layer)
    with pytest.raises(nn.StorageError, match=message) as error:
        nn.load(layer, path)
    assert str(path) in str(error.value)
    assert len(str(error.value)) < 1000
    assert bits(layer) == before


def test_a_truncated_safetensors_file(tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(safetensors_bytes(weight=np.ones((1, 1)), bias=np.ones(1))[:-3])
    with pytest.raises(nn.StorageError, match="only a part of one"):
        nn.load(nn.Linear(1, 1), path)


def test_all_that_does_not_fit_is_listed(model, path):
    nn.save(model, path)
    other = nn.MLP([3, 2, 2, 1], seed=0)
    before = bits(other)
    with pytest.raises(nn.StorageError, match="nothing was changed") as error:
        nn.load(other, path)
    for problem in (
        "0.weight: expected shape (2, 3), got (3, 2)",
        "0.bias: expected shape (2,), got (3,)",
        "2.weight: expected shape (2, 2), got (1, 3)",
        "2.bias: expected shape (2,), got (1,)",
        "4.weight: missing",
        "4.bias: missing",
    ):
        assert problem in str(error.value)
    assert bits(other) == before


def test_storage_error_is_a_value_error():
    assert issubclass(nn.StorageError, ValueError)


def test_other_endings(model, tmp_path):
    for call in (nn.save, nn.load):
        with pytest.raises(ValueError, match=r"must be one of .json, .safetensors; got '.pkl'"):
            call(model, tmp_path / "model.pkl")


def test_a_file_that_is_not_there(model, tmp_path):
    with pytest.raises(FileNotFoundError):
        nn.load(model, tmp_path / "none.json")


def test_without_safetensors_the_error_names_the_extra(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r"chainrule\[storage\]"):
        nn.save(model, tmp_path / "m.safetensors")

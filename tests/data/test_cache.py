import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from symjax_models.data import cache

CONSTANTS = {"mass": 1.5, "sizes": (3, 2)}


def make():
    return {"x": np.arange(24.0).reshape(2, 3, 4), "flags": np.array([True, False])}


def assert_same(arrays, expected):
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / cache.file_name("thing", CONSTANTS)
    cache.write(path, make(), constants=CONSTANTS)
    return path


def start(code, *arguments):
    """Start Python on some code that can import the package."""
    root = pathlib.Path(cache.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def regenerate(folder):
    """Return what `load_or_make` reports and whether it computed."""
    lines, made = [], []

    def count():
        made.append(1)
        return make()

    arrays = cache.load_or_make(
        "thing", count, constants=CONSTANTS, folder=folder, report=lines.append
    )
    assert_same(arrays, make())
    return lines, bool(made)


def test_arrays_come_back_as_written(path):
    assert_same(cache.read(path, constants=CONSTANTS), make())
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_load_or_make_computes_once(tmp_path):
    assert regenerate(tmp_path) == ([], True)
    assert regenerate(tmp_path) == ([], False)


def test_truncated_file_is_refused_and_made_again(path):
    contents = path.read_bytes()
    for length in (0, 1, 100, len(contents) // 2, len(contents) - 1):
        path.write_bytes(contents[:length])
        with pytest.raises(cache.CacheError, match="damaged or incomplete"):
            cache.read(path, constants=CONSTANTS)
        lines, computed = regenerate(path.parent)
        assert computed
        assert len(lines) == 1
        assert str(path) in lines[0]
        assert "making it again" in lines[0]
    assert regenerate(path.parent) == ([], False)


def test_flipped_byte_is_refused_or_harmless(path):
    contents, refused = path.read_bytes(), 0
    places = range(0, len(contents), 3)
    for place in places:
        altered = bytearray(contents)
        altered[place] ^= 0x55
        path.write_bytes(altered)
        try:
            arrays = cache.read(path, constants=CONSTANTS)
        except cache.CacheError:
            refused += 1
        else:
            # Such as the time of day that the zip format keeps.
            assert_same(arrays, make())
    assert refused > 0.5 * len(places)


def test_altered_array_with_sound_zip_is_refused(path):
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["x"][0, 0, 0] += 1e-12
    np.savez(path, **arrays)
    with pytest.raises(cache.CacheError, match="altered"):
        cache.read(path, constants=CONSTANTS)
    lines, computed = regenerate(path.parent)
    assert computed
    assert "altered" in lines[0]


def test_other_constants_are_refused(path):
    other = {**CONSTANTS, "mass": 1.6}
    with pytest.raises(cache.CacheError, match="made from other constants"):
        cache.read(path, constants=other)
    # As when somebody renames a file: the name promises what the header does not keep.
    path.rename(path.with_name(cache.file_name("thing", other)))
    lines = []
    cache.load_or_make("thing", make, constants=other, folder=path.parent, report=lines.append)
    assert len(lines) == 1
    assert "other constants" in lines[0]


def test_other_format_is_refused(path, monkeypatch):
    monkeypatch.setattr(cache, "FORMAT_VERSION", cache.FORMAT_VERSION + 1)
    with pytest.raises(cache.CacheError, match="format"):
        cache.read(path, constants=CONSTANTS)


def test_foreign_file_is_refused(path):
    np.savez(path, x=np.zeros(3))
    with pytest.raises(cache.CacheError, match="damaged"):
        cache.read(path, constants=CONSTANTS)
    path.write_bytes(b"import this")
    with pytest.raises(cache.CacheError, match="damaged"):
        cache.read(path, constants=CONSTANTS)


def test_killed_writer_leaves_nothing_that_looks_complete(tmp_path):
    code = """if True:
        import os, sys, time
        import numpy as np
        from symjax_models.data import cache
        def hang(descriptor):
            print("written", flush=True)
            time.sleep(60)
        os.fsync = hang
        cache.load_or_make("thing", lambda: {"x": np.zeros(10)},
                           constants={"mass": 1.5, "sizes": [3, 2]}, folder=sys.argv[1])
    """
    with start(code, tmp_path) as process:
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    (temporary,) = tmp_path.iterdir()
    assert temporary.suffix == ".tmp"
    # The next one makes its own file, and does not mistake the young leftover for a dead one.
    assert regenerate(tmp_path) == ([], True)
    assert temporary.exists()
    old = time.time() - 3600
    os.utime(temporary, (old, old))
    assert regenerate(tmp_path) == ([], False)
    assert not temporary.exists()


def test_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        regenerate(tmp_path)
    assert not list(tmp_path.iterdir())


def test_two_writers_at_once_never_show_half_a_file(tmp_path):
    code = """if True:
        import sys
        import numpy as np
        from symjax_models.data import cache
        for _ in range(40):
            cache.write(sys.argv[1], {"x": np.arange(20000.0)}, constants={})
    """
    path = tmp_path / "both.npz"
    reads = 0
    with start(code, path) as first, start(code, path) as second:
        while first.poll() is None or second.poll() is None:
            try:
                arrays = cache.read(path, constants={})
            except FileNotFoundError:
                continue
            reads += 1
            assert arrays["x"][-1] == 19999.0
    assert first.returncode == second.returncode == 0
    assert reads > 0
    assert [file.name for file in tmp_path.iterdir()] == ["both.npz"]


def test_folder_that_cannot_be_made_is_told_in_one_line(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    lines, computed = regenerate(blocked / "cache")
    assert computed
    assert len(lines) == 1
    assert "cannot write in" in lines[0]
    assert cache.ENVIRONMENT_VARIABLE in lines[0]


def test_full_disk_is_told_in_one_line(tmp_path):
    # A limit on the size of files fails in the middle of a write, as a full disk does.
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    lines = []
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10000, hard))
        arrays = cache.load_or_make(
            "thing",
            lambda: {"x": np.arange(5000.0)},
            constants={},
            folder=tmp_path,
            report=lines.append,
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(arrays["x"]) == 5000
    assert len(lines) == 1
    assert "could not store" in lines[0]
    assert cache.ENVIRONMENT_VARIABLE in lines[0]
    assert not list(tmp_path.iterdir())


def test_write_refuses_objects_and_the_name_of_the_header(tmp_path):
    for arrays in ({"x": np.array([None])}, {"header": np.zeros(1)}):
        with pytest.raises(ValueError, match="expected plain arrays"):
            cache.write(tmp_path / "x.npz", arrays, constants={})
    assert not list(tmp_path.iterdir())


def test_default_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMJAX_MODELS_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.default_folder() == tmp_path / "own"
    monkeypatch.delenv("SYMJAX_MODELS_CACHE")
    assert cache.default_folder() == tmp_path / "xdg" / "symjax_models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.default_folder() == tmp_path / ".cache" / "symjax_models"
    lines = []
    monkeypatch.setenv("SYMJAX_MODELS_CACHE", str(tmp_path / "own"))
    cache.load_or_make("thing", make, constants=CONSTANTS, report=lines.append)
    assert (tmp_path / "own" / cache.file_name("thing", CONSTANTS)).exists()

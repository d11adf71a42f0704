import io

from symjax_models import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(monkeypatch, *, stream, report=None):
    """Report 10 items, one per simulated second."""
    clock = iter(range(100))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(progress.sys, "stderr", stream)
    line = progress.ProgressLine("work", total=20, unit="items", report=report)
    for _ in range(20):
        line.advance(1)
    line.finish()


def test_progress_changes_one_line_on_a_terminal(monkeypatch):
    stream = Terminal()
    run(monkeypatch, stream=stream)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.count("\r") == 21
    assert "work: 5/20 items, 1 items/s, ETA 15.0 s" in text
    assert "work: 20 items in 21.0 s, 0.95 items/s" in text


def test_progress_is_sparse_elsewhere(monkeypatch):
    stream, lines = io.StringIO(), []
    run(monkeypatch, stream=stream)
    assert stream.getvalue().splitlines() == [
        "work: 10/20 items, 1 items/s, ETA 10.0 s",
        "work: 20/20 items, 1 items/s, ETA 0.0 s",
        "work: 20 items in 21.0 s, 0.95 items/s",
    ]
    run(monkeypatch, stream=Terminal(), report=lines.append)
    assert lines == stream.getvalue().splitlines()

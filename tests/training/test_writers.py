import sys

import pytest

from symjax_models.training import writers


def test_records_come_back(tmp_path):
    writer = writers.MetricsWriter(tmp_path)
    writer.write(1, {"loss": [0.5, 0.25]})
    writer.write(2, {"loss": [0.4, 0.2]})
    assert writers.read_metrics(tmp_path) == writer.records
    assert writer.records[1] == {"step": 2, "loss": [0.4, 0.2]}


def test_resuming_drops_what_will_be_run_again(tmp_path):
    writer = writers.MetricsWriter(tmp_path)
    for step in (1, 2, 3):
        writer.write(step, {"loss": 1.0})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')  # killed while writing
    resumed = writers.MetricsWriter(tmp_path, resume_step=2)
    resumed.write(3, {"loss": 2.0})
    assert [(r["step"], r["loss"]) for r in writers.read_metrics(tmp_path)] == [
        (1, 1.0),
        (2, 1.0),
        (3, 2.0),
    ]


def test_silent_writer_leaves_no_file(tmp_path):
    writer = writers.MetricsWriter(tmp_path, is_silent=True)
    writer.write(1, {"loss": 1.0})
    assert writer.records == [{"step": 1, "loss": 1.0}]
    assert not list(tmp_path.iterdir())


def test_missing_tensorboard_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"pip install 'symjax_models\[tensorboard\]'"):
        writers.MetricsWriter(tmp_path, tensorboard=True)


def test_tensorboard_gets_every_scalar_of_every_seed(tmp_path, monkeypatch):
    class SummaryWriter:
        def __init__(self, folder, purge_step):
            assert purge_step == 0
            self.scalars = []
            made.append(self)

        def add_scalar(self, name, value, step):
            self.scalars.append((name, value, step))

        def flush(self):
            pass

    made = []
    module = type(sys)("tensorboardX")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "tensorboardX", module)
    writers.MetricsWriter(tmp_path, tensorboard=True).write(7, {"loss": [1.0, 2.0], "rate": 0.1})
    assert made[0].scalars == [("loss/seed_0", 1.0, 7), ("loss/seed_1", 2.0, 7), ("rate", 0.1, 7)]

"""Published test errors of the tasks of the synthetic table."""

# Test MSE in raw label units, mean ± standard deviation over 3 trials, by task, row and number of
# training examples. Aggregated from experiments/notebooks/synthetic_results_all.csv in the code of
# Finzi, Welling, Wilson 2021, arXiv:2104.09459; EMLP for the group of the row.
_SIZES = (30, 100, 300, 1000, 3000, 10_000, 30_000)
_EMLP = {
    "o5": {
        "emlp": "0.1519±.062 0.0408±.0017 0.0344±.0025 0.0170±.0044 0.0310±.0058 0.0130±.0083 "
        "0.0273±.0056",
        "mlp": "28.1±3.1 2.83±.11 0.2482±.020 0.0892±.0037 0.0623±.0007 0.0616±.0049 0.0622±.0036",
        "mlp_augmented": "0.476±.10 0.397±.10 0.0936±.011 0.0633±.0058 0.0889±.0093 0.0702±.0051 "
        "0.0672±.0060",
    },
    "inertia": {
        "emlp": "4.106±.31 1.439±.40 0.3035±.051 0.1360±.043 0.0282±.0017 0.0180±.0013 "
        "0.0141±.0016",
        "mlp": "13.43±.09 7.908±.064 4.935±.14 3.236±.0025 0.8397±.024 0.1537±.0051 0.1117±.0048",
        "mlp_augmented": "4.643±.032 1.785±.053 0.4636±.0075 0.1301±.0055 0.1118±.0021 "
        "0.1118±.0050 0.1064±.0053",
    },
    "lorentz": {
        "emlp": "0.5400±.023 0.00888±.0025 0.00195±.00018 0.000330±.000043 0.000266±.000066 "
        "0.000264±.000028 0.000158±.000016",
        "mlp": "0.7333±.0015 0.7330±.0015 0.6974±.0090 0.3640±.030 0.0504±.0037 0.0166±.0007 "
        "0.0120±.0010",
        "mlp_augmented": "0.6274±.0089 0.1902±.022 0.0397±.0052 0.01252±.0008 0.01083±.0003 "
        "0.01342±.0022 0.01176±.0008",
    },
}
# Finzi, Benton, Wilson 2021, arXiv:2112.01388: outputs of its notebooks, 10 trials; the last one is
# read off a figure, the best of a sweep.
_RESIDUAL = {"mlp": "4.7919", "emlp": "1.1851", "residual_emlp": "≈ 0.27"}


def published(task: str, row: str, num_train: int) -> str:
    """Return the published error of a row as text; empty if there is none.

    >>> published("o5", "emlp", 1000)
    '0.0170±.0044'
    """
    if task == "modified_inertia" and num_train == 1000:
        return _RESIDUAL.get(row, "")
    found = _EMLP.get(task, {}).get(row, "").split()
    return dict(zip(_SIZES, found, strict=False)).get(num_train, "")


def published_curve(task: str, row: str) -> tuple[list[int], list[float]]:
    """Return the sizes of training sets and the published mean errors of a row."""
    means = [float(text.split("±")[0]) for text in _EMLP.get(task, {}).get(row, "").split()]
    return list(_SIZES[: len(means)]), means

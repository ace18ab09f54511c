"""The error of a run that cannot go on: what was found, and what was wanted."""


class TrainError(ValueError):
    """Its message names the file or setting. `python -m t6.train` prints it and ends with exit code 1."""


def require(good: bool, message: str) -> None:
    """Error: `message`, unless `good`."""
    if not good:
        raise TrainError(message)

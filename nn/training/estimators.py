"""MLPClassifier and MLPRegressor: `fit` in the manner of scikit-learn, for its pipelines and searches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.extras import missing_extra

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state, column_or_1d, compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as missing:
    raise missing_extra("an estimator, with scikit-learn 1.6 or later,", "sklearn") from missing

from ..checks import kind_of, positive_integer
from ..layers import MLP
from ..losses import cross_entropy, mse, nll
from ..optim import Adam, Optimizer
from ..optim.whole import WholeOptimizer
from ..types import Loss, Vector
from .fit import fit

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from autograd import Drawing

    from ..module import Parameter

_WHOLE = 500  # up to this many rows, "auto" takes all of them per step
_BATCH = 128


class _Network(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both estimators have in common: their parameters, and training."""

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (16,),
        activation: str = "softplus",
        *,
        loss: Loss | None = None,
        optimizer: Callable[[Sequence[Parameter]], Optimizer] | None = None,
        epochs: int = 300,
        batch_size: int | str | None = "auto",
        tolerance: float | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.optimizer = optimizer
        self.epochs = epochs
        self.batch_size = batch_size
        self.tolerance = tolerance
        self.random_state = random_state
        self.verbose = verbose

    def _train(
        self, rows: Vector, targets: np.ndarray[Any, Any], outputs: int, loss: Loss, sample_weight: Vector | None
    ) -> None:
        """Trains a new network; the attributes change when it is done."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        sizes = [rows.shape[1], *np.atleast_1d(np.asarray(self.hidden_layer_sizes, dtype=object)).tolist(), outputs]
        module = MLP(sizes, self.activation, seed=seed)
        if self.optimizer is not None and not callable(self.optimizer):
            raise TypeError(
                "optimizer must be a function of the parameters, such as "
                f"lambda parameters: nn.Adam(parameters, lr=0.01); got {kind_of(self.optimizer)}"
            )
        optimizer = (self.optimizer or _default_optimizer)(module.parameters())
        history = fit(
            module,
            rows,
            targets,
            loss=loss,
            optimizer=optimizer,
            epochs=self.epochs,
            batch_size=self._rows_per_step(len(rows), optimizer),
            tolerance=self.tolerance,
            sample_weight=sample_weight,
            seed=seed,
            progress=bool(self.verbose),
        )
        self.module_, self.history_, self.n_iter_ = module, history, len(history)

    def _rows_per_step(self, rows: int, optimizer: Optimizer) -> int | None:
        if self.batch_size is None or isinstance(optimizer, WholeOptimizer):
            return None
        if isinstance(self.batch_size, str):
            if self.batch_size != "auto":
                raise ValueError(f"batch_size must be a number of rows, None or 'auto', got {self.batch_size!r}")
            return None if rows <= _WHOLE else _BATCH
        return min(positive_integer(self.batch_size, "batch_size"), rows)

    def _outputs(self, X: ArrayLike) -> Vector:  # noqa: N803
        """What the network gives for each row, before a softmax."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        return self.module_.predict(rows)

    def _drawn(self, options: Mapping[str, Any], outputs: Sequence[str] | None) -> Drawing:
        from ..pictures.diagram import diagram

        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        known = {"inputs": None if names is None else list(map(str, names)), "outputs": outputs}
        return diagram(self.module_, **{**known, **options})


def _default_optimizer(parameters: Sequence[Parameter]) -> Optimizer:
    return Adam(parameters, lr=0.02)


class MLPClassifier(ClassifierMixin, _Network):  # type: ignore[misc]
    """A multilayer perceptron that tells classes apart, as a scikit-learn estimator over `nn.fit`.

    It goes into a `Pipeline` and a `GridSearchCV` like any other; scale the inputs before it. The network is an
    `nn.MLP` with one raw output per class, so everything else of this library works on `module_`.

    Args:
        hidden_layer_sizes: the number of nodes in each hidden layer; a number for one layer.
        activation: of the hidden layers, as in `nn.MLP`.
        loss: `loss(outputs, target)` of one observation; by default `nn.cross_entropy`, which gets the class as an
            index; others get one-hot shares. `nn.nll` is refused, since the outputs are no logarithms.
        optimizer: a function of the parameters that returns an optimiser, such as `nn.LBFGS` or
            `functools.partial(nn.SGD, lr=0.1)`; by default `nn.Adam` with a learning rate of 0.02.
        epochs: how many times to go through all observations.
        batch_size: observations per step; None for all. "auto" takes all up to 500 rows, otherwise 128.
        tolerance: stop when no parameter changed by this much in any step of an epoch.
        class_weight: a dict with the weight of each class, or "balanced": inverse to how often each occurs.
        random_state: a seed or RandomState, for the first weights and the order of observations.
        verbose: whether to show progress.

    Attributes:
        classes_: the labels, sorted.
        module_: the trained `nn.MLP`.
        history_: the `nn.History` of the training; `n_iter_` is its number of epochs.
        n_features_in_, feature_names_in_: as in scikit-learn.

    Raises:
        ImportError: scikit-learn is not installed (extra "sklearn").

    >>> import nn
    >>> model = nn.MLPClassifier(4, random_state=0, epochs=100).fit([[0.0], [1.0], [2.0], [3.0]], list("aabb"))
    >>> model.predict([[0.2], [2.9]]).tolist()
    ['a', 'b']
    """

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (16,),
        activation: str = "softplus",
        *,
        loss: Loss | None = None,
        optimizer: Callable[[Sequence[Parameter]], Optimizer] | None = None,
        epochs: int = 300,
        batch_size: int | str | None = "auto",
        tolerance: float | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            loss=loss,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            tolerance=tolerance,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> MLPClassifier:  # noqa: N803
        """Trains a new network.

        Args:
            X: the inputs, of shape (rows, features).
            y: the class of each row, numbers or strings.
            sample_weight: how much each row counts, of shape (rows,).

        Returns:
            The estimator itself.

        Raises:
            ValueError: the data do not fit, or are not finite.
        """
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        classes, targets = np.unique(labels, return_inverse=True)
        weights = None if sample_weight is None else column_or_1d(sample_weight, dtype=np.float64)
        if self.class_weight is not None:
            of_class = compute_class_weight(self.class_weight, classes=classes, y=labels)
            weights = of_class[targets] * (1.0 if weights is None else weights)
        loss = cross_entropy if self.loss is None else self.loss
        if loss is nll:
            raise ValueError("loss: nn.nll takes logarithms of probabilities; for raw outputs it is nn.cross_entropy")
        as_given: np.ndarray[Any, Any] = targets if loss is cross_entropy else np.eye(len(classes))[targets]
        self._train(rows, as_given, len(classes), loss, weights)
        self.classes_ = classes
        return self

    def decision_function(self, X: ArrayLike) -> Vector:  # noqa: N803
        """The raw outputs, of shape (rows, classes); for two classes the second minus the first, of shape (rows,)."""
        outputs = self._outputs(X)
        return outputs[:, 1] - outputs[:, 0] if len(self.classes_) == 2 else outputs

    def predict_proba(self, X: ArrayLike) -> Vector:  # noqa: N803
        """The softmax of the raw outputs, of shape (rows, classes)."""
        shares = np.exp(self.predict_log_proba(X))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def predict_log_proba(self, X: ArrayLike) -> Vector:  # noqa: N803
        """The logarithm of the softmax, of shape (rows, classes)."""
        outputs = self._outputs(X)
        lead = outputs - outputs.max(axis=1, keepdims=True)
        return np.asarray(lead - np.log(np.exp(lead).sum(axis=1, keepdims=True)))

    def predict(self, X: ArrayLike) -> np.ndarray[Any, Any]:  # noqa: N803
        """The class with the largest output, of shape (rows,)."""
        outputs = self._outputs(X)
        return np.asarray(self.classes_[outputs.argmax(axis=1)])

    def diagram(self, **options: Any) -> Drawing:
        """The network as `nn.diagram` draws it, which takes the options; features and classes name its ends."""
        return self._drawn(options, list(map(str, self.classes_)) if hasattr(self, "classes_") else None)


class MLPRegressor(RegressorMixin, _Network):  # type: ignore[misc]
    """A multilayer perceptron that predicts numbers, as a scikit-learn estimator over `nn.fit`.

    It goes into a `Pipeline` and a `GridSearchCV` like any other; scale inputs and targets before it. The network is an
    `nn.MLP`, so everything else of this library works on `module_`.

    Args:
        hidden_layer_sizes: the number of nodes in each hidden layer; a number for one layer.
        activation: of the hidden layers, as in `nn.MLP`.
        loss: `loss(outputs, target)` of one observation, both lists of one number per output; by default `nn.mse`.
        optimizer: a function of the parameters that returns an optimiser, such as `nn.LevenbergMarquardt` or
            `functools.partial(nn.SGD, lr=0.1)`; by default `nn.Adam` with a learning rate of 0.02.
        epochs: how many times to go through all observations.
        batch_size: observations per step; None for all. "auto" takes all up to 500 rows, otherwise 128.
        tolerance: stop when no parameter changed by this much in any step of an epoch.
        random_state: a seed or RandomState, for the first weights and the order of observations.
        verbose: whether to show progress.

    Attributes:
        module_: the trained `nn.MLP`.
        history_: the `nn.History` of the training; `n_iter_` is its number of epochs.
        n_features_in_, feature_names_in_: as in scikit-learn.

    Raises:
        ImportError: scikit-learn is not installed (extra "sklearn").

    >>> import nn
    >>> model = nn.MLPRegressor(4, optimizer=nn.LevenbergMarquardt, epochs=50, random_state=0)
    >>> model.fit([[0.0], [0.5], [1.0]], [0.0, 1.0, 0.0]).predict([[0.5]]).round(3).tolist()
    [1.0]
    """

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> MLPRegressor:  # noqa: N803
        """Trains a new network.

        Args:
            X: the inputs, of shape (rows, features).
            y: what was observed, of shape (rows,) or (rows, outputs).
            sample_weight: how much each row counts, of shape (rows,).

        Returns:
            The estimator itself.

        Raises:
            ValueError: the data do not fit, or are not finite.
        """
        rows, observed = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        targets = np.asarray(observed, dtype=np.float64)
        loss = mse if self.loss is None else self.loss
        columns = targets.reshape(len(targets), -1)
        weights = None if sample_weight is None else column_or_1d(sample_weight, dtype=np.float64)
        self._train(rows, columns, columns.shape[1], loss, weights)
        self._is_flat = targets.ndim == 1
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X: ArrayLike) -> Vector:  # noqa: N803
        """The outputs, of shape (rows,) or (rows, outputs), as `y` had."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._is_flat else outputs

    def diagram(self, **options: Any) -> Drawing:
        """The network as `nn.diagram` draws it, which takes the options; features name its inputs."""
        return self._drawn(options, None)

"""pyDVL 0.10: its documented routes, and the fastest ones that its parts can be combined into.

As documented, `CgInfluence` solves for one validation sample at a time (or for all of them as a block), and
`ArnoldiInfluence` inverts a low-rank approximation. pyDVL has no route for the gradient of the SUM; the ones called
"internals" pass that gradient to its operators, which takes a user a few lines.
"""

import warnings

from benchmarks.influence_speed.rivals.contender import contend

import numpy as np  # isort: skip (`contender` sets the number of threads)
import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.set_num_threads(1)

from pydvl.influence.torch import ArnoldiInfluence, CgInfluence, LissaInfluence  # noqa: E402
from pydvl.influence.torch.base import TorchBatch, TorchGradientProvider  # noqa: E402
from pydvl.influence.torch.batch_operation import HessianBatchOperation  # noqa: E402
from pydvl.influence.torch.functional import create_batch_hvp_function  # noqa: E402
from pydvl.influence.torch.operator import CgOperator, HessianOperator, LissaOperator  # noqa: E402
from pydvl.influence.torch.preconditioner import NystroemPreconditioner  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from benchmarks.training.residual_pytorch import Block, resnet20  # noqa: E402

BATCH_SIZE = 100
CG_STEPS, LISSA_STEPS = 9, 100  # of the documented routes: as many as the internals need to agree, or nearly agree


class Contender:
    def __init__(self, job):
        self.job = job
        self.model = {"cnn": cnn, "resnet20": resnet}[job.network](job.weights)
        self.loss = nn.functional.cross_entropy
        self.x, self.y = channels_first(job.x), torch.tensor(job.y).long()
        self.x_validation, self.y_validation = channels_first(job.x_validation), torch.tensor(job.y_validation).long()
        self.gradients = TorchGradientProvider(self.model, self.loss, restrict_to=dict(self.model.named_parameters()))

    def logits(self, x):
        with torch.no_grad():
            return self.model(channels_first(x)).numpy()

    def take_fastest_layout(self):
        """PyTorch's faster layout for convolutions on this device; pyDVL's products with many vectors fail on it."""
        self.model.to(memory_format=torch.channels_last)
        self.x = self.x.contiguous(memory_format=torch.channels_last)

    def loader(self, batch_size=BATCH_SIZE):
        return DataLoader(TensorDataset(self.x, self.y), batch_size=batch_size)

    def summed_gradient(self):
        batch = TorchBatch(self.x_validation, self.y_validation)
        return self.gradients.flat_grads(batch).sum(0).detach()

    def scores(self, solution):
        """Returns eq. (1) for every training sample, by pyDVL's per-sample gradients, batch after batch."""
        products = [self.gradients.flat_grads(TorchBatch(x, y)).detach() @ solution for x, y in self.loader()]
        return -torch.cat(products).numpy()


def cnn(weights):
    """Returns the job's CNN."""
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    put(weights, model.parameters())
    return model


def resnet(weights):
    """Returns ResNet-20, in inference mode, with Keras's weights, where each layer's statistics stand beside it."""
    model = resnet20()
    layers = []
    for module in model:
        block = isinstance(module, Block)
        layers += [module.first, module.first_norm, module.second, module.second_norm] if block else [module]
    tensors = []
    for layer in layers:
        statistics = [layer.running_mean, layer.running_var] if isinstance(layer, nn.BatchNorm2d) else []
        tensors += [*layer.parameters(), *statistics]
    put(weights, tensors)
    return model.eval()


def put(weights, tensors):
    """Copies Keras's weights to PyTorch's, in their layout."""
    transposed = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}
    with torch.no_grad():
        for tensor, weight in zip(tensors, weights, strict=True):
            tensor.copy_(torch.tensor(weight.transpose(transposed[weight.ndim])))


def channels_first(images):
    return torch.tensor(np.moveaxis(images, -1, 1)).contiguous()


def documented_cg(contender, columns):
    """One solve for each validation sample."""
    return _documented(contender, columns, CgInfluence(**_cg_settings(contender)))


def documented_block_cg(contender, columns):
    """The solves of some validation samples together, as a block."""
    return _documented(contender, columns, CgInfluence(**_cg_settings(contender), solve_simultaneously=True))


def documented_lissa(contender, columns):
    """As many vectors in every step as there are validation samples."""
    settings = {"regularization": contender.job.damping, "maxiter": LISSA_STEPS, "scale": _scale(contender)}
    return _documented(contender, columns, LissaInfluence(contender.model, contender.loss, **settings))


def documented_arnoldi(contender, rank):
    """A low-rank approximation that inverts for any number of vectors."""
    settings = {"regularization": contender.job.damping, "rank": rank, "use_woodbury": True, "tol": 1e-3}
    influence = ArnoldiInfluence(contender.model, contender.loss, **settings).fit(contender.loader())
    factors = influence.influence_factors(contender.x_validation, contender.y_validation)
    return _scores_from(contender, influence, factors)


def _cg_settings(contender):
    return {
        "model": contender.model,
        "loss": contender.loss,
        "regularization": contender.job.damping,
        "maxiter": CG_STEPS,
        "warn_on_max_iteration": False,
    }


def _documented(contender, columns, influence):
    """Solves for the first few validation samples."""
    influence = influence.fit(contender.loader())
    yield
    factors = influence.influence_factors(contender.x_validation[:columns], contender.y_validation[:columns])
    yield columns, len(contender.x_validation)
    _scores_from(contender, influence, factors)


def _scores_from(contender, influence, factors):
    parts = [influence.influences_from_factors(factors, x, y).detach().sum(0) for x, y in contender.loader()]
    return -torch.cat(parts).numpy()


def internals_cg(contender, steps, preconditioner=None, forward_over_reverse=False):
    """Its conjugate gradients on the summed gradient."""
    contender.take_fastest_layout()
    operator = HessianOperator(contender.model, contender.loss, contender.loader())
    if forward_over_reverse:
        # Its operators always take reverse over reverse; the other way is among its functions, and faster.
        product = create_batch_hvp_function(contender.model, contender.loss, reverse_only=False)
        operator.batch_operation._batch_hvp = product
    if preconditioner is not None:
        preconditioner = preconditioner.fit(operator, contender.job.damping)
    inverse = CgOperator(
        operator,
        contender.job.damping,
        maxiter=steps,
        preconditioner=preconditioner,
        warn_on_max_iteration=False,
    )
    return contender.scores(inverse.apply(contender.summed_gradient()).flatten())


def internals_nystroem_cg(contender, steps):
    return internals_cg(contender, steps, NystroemPreconditioner(rank=10), forward_over_reverse=True)


def internals_forward_cg(contender, steps):
    return internals_cg(contender, steps, forward_over_reverse=True)


def internals_lissa(contender, steps, batch_size=BATCH_SIZE):
    """Its LiSSA on the summed gradient."""
    contender.take_fastest_layout()
    operation = HessianBatchOperation(contender.model, contender.loss)
    operation._batch_hvp = create_batch_hvp_function(contender.model, contender.loss, reverse_only=False)
    inverse = LissaOperator(
        operation,
        contender.loader(batch_size),
        contender.job.damping,
        maxiter=steps,
        scale=_scale(contender),
        warn_on_max_iteration=False,
    )
    return contender.scores(inverse.apply(contender.summed_gradient()))


def _scale(contender):
    # The batches' eigenvalues scatter above that of all the data.
    return 1.5 * (contender.job.largest + contender.job.damping)


if __name__ == "__main__":
    contend(
        Contender,
        {
            "documented cg": documented_cg,
            "documented block cg": documented_block_cg,
            "documented lissa": documented_lissa,
            "documented arnoldi": documented_arnoldi,
            "internals cg": internals_cg,
            "internals forward cg": internals_forward_cg,
            "internals nystroem cg": internals_nystroem_cg,
            "internals lissa": internals_lissa,
        },
    )
